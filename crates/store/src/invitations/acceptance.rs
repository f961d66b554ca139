//! An invitation from the invited person's side: found by its token, proved, and turned into an account.

use cloister_access::Role;
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{InvitationId, PatientId, Pii, UserId};
use cloister_vault::Purpose;
use sea_orm::{DbBackend, Value};
use uuid::Uuid;

use super::{
    CODE, COLUMNS, FoundInvitation, INVITATION_TRIES, InvitationStatus, NewAccount, OWNER_ACTIVATED_JOB,
    TOKEN, bound_code, roles_of_text, text_of,
};
use crate::{StoreError, VisitUnit, patients::header_of, standing::Stage, statement::Row};

impl VisitUnit<'_> {
    /// The invitation that a link's token belongs to, for this site. On PostgreSQL it stays locked until the unit ends,
    /// so that many who guess at once wait for each other and cannot outrun [`INVITATION_TRIES`]; SQLite has one writer.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn invitation_by_token(&mut self, token: &str) -> Result<Option<FoundInvitation>, StoreError> {
        let kind = match self.visitor().audience() {
            cloister_kernel::Audience::Portal => "patient",
            cloister_kernel::Audience::Console => "staff",
        };
        let index = self.core.blind_index(TOKEN, token)?;
        let lock = match self.core.backend() {
            DbBackend::Postgres => " FOR UPDATE",
            _ => "",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM invitations WHERE tenant_id = $1 AND token_hash = $2 AND kind = $3{}{lock}",
            self.admitted()
        );
        let Some(row) = self.core.row(&sql, vec![index.into(), kind.into()]).await? else { return Ok(None) };
        self.found(&row).await.map(Some)
    }

    /// An invitation by its id, for the later steps of an activation.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn invitation(&mut self, id: InvitationId) -> Result<Option<FoundInvitation>, StoreError> {
        let admitted = self.admitted();
        let sql = format!("SELECT {COLUMNS} FROM invitations WHERE tenant_id = $1 AND id = $2{admitted}");
        let Some(row) = self.core.row(&sql, vec![id.uuid().into()]).await? else { return Ok(None) };
        self.found(&row).await.map(Some)
    }

    /// Which invitations there are at this stage of the clinic: a draft has its owner's.
    const fn admitted(&self) -> &'static str {
        match self.stage {
            Stage::Active => "",
            Stage::Draft => " AND is_owner",
        }
    }

    async fn found(&self, row: &Row) -> Result<FoundInvitation, StoreError> {
        let id: Uuid = row.get("id")?;
        let patient = row.get::<Option<Uuid>>("patient_id")?.map(PatientId::from_uuid);
        let open = |column: &'static str, sealed| -> Result<Pii<String>, StoreError> {
            Ok(Pii::new(text_of(&self.core.open("invitations", column, id, &sealed)?)?))
        };
        Ok(FoundInvitation {
            id: InvitationId::from_uuid(id),
            status: InvitationStatus::of(row, self.core.now())?,
            patient,
            email: open("email_sealed", row.sealed("email_sealed")?)?,
            display_name: match (row.sealed_or_none("display_name_sealed")?, patient) {
                (Some(sealed), _) => Some(open("display_name_sealed", sealed)?),
                (None, Some(patient)) => self.record_name(patient).await?,
                (None, None) => None,
            },
        })
    }

    /// The name in a record's header: what the account of its patient is called.
    async fn record_name(&self, patient: PatientId) -> Result<Option<Pii<String>>, StoreError> {
        let sql = "SELECT header_sealed FROM patients WHERE tenant_id = $1 AND id = $2";
        let Some(row) = self.core.row(sql, vec![patient.uuid().into()]).await? else { return Ok(None) };
        let sealed = row.sealed("header_sealed")?;
        let header = header_of(&self.core.open("patients", "header_sealed", patient.uuid(), &sealed)?)?;
        let name = header.into_exposed().name;
        Ok((!name.is_empty()).then(|| Pii::new(name)))
    }

    /// Whether the code is the one that belongs to the invitation. Keyed digests are compared in the database.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn invitation_code_matches(
        &mut self,
        id: InvitationId,
        code: &str,
    ) -> Result<bool, StoreError> {
        let index = self.core.blind_index(CODE, &bound_code(id, code))?;
        let sql = "SELECT id FROM invitations WHERE tenant_id = $1 AND id = $2 AND code_hash = $3";
        Ok(self.core.row(sql, vec![id.uuid().into(), index.into()]).await?.is_some())
    }

    /// Counts a wrong answer; at [`INVITATION_TRIES`] the invitation is locked, which leaves an event of its own.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count_invitation_try(&mut self, id: InvitationId) -> Result<(), StoreError> {
        let now = self.core.now_microseconds();
        let sql = "UPDATE invitations SET tries = tries + 1, \
                   status = CASE WHEN tries + 1 >= $3 THEN 'locked' ELSE status END, \
                   settled_at = CASE WHEN tries + 1 >= $3 THEN $4 ELSE settled_at END \
                   WHERE tenant_id = $1 AND id = $2 AND status = 'pending' RETURNING status";
        let rows =
            self.core.returning(sql, vec![id.uuid().into(), INVITATION_TRIES.into(), now.into()]).await?;
        if rows.first().map(|row| row.get::<String>("status")).transpose()?.as_deref() == Some("locked") {
            self.note(EventDraft::success(ActionCode::InvitationLocked).on("invitation", Some(id.uuid())));
        }
        Ok(())
    }

    /// Makes the account of an invitation and settles the invitation, which can happen once. Credentials are set by
    /// the caller in the same unit.
    ///
    /// # Errors
    /// `Conflict` when the invitation does not wait any more, or an account with this address or record exists.
    pub async fn accept_invitation(&mut self, account: &NewAccount) -> Result<UserId, StoreError> {
        let invitation = account.invitation.uuid();
        let user: UserId = self.core.environment().id();
        let now = self.core.now_microseconds();
        let sql = format!(
            "UPDATE invitations SET status = 'accepted', settled_at = $3, user_id = $4 \
             WHERE tenant_id = $1 AND id = $2 AND status = 'pending' AND expires_at > $3{} \
             RETURNING kind, patient_id, email_sealed, email_index, roles, is_owner, practitioner_sealed, \
             practitioner_index, locale",
            self.admitted()
        );
        let values: Vec<Value> = vec![invitation.into(), now.into(), user.uuid().into()];
        let rows = self.core.returning(&sql, values).await?;
        let row = rows.first().ok_or(StoreError::Conflict)?;
        self.insert_account(user, row, account).await?;
        let roles = roles_of_text(&row.get::<String>("roles")?)?;
        for role in Role::ALL.iter().filter(|role| roles.holds(**role)) {
            self.grant(user, *role).await?;
        }
        if let Some(index) = row.get::<Option<Vec<u8>>>("practitioner_index")? {
            self.core.link_practitioner_panel(user.uuid(), &index).await?;
        }
        if row.get::<bool>("is_owner")? {
            let purpose = cloister_access::JobPurpose::InviteOwner.as_str();
            let job = crate::NewJob::new(OWNER_ACTIVATED_JOB, purpose, self.tenant(), self.now());
            self.enqueue(job).await?;
        }
        let patient = row.get::<Option<Uuid>>("patient_id")?.map(PatientId::from_uuid);
        self.is_about(user);
        self.note(
            EventDraft::success(ActionCode::InvitationAccepted)
                .on("invitation", Some(invitation))
                .of_patient(patient),
        );
        self.note(
            EventDraft::success(ActionCode::AccountActivated)
                .on("account", Some(user.uuid()))
                .of_patient(patient),
        );
        Ok(user)
    }

    async fn insert_account(
        &mut self,
        user: UserId,
        row: &Row,
        account: &NewAccount,
    ) -> Result<(), StoreError> {
        let invitation = account.invitation.uuid();
        let email =
            self.core.open("invitations", "email_sealed", invitation, &row.sealed("email_sealed")?)?;
        let practitioner = row
            .sealed_or_none("practitioner_sealed")?
            .map(|sealed| self.core.open("invitations", "practitioner_sealed", invitation, &sealed))
            .transpose()?;
        let seal = |column, bytes: &[u8]| self.core.seal(Purpose::Pii, "users", column, user.uuid(), bytes);
        let locale = match account.locale {
            Some(chosen) => Some(chosen.to_owned()),
            None => row.get("locale")?,
        };
        let values: Vec<Value> = vec![
            user.uuid().into(),
            row.get::<String>("kind")?.into(),
            seal("email_sealed", &email)?.into(),
            row.get::<Vec<u8>>("email_index")?.into(),
            seal("display_name_sealed", account.display_name.expose().as_bytes())?.into(),
            locale.into(),
            row.get::<Option<Uuid>>("patient_id")?.into(),
            practitioner.map(|value| seal("practitioner_sealed", &value)).transpose()?.into(),
            row.get::<Option<Vec<u8>>>("practitioner_index")?.into(),
            row.get::<bool>("is_owner")?.into(),
            self.core.now_microseconds().into(),
        ];
        self.core
            .execute(
                "INSERT INTO users (tenant_id, id, kind, status, email_sealed, email_index, display_name_sealed, \
                 locale, patient_id, practitioner_sealed, practitioner_index, is_owner, created_at, updated_at) \
                 VALUES ($1, $2, $3, 'active', $4, $5, $6, $7, $8, $9, $10, $11, $12, $12)",
                values,
            )
            .await?;
        Ok(())
    }

    async fn grant(&mut self, user: UserId, role: Role) -> Result<(), StoreError> {
        let id = self.core.environment().uuid();
        let now = self.core.now_microseconds();
        let sql = "INSERT INTO role_assignments (tenant_id, id, user_id, role, status, granted_at) \
                   VALUES ($1, $2, $3, $4, 'active', $5)";
        let values: Vec<Value> = vec![id.into(), user.uuid().into(), role.as_str().into(), now.into()];
        self.core.execute(sql, values).await?;
        self.note(
            EventDraft::success(ActionCode::RoleGranted)
                .on("account", Some(user.uuid()))
                .because(role.as_str()),
        );
        Ok(())
    }
}
