//! Every step of a unit of work, struck in every way: the answer is whole or there is none, what was written and its event
//! are both there or both not, and the connection is of use to the next clinic as if nothing had been.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use cloister_access::{RequestFacts, Visitor, action::Read, resource::Record};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{Audience, PatientId, TenantId, UserId};
use cloister_testkit::trip_proxy::{Failpoint, Side, Strike, TripProxy};
use cloister_vault::KeyCache;

use super::{HEADER, Harness, Kind, insert_patient, storm::Notices};
use crate::{Store, StoreConfig, StoreError, Target};

crate::on_postgres! {
    a_read_is_whole_or_nothing_at_every_step,
    a_write_is_whole_or_nothing_at_every_step,
    a_refusal_is_whole_or_nothing_at_every_step,
    a_read_in_one_trip_has_its_event_or_is_left_to_a_unit_of_work,
}

/// Longer than any unit takes, shorter than what a hanging one would.
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Read,
    Write,
    Refused,
}

/// One unit of work, as it is asked for.
struct Asked {
    request: RequestFacts,
    patient: PatientId,
}

/// A store with a single connection, which every unit shares, behind the failpoints.
struct Walk {
    work: Work,
    harness: Harness,
    proxy: TripProxy,
    store: Store,
    tenant: TenantId,
    reader: UserId,
    other: TenantId,
    others_patient: PatientId,
    nested: Arc<AtomicU64>,
}

impl Walk {
    async fn begin(harness: Harness, work: Work) -> Self {
        let nested = Arc::new(AtomicU64::new(0));
        // Every test runs in a process of its own, or does not mind.
        let _ = tracing::subscriber::set_global_default(Notices(nested.clone()));
        let tenant = harness.clinic("lakeside").await;
        let patient = harness.patient(tenant).await;
        let reader = harness.user(tenant, "patient", &[], Some(patient)).await;
        let other = harness.clinic("riverside").await;
        let others_patient = harness.patient(other).await;

        let url = harness.serve_url();
        let (head, rest) = url.rsplit_once('@').unwrap();
        let (place, database) = rest.split_once('/').unwrap();
        let port: u16 = place.rsplit_once(':').unwrap().1.parse().unwrap();
        let proxy = TripProxy::before(SocketAddr::from(([127, 0, 0, 1], port))).await.unwrap();
        let mut config = StoreConfig::new(format!("{head}@{}/{database}?sslmode=disable", proxy.address()));
        config.max_connections = 1;
        let cache = KeyCache::new(harness.keys.clone(), harness.environment.clone(), 1000);
        let store = Store::connect(&config, cache, harness.environment.clone()).await.unwrap();
        Self { work, harness, proxy, store, tenant, reader, other, others_patient, nested }
    }

    fn asked(&self) -> Asked {
        Asked { request: self.harness.request(), patient: self.harness.environment.id() }
    }

    /// The unit of work; what it released.
    async fn run(&self, asked: &Asked) -> Result<Option<String>, StoreError> {
        if self.work == Work::Write {
            let visitor = Visitor::new(self.tenant, Audience::Portal, asked.request.clone());
            let mut visit = self.store.begin_visit(&visitor).await?;
            insert_patient(&mut visit.core, asked.patient.uuid()).await?;
            visit.note(EventDraft::success(ActionCode::AccountRead));
            return visit.commit(()).await.map(|()| None);
        }
        let caller =
            self.harness.caller_asking(self.tenant, Audience::Portal, self.reader, asked.request.clone());
        let target =
            if self.work == Work::Read { Target::OwnRecord } else { Target::Patient(self.others_patient) };
        let unit = self.store.begin(&caller).await?;
        let (mut unit, permit) = unit.require::<Read, Record>(target).await?;
        let header = unit.sample_header(permit).await?;
        unit.commit(header).await.map(|header| Some(header.expose().clone()))
    }

    /// Runs it with a failpoint; `None` where it was dropped while the trip was held.
    async fn run_struck(
        &self,
        asked: &Asked,
        failpoint: Failpoint,
    ) -> Option<Result<Option<String>, StoreError>> {
        self.proxy.arm(Some(failpoint));
        let outcome = tokio::select! {
            biased;
            () = self.proxy.held() => None,
            outcome = tokio::time::timeout(LIMIT, self.run(asked)) => Some(outcome.expect("an end")),
        };
        assert!(self.proxy.has_struck(), "{failpoint:?} was not reached");
        self.proxy.release();
        outcome
    }

    /// Events and rows that the unit left.
    async fn left(&self, asked: &Asked) -> (i64, i64) {
        let request = asked.request.request.uuid();
        let events = format!("SELECT count(*) FROM events WHERE request_id = '{request}'");
        let rows = format!("SELECT count(*) FROM patients WHERE id = '{}'", asked.patient.uuid());
        (self.harness.number(&events).await, self.harness.number(&rows).await)
    }

    /// Another clinic's unit on the same connection sees its own patient and no other, and outside there is nothing.
    async fn next_one_is_untouched(&self) {
        let visitor = self.harness.visitor(self.other, Audience::Portal);
        let visit = tokio::time::timeout(LIMIT, self.store.begin_visit(&visitor)).await.unwrap().unwrap();
        let sql = "SELECT count(*) AS n, count(*) FILTER (WHERE tenant_id <> $1) AS others FROM patients";
        let row = visit.core.row(sql, vec![]).await.unwrap().unwrap();
        assert_eq!((row.get::<i64>("n").unwrap(), row.get::<i64>("others").unwrap()), (1, 0));
        visit.commit(()).await.unwrap();
        let outside = self.store.platform().rows("SELECT count(*) AS n FROM patients", vec![]).await.unwrap();
        assert_eq!(outside[0].get::<i64>("n").unwrap(), 0);
    }

