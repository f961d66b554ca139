//! Invitations: who may activate an account, proved by a link, a code from the clinic and, for patients, a birth date.

mod acceptance;

use cloister_access::{
    Permit, Role, RoleSet,
    action::{Create, Delete, List},
    resource::{Invitation, StaffInvitation},
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{InvitationId, PatientId, Pii, UserId};
use cloister_vault::Purpose;
use sea_orm::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Pending, StoreError, UnitOfWork,
    accounts::EMAIL,
    core::Core,
    statement::{Row, microseconds},
};

/// After so many wrong answers an invitation is locked.
pub const INVITATION_TRIES: i64 = 5;

const TOKEN: &str = "invitations.token_hash";
const CODE: &str = "invitations.code_hash";
const PRACTITIONER: &str = "users.practitioner";

/// What proves that somebody is the one invited. Only keyed digests of both are stored.
pub struct InvitationSecrets<'s> {
    /// The token in the emailed link.
    pub token: &'s str,
    /// The code that the clinic hands over, in its canonical spelling.
    pub code: &'s str,
}

/// Whom to invite to the staff console.
pub struct NewStaffInvitation {
    /// The address, normalized.
    pub email: Pii<String>,
    /// The name shown to colleagues.
    pub display_name: Pii<String>,
    /// The roles that the account will hold.
    pub roles: RoleSet,
    /// Whether the account will own the clinic.
    pub is_owner: bool,
    /// The practitioner identifier (`system|value`) by which the record system names this person.
    pub practitioner: Option<Pii<String>>,
}

/// Where an invitation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitationStatus {
    /// Waits to be accepted.
    Pending,
    /// An account came of it.
    Accepted,
    /// Taken back, or replaced by a newer one.
    Revoked,
    /// Its time ran out.
    Expired,
    /// Too many wrong answers.
    Locked,
}

impl InvitationStatus {
    fn of(row: &Row, now: OffsetDateTime) -> Result<Self, StoreError> {
        Ok(match row.get::<String>("status")?.as_str() {
            "pending" if row.moment("expires_at")? <= now => Self::Expired,
            "pending" => Self::Pending,
            "accepted" => Self::Accepted,
            "revoked" => Self::Revoked,
            "locked" => Self::Locked,
            _ => return Err(StoreError::Corrupt("invitations.status")),
        })
    }
}

/// An invitation as its clinic sees it.
#[derive(Debug)]
pub struct InvitationRow {
    /// The invitation.
    pub id: InvitationId,
    /// Where it stands.
    pub status: InvitationStatus,
    /// The address, to be shown masked.
    pub email: Pii<String>,
    /// The invited person's name, for staff.
    pub display_name: Option<Pii<String>>,
    /// The roles, for staff.
    pub roles: RoleSet,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// Until when it holds.
    pub expires_at: OffsetDateTime,
}

/// An invitation as the activation finds it by its token.
#[derive(Debug)]
pub struct FoundInvitation {
    /// The invitation.
    pub id: InvitationId,
    /// Where it stands.
    pub status: InvitationStatus,
    /// Whose record, for patients.
    pub patient: Option<PatientId>,
    /// The address it was sent to, normalized.
    pub email: Pii<String>,
    /// The invited person's name: the one the administrator wrote for staff, the record's for a patient.
    pub display_name: Option<Pii<String>>,
}

/// The account that comes of an accepted invitation.
pub struct NewAccount {
    /// The invitation.
    pub invitation: InvitationId,
    /// The name shown to its owner and to colleagues.
    pub display_name: Pii<String>,
    /// The language chosen.
    pub locale: Option<&'static str>,
}

fn roles_as_text(roles: RoleSet) -> String {
    let words: Vec<&str> =
        Role::ALL.iter().filter(|role| roles.holds(**role)).map(|role| role.as_str()).collect();
    words.join(",")
}

fn roles_of_text(text: &str) -> Result<RoleSet, StoreError> {
    text.split(',').filter(|word| !word.is_empty()).try_fold(RoleSet::NONE, |roles, word| {
        word.parse().map(|role| roles.with(role)).map_err(|_| StoreError::Corrupt("invitations.roles"))
    })
}

fn text_of(bytes: &[u8]) -> Result<String, StoreError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Corrupt("invitations"))
}

/// What both kinds of invitation have in common when they are written.
struct Written<'w> {
    kind: &'static str,
    patient: Option<PatientId>,
    email: &'w Pii<String>,
    staff: Option<&'w NewStaffInvitation>,
    created_by: Option<UserId>,
    locale: &'static str,
    expires_at: OffsetDateTime,
}

