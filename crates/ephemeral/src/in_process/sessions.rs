//! Sessions, found by token, by user, and by when somebody must look at them next.

use std::collections::{BTreeSet, HashMap};

use cloister_kernel::{TenantId, UserId};
use time::OffsetDateTime;

use crate::{
    EndedSession, EndedSessions, MOST_SESSIONS, SessionRecord, TokenHash, ended::SWEEP_LEASE,
    ephemeral::Revoked,
};

type Key = (TenantId, TokenHash);

#[derive(Default)]
pub(super) struct Sessions {
    kept: HashMap<Key, Kept>,
    by_user: HashMap<(TenantId, UserId), Vec<TokenHash>>,
    due: BTreeSet<(OffsetDateTime, TenantId, TokenHash)>,
}

/// A session that is live, or over and not yet written down.
#[derive(Clone)]
struct Kept {
    record: SessionRecord,
    gave_way_at: Option<OffsetDateTime>,
    /// Its end, or the end of the lease of whoever writes that end down.
    due: OffsetDateTime,
}

/// How a token's session stands.
pub(super) enum Standing {
    Absent,
    Live(SessionRecord),
    Ended(EndedSession),
}

impl Kept {
    fn is_live(&self, now: OffsetDateTime) -> bool {
        self.gave_way_at.is_none() && now < self.record.idle_expires_at()
    }
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn standing(&self, key: Key, now: OffsetDateTime) -> Standing {
        match self.kept.get(&key) {
            None => Standing::Absent,
            Some(kept) if kept.is_live(now) => Standing::Live(kept.record.clone()),
            Some(kept) => Standing::Ended(EndedSession::of(&kept.record, key.1, kept.gave_way_at)),
        }
    }

    pub(super) fn insert(&mut self, hash: TokenHash, record: &SessionRecord) {
        let due = record.idle_expires_at();
        let kept = Kept { record: record.clone(), gave_way_at: None, due };
        self.kept.insert((record.tenant, hash), kept);
        self.by_user.entry((record.tenant, record.user)).or_default().push(hash);
        self.due.insert((due, record.tenant, hash));
    }

    /// Notes a call that counted as activity.
    pub(super) fn extend(&mut self, key: Key, now: OffsetDateTime) {
        if let Some(kept) = self.kept.get_mut(&key) {
            kept.record.last_seen_at = now;
            let due = kept.record.idle_expires_at();
            self.look_at(key, due);
        }
    }

    pub(super) fn forget(&mut self, key: Key) {
        let Some(kept) = self.kept.remove(&key) else { return };
        self.due.remove(&(kept.due, key.0, key.1));
        let owner = (key.0, kept.record.user);
        if let Some(hashes) = self.by_user.get_mut(&owner) {
            hashes.retain(|hash| *hash != key.1);
            if hashes.is_empty() {
                self.by_user.remove(&owner);
            }
        }
    }

    /// Makes room: what is over goes, written down or not. How many that were.
    pub(super) fn forget_all_ended(&mut self, now: OffsetDateTime) -> usize {
        let over = self.kept.iter().filter(|(_, kept)| !kept.is_live(now));
        let over: Vec<Key> = over.map(|(key, _)| *key).collect();
        over.iter().for_each(|key| self.forget(*key));
        over.len()
    }

    /// The user's live sessions, oldest first.
    pub(super) fn live_of(
        &self,
        tenant: TenantId,
        user: UserId,
        now: OffsetDateTime,
    ) -> Vec<(TokenHash, SessionRecord)> {
        let hashes = self.by_user.get(&(tenant, user)).map_or(&[][..], Vec::as_slice);
        let kept = hashes.iter().filter_map(|hash| Some((*hash, self.kept.get(&(tenant, *hash))?)));
        let live = kept.filter(|(_, kept)| kept.is_live(now));
        let mut live: Vec<_> = live.map(|(hash, kept)| (hash, kept.record.clone())).collect();
        live.sort_by_key(|(_, record)| record.id);
        live
    }

    /// Ends the user's oldest sessions, so that one more is not too many.
    pub(super) fn give_way(&mut self, tenant: TenantId, user: UserId, now: OffsetDateTime) {
        let live = self.live_of(tenant, user, now);
        let too_many = (live.len() + 1).saturating_sub(MOST_SESSIONS);
        for (hash, _) in live.into_iter().take(too_many) {
            if let Some(kept) = self.kept.get_mut(&(tenant, hash)) {
                kept.gave_way_at = Some(now);
                self.look_at((tenant, hash), now);
            }
        }
    }

    pub(super) fn revoke(
        &mut self,
        tenant: TenantId,
        user: UserId,
        which: Revoked,
        now: OffsetDateTime,
    ) -> u64 {
        let mut dying = self.live_of(tenant, user, now);
        dying.retain(|(_, session)| match which {
            Revoked::One(id) => session.id == id,
            Revoked::Others(id) => session.id != id,
            Revoked::All => true,
        });
        dying.iter().for_each(|(hash, _)| self.forget((tenant, *hash)));
        dying.len() as u64
    }

    pub(super) fn claim_ended(&mut self, most: usize, now: OffsetDateTime) -> Option<EndedSessions> {
        let due = || self.due.iter().take_while(|(at, ..)| *at <= now);
        let tenant = due().next()?.1;
        let keys: Vec<Key> = due()
            .filter(|(_, of, _)| *of == tenant)
            .map(|(_, tenant, hash)| (*tenant, *hash))
            .take(most)
            .collect();
        let mut sessions = Vec::with_capacity(keys.len());
        for key in keys {
            if let Standing::Ended(ended) = self.standing(key, now) {
                sessions.push(ended);
            }
            self.look_at(key, now + SWEEP_LEASE);
        }
        Some(EndedSessions { tenant, sessions })
    }

    fn look_at(&mut self, key: Key, due: OffsetDateTime) {
        if let Some(kept) = self.kept.get_mut(&key) {
            self.due.remove(&(kept.due, key.0, key.1));
            kept.due = due;
            self.due.insert((due, key.0, key.1));
        }
    }
}