    /// Holds what a struck unit said to what it left.
    async fn judge(&self, failpoint: Failpoint, last: usize) {
        let asked = self.asked();
        let outcome = self.run_struck(&asked, failpoint).await;
        // The single connection is free again only once everything about the unit is over.
        self.next_one_is_untouched().await;
        let left = self.left(&asked).await;
        let whole = (1, i64::from(self.work == Work::Write));
        let what = format!("{:?} {failpoint:?}: {outcome:?}, left {left:?}", self.work);
        assert!(left == (0, 0) || left == whole, "half of it: {what}");
        match &outcome {
            Some(Ok(Some(header))) => assert_eq!((header.as_str(), left), (HEADER, whole), "{what}"),
            Some(Ok(None)) => assert_eq!((self.work, left), (Work::Write, whole), "{what}"),
            Some(Err(StoreError::Denied(_))) => {
                assert_eq!((self.work, left), (Work::Refused, whole), "{what}");
            }
            Some(Err(_)) | None => {}
        }
        let is_retried = failpoint.trip == 0 && failpoint.strike != Strike::Held;
        let is_committing =
            failpoint.trip == last && (failpoint.side == Side::Done || failpoint.strike == Strike::Held);
        if is_committing {
            assert_eq!(left, whole, "PostgreSQL was asked for all of it: {what}");
        } else if !is_retried {
            assert_eq!(left, (0, 0), "it was never committed: {what}");
            assert!(!matches!(outcome, Some(Ok(_) | Err(StoreError::Denied(_)))), "{what}");
        }
    }

    async fn over_every_step(self) {
        self.run_once().await;
        self.proxy.arm(None);
        self.run_once().await;
        let trips = self.proxy.trips();
        let last = trips.len() - 1;
        assert!(last >= 1, "{trips:?}");
        assert!(trips[0].starts_with("BEGIN") && trips[last].ends_with("COMMIT"), "{trips:?}");
        for trip in 0..=last {
            for side in [Side::Asked, Side::Done] {
                for strike in [Strike::Fails, Strike::Lost, Strike::Held] {
                    // A new connection has not prepared its statements yet, which makes more trips.
                    self.run_once().await;
                    self.judge(Failpoint { trip, side, strike }, last).await;
                }
            }
        }
        assert_eq!(self.nested.load(Ordering::SeqCst), 0, "transactions begun inside another");
        let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND state LIKE 'idle in transaction%'";
        assert_eq!(self.harness.number(open).await, 0);
    }

    async fn run_once(&self) {
        let outcome = self.run(&self.asked()).await;
        let is_right = match self.work {
            Work::Refused => matches!(outcome, Err(StoreError::Denied(_))),
            Work::Read | Work::Write => outcome.is_ok(),
        };
        assert!(is_right, "{outcome:?}");
    }
}

async fn a_read_is_whole_or_nothing_at_every_step(harness: Harness) {
    Walk::begin(harness, Work::Read).await.over_every_step().await;
}

async fn a_write_is_whole_or_nothing_at_every_step(harness: Harness) {
    Walk::begin(harness, Work::Write).await.over_every_step().await;
}

async fn a_refusal_is_whole_or_nothing_at_every_step(harness: Harness) {
    Walk::begin(harness, Work::Refused).await.over_every_step().await;
}

impl Walk {
    /// The results of the patient, in one trip. `None` where a unit of work is to answer.
    async fn run_in_one_trip(&self, asked: &Asked) -> Result<Option<usize>, StoreError> {
        let caller =
            self.harness.caller_asking(self.tenant, Audience::Portal, self.reader, asked.request.clone());
        Ok(self.store.own_results(&caller, 10).await?.map(|results| results.items.len()))
    }

    async fn judge_one_trip(&self, failpoint: Failpoint) {
        let asked = self.asked();
        self.proxy.arm(Some(failpoint));
        let outcome = tokio::select! {
            biased;
            () = self.proxy.held() => None,
            outcome = tokio::time::timeout(LIMIT, self.run_in_one_trip(&asked)) => Some(outcome.expect("an end")),
        };
        assert!(self.proxy.has_struck(), "{failpoint:?} was not reached");
        self.proxy.release();
        self.next_one_is_untouched().await;
        let (events, _) = self.left(&asked).await;
        let what = format!("{failpoint:?}: {outcome:?}, left {events}");
        // A trip that fails once it was done fails before it is committed, as the statement commits itself.
        let is_undone = failpoint.side == Side::Asked || failpoint.strike == Strike::Fails;
        let committed = !is_undone || failpoint.strike == Strike::Held;
        assert_eq!(events, i64::from(committed), "PostgreSQL does what it was asked for, or nothing: {what}");
        assert!(matches!(outcome, None | Some(Ok(None))), "nothing is released: {what}");
    }
}

async fn a_read_in_one_trip_has_its_event_or_is_left_to_a_unit_of_work(harness: Harness) {
    let walk = Walk::begin(harness, Work::Read).await;
    for side in [Side::Asked, Side::Done] {
        for strike in [Strike::Fails, Strike::Lost, Strike::Held] {
            // How the patient stands is learnt here, and a new connection prepares its statements.
            walk.run_once().await;
            walk.run_in_one_trip(&walk.asked()).await.unwrap();
            walk.proxy.arm(None);
            let asked = walk.asked();
            assert!(matches!(walk.run_in_one_trip(&asked).await, Ok(Some(0))), "one trip, and no result");
            assert_eq!(walk.left(&asked).await.0, 1);
            assert_eq!(walk.proxy.trips().len(), 1, "{:?}", walk.proxy.trips());
            walk.next_one_is_untouched().await;
            walk.judge_one_trip(Failpoint { trip: 0, side, strike }).await;
        }
    }
}