impl Core {
    async fn insert_invitation(
        &mut self,
        written: Written<'_>,
        secrets: &InvitationSecrets<'_>,
    ) -> Result<InvitationId, StoreError> {
        let id: InvitationId = self.environment().id();
        let row = id.uuid();
        let sealed = |core: &Self, column, value: &Pii<String>| {
            core.seal(Purpose::Pii, "invitations", column, row, value.expose().as_bytes())
        };
        let email = sealed(self, "email_sealed", written.email)?;
        let display_name = written
            .staff
            .map(|staff| sealed(self, "display_name_sealed", &staff.display_name))
            .transpose()?;
        let practitioner = written.staff.and_then(|staff| staff.practitioner.as_ref());
        let practitioner_sealed =
            practitioner.map(|value| sealed(self, "practitioner_sealed", value)).transpose()?;
        let practitioner_index =
            practitioner.map(|value| self.blind_index(PRACTITIONER, value.expose())).transpose()?;
        let values: Vec<Value> = vec![
            row.into(),
            written.kind.into(),
            written.patient.map(PatientId::uuid).into(),
            self.blind_index(TOKEN, secrets.token)?.into(),
            self.blind_index(CODE, &bound_code(id, secrets.code))?.into(),
            email.into(),
            self.blind_index(EMAIL, written.email.expose())?.into(),
            display_name.into(),
            written.patient.is_some().into(),
            written.staff.map(|staff| roles_as_text(staff.roles)).unwrap_or_default().into(),
            written.staff.is_some_and(|staff| staff.is_owner).into(),
            practitioner_sealed.into(),
            practitioner_index.into(),
            written.locale.into(),
            written.created_by.map(UserId::uuid).into(),
            self.now_microseconds().into(),
            microseconds(written.expires_at).into(),
        ];
        self.execute(
            "INSERT INTO invitations (tenant_id, id, kind, status, patient_id, token_hash, code_hash, email_sealed, \
             email_index, display_name_sealed, birth_date_required, roles, is_owner, practitioner_sealed, \
             practitioner_index, locale, created_by, created_at, expires_at) \
             VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)",
            values,
        )
        .await?;
        Ok(id)
    }

    /// Whether an account of this kind has the address already.
    async fn has_account(&self, kind: &str, email: &Pii<String>) -> Result<bool, StoreError> {
        let index = self.blind_index(EMAIL, email.expose())?;
        let sql = "SELECT id FROM users WHERE tenant_id = $1 AND kind = $2 AND email_index = $3";
        Ok(self.row(sql, vec![kind.into(), index.into()]).await?.is_some())
    }

    async fn settle_invitation(&mut self, row: Uuid, status: &'static str) -> Result<(), StoreError> {
        let now = self.now_microseconds();
        let sql = "UPDATE invitations SET status = $3, settled_at = $4 \
                   WHERE tenant_id = $1 AND id = $2 AND status IN ('pending', 'locked')";
        match self.execute(sql, vec![row.into(), status.into(), now.into()]).await? {
            0 => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }
}

/// A code is worth something with its own invitation only.
fn bound_code(invitation: InvitationId, code: &str) -> String {
    format!("{invitation}:{code}")
}

impl UnitOfWork<'_> {
    /// Invites a patient. An earlier invitation to the same patient that still waits is taken back.
    ///
    /// # Errors
    /// `Conflict` when the patient or the address has an account already.
    pub async fn invite_patient(
        &mut self,
        permit: Permit<Create, Invitation>,
        email: &Pii<String>,
        secrets: &InvitationSecrets<'_>,
        locale: &'static str,
        expires_at: OffsetDateTime,
    ) -> Result<InvitationId, StoreError> {
        let patient = self.patient_of(&permit)?;
        let sql = "SELECT id FROM users WHERE tenant_id = $1 AND patient_id = $2";
        let has_account = self.core.row(sql, vec![patient.uuid().into()]).await?.is_some();
        if has_account || self.core.has_account("patient", email).await? {
            return Err(StoreError::Conflict);
        }
        let now = self.core.now_microseconds();
        let sql = "UPDATE invitations SET status = 'revoked', settled_at = $3 \
                   WHERE tenant_id = $1 AND patient_id = $2 AND status IN ('pending', 'locked') RETURNING id";
        let superseded = self.core.returning(sql, vec![patient.uuid().into(), now.into()]).await?;
        let event = || EventDraft::success(ActionCode::InvitationRevoked).of_patient(patient);
        self.note_superseded(&superseded, "invitation", event)?;
        let created_by = self.caller().user();
        let written = Written {
            kind: "patient",
            patient: Some(patient),
            email,
            staff: None,
            created_by,
            locale,
            expires_at,
        };
        self.core.insert_invitation(written, secrets).await
    }

    /// A newer invitation took these back.
    fn note_superseded(
        &mut self,
        rows: &[Row],
        kind: &'static str,
        event: impl Fn() -> EventDraft,
    ) -> Result<(), StoreError> {
        for row in rows {
            self.note(event().on(kind, Some(row.get("id")?)).because("superseded"));
        }
        Ok(())
    }

    /// A patient's invitations, newest first, at most fifty.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn patient_invitations(
        &mut self,
        permit: Permit<List, Invitation>,
    ) -> Result<Vec<Pending<InvitationRow>>, StoreError> {
        let patient = self.patient_of(&permit)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM invitations WHERE tenant_id = $1 AND patient_id = $2 \
             ORDER BY created_at DESC, id DESC LIMIT 50"
        );
        let rows = self.core.rows(&sql, vec![patient.uuid().into()]).await?;
        rows.iter().map(|row| shown(&self.core, row)).collect()
    }

    /// Takes a patient's invitation back.
    ///
    /// # Errors
    /// `Conflict` when it does not wait any more.
    pub async fn revoke_invitation(&mut self, permit: Permit<Delete, Invitation>) -> Result<(), StoreError> {
        let row = self.row_of(&permit)?;
        self.core.settle_invitation(row, "revoked").await
    }

    /// Invites somebody to the staff console. Earlier waiting invitations of the same address are taken back.
    ///
    /// # Errors
    /// `Conflict` when a staff account has the address already.
    pub async fn invite_staff(
        &mut self,
        permit: Permit<Create, StaffInvitation>,
        invitation: &NewStaffInvitation,
        secrets: &InvitationSecrets<'_>,
        locale: &'static str,
        expires_at: OffsetDateTime,
    ) -> Result<InvitationId, StoreError> {
        self.check(&permit)?;
        if self.core.has_account("staff", &invitation.email).await? {
            return Err(StoreError::Conflict);
        }
        let index = self.core.blind_index(EMAIL, invitation.email.expose())?;
        let now = self.core.now_microseconds();
        let sql = "UPDATE invitations SET status = 'revoked', settled_at = $3 WHERE tenant_id = $1 \
                   AND kind = 'staff' AND (email_index = $2 OR (is_owner AND $4)) \
                   AND status IN ('pending', 'locked') RETURNING id";
        let values: Vec<Value> = vec![index.into(), now.into(), invitation.is_owner.into()];
        let superseded = self.core.returning(sql, values).await?;
        let event = || EventDraft::success(ActionCode::StaffInvitationRevoked);
        self.note_superseded(&superseded, "staff_invitation", event)?;
        let written = Written {
            kind: "staff",
            patient: None,
            email: &invitation.email,
            staff: Some(invitation),
            created_by: self.caller().user(),
            locale,
            expires_at,
        };
        self.core.insert_invitation(written, secrets).await
    }

    /// The clinic's staff invitations, newest first, at most a hundred.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn staff_invitations(
        &mut self,
        permit: Permit<List, StaffInvitation>,
    ) -> Result<Vec<Pending<InvitationRow>>, StoreError> {
        self.check(&permit)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM invitations WHERE tenant_id = $1 AND kind = 'staff' \
             ORDER BY created_at DESC, id DESC LIMIT 100"
        );
        let rows = self.core.rows(&sql, vec![]).await?;
        rows.iter().map(|row| shown(&self.core, row)).collect()
    }

    /// Takes a staff invitation back.
    ///
    /// # Errors
    /// `Conflict` when it does not wait any more.
    pub async fn revoke_staff_invitation(
        &mut self,
        permit: Permit<Delete, StaffInvitation>,
    ) -> Result<(), StoreError> {
        let row = self.row_of(&permit)?;
        self.core.settle_invitation(row, "revoked").await
    }
}

const COLUMNS: &str =
    "id, kind, status, patient_id, email_sealed, display_name_sealed, roles, created_at, expires_at";

fn shown(core: &Core, row: &Row) -> Result<Pending<InvitationRow>, StoreError> {
    let id: Uuid = row.get("id")?;
    let status = InvitationStatus::of(row, core.now())?;
    let roles = roles_of_text(&row.get::<String>("roles")?)?;
    let (created_at, expires_at) = (row.moment("created_at")?, row.moment("expires_at")?);
    let email = core.pending("invitations", "email_sealed", id, row.sealed("email_sealed")?, text_of);
    let name = match row.sealed_or_none("display_name_sealed")? {
        Some(sealed) => {
            core.pending("invitations", "display_name_sealed", id, sealed, |bytes| text_of(bytes).map(Some))
        }
        None => core.pending_clear(None),
    };
    Ok(email.and(name).map(move |(email, name)| InvitationRow {
        id: InvitationId::from_uuid(id),
        status,
        email: Pii::new(email),
        display_name: name.map(Pii::new),
        roles,
        created_at,
        expires_at,
    }))
}

/// The kind of the job that tells the platform's table that a clinic's owner has an account.
pub const OWNER_ACTIVATED_JOB: &str = "owner_activated";
