//! A clinic with an administrator and a patient, and people who come to its doors.

use std::{net::IpAddr, sync::Arc};

use cloister_access::{
    Caller, RequestFacts, Role, RoleSet, Visitor,
    action::Create,
    resource::{Bundle, Invitation, StaffInvitation},
};
use cloister_ephemeral::{
    Activity, Ephemeral, Flow, InProcessCapacity, NewFlow, RedisSettings, SessionRecord, TokenHash, Touched,
};
use cloister_identity::{
    ActivatedAccount, CurrentFlow, FlowStep, HashingCost, HashingPool, Identity, IdentityError,
    IdentityProof, IdentitySettings, OpenedSession, TotpSecret,
};
use cloister_kernel::{Audience, ExposeSecret, InvitationId, PatientId, Pii, SecretString, TenantId, UserId};
use cloister_store::{IncomingBundle, InvitationSecrets, NewStaffInvitation, Target};
use cloister_testkit::Redis;
use time::{Date, Duration, macros::date};

use crate::{Harness, Kind};

pub(crate) const PASSWORD: &str = "seven quiet herons over water";
pub(crate) const BORN: Date = date!(1980 - 02 - 03);
pub(crate) const CODE: &str = "K7MWQ3XD";
pub(crate) const NAME: &str = "Ana Canária";

pub(crate) struct Clinic<'h> {
    pub(crate) harness: &'h Harness,
    pub(crate) identity: Identity,
    pub(crate) ephemeral: Ephemeral,
    pub(crate) pool: Arc<HashingPool>,
    pub(crate) tenant: TenantId,
    pub(crate) admin: UserId,
    pub(crate) redis: Option<Redis>,
}

/// Somebody with an account, as their owner knows it.
pub(crate) struct Person {
    pub(crate) audience: Audience,
    pub(crate) email: String,
    pub(crate) secret: TotpSecret,
    pub(crate) recovery_codes: Vec<SecretString>,
    pub(crate) session: OpenedSession,
}

impl Person {
    pub(crate) fn user(&self) -> UserId {
        self.session.session.user
    }
}

/// An invitation as the invited person has it.
pub(crate) struct Invited {
    pub(crate) id: InvitationId,
    pub(crate) audience: Audience,
    pub(crate) email: String,
    pub(crate) token: SecretString,
}

/// A browser at one of the clinic's doors, with its flow cookie.
pub(crate) struct Browser<'c> {
    pub(crate) clinic: &'c Clinic<'c>,
    pub(crate) audience: Audience,
    pub(crate) token: TokenHash,
    pub(crate) source: IpAddr,
}

impl<'h> Clinic<'h> {
    pub(crate) async fn open(harness: &'h Harness) -> Self {
        Self::with_settings(harness, "lakeside", IdentitySettings::default()).await
    }

    pub(crate) async fn with_settings(harness: &'h Harness, slug: &str, settings: IdentitySettings) -> Self {
        Self::with_redis(harness, slug, settings, Redis::given_or_started).await
    }

    /// With a Redis that no other test sees: for what looks at all clinics.
    pub(crate) async fn with_own_redis(harness: &'h Harness) -> Self {
        Self::with_redis(harness, "lakeside", IdentitySettings::default(), Redis::start).await
    }

    async fn with_redis(
        harness: &'h Harness,
        slug: &str,
        settings: IdentitySettings,
        redis: fn() -> Result<Redis, cloister_testkit::ServiceError>,
    ) -> Self {
        let tenant = harness.clinic(slug).await;
        let admin = harness.user(tenant, "staff", &["admin"], None).await;
        let environment = harness.environment.clone();
        let (ephemeral, redis) = match harness.kind {
            Kind::Sqlite => (Ephemeral::in_process(InProcessCapacity::default(), environment.clone()), None),
            Kind::Postgres => {
                let redis = redis().unwrap();
                let mut settings = RedisSettings::new(redis.url().to_owned());
                settings.trusted_certificates = Some(redis.authority().clone());
                (Ephemeral::redis(&settings, environment.clone()).unwrap(), Some(redis))
            }
        };
        let cheap = HashingCost { memory_kib: 64, passes: 1 };
        let pool = Arc::new(HashingPool::new(cheap, 4, 200, &environment).unwrap());
        let identity =
            Identity::new(harness.store.clone(), ephemeral.clone(), environment, pool.clone(), settings);
        Self { harness, identity, ephemeral, pool, tenant, admin, redis }
    }

    pub(crate) fn visitor_from(&self, audience: Audience, source: IpAddr) -> Visitor {
        let request = RequestFacts { source: Some(Pii::new(source)), ..self.harness.request() };
        Visitor::new(self.tenant, audience, request)
    }

    pub(crate) fn visitor(&self, audience: Audience) -> Visitor {
        self.harness.visitor(self.tenant, audience)
    }

    /// Opens the page that opens a flow.
    pub(crate) async fn browser(&self, audience: Audience) -> Browser<'_> {
        self.browser_from(audience, IpAddr::from([203, 0, 113, 77])).await
    }

    pub(crate) async fn browser_from(&self, audience: Audience, source: IpAddr) -> Browser<'_> {
        let new = NewFlow {
            tenant: self.tenant,
            audience,
            step: FlowStep::Password.as_str().to_owned(),
            state: Vec::new(),
        };
        let (token, _) = self.ephemeral.open_flow(new).await.unwrap();
        Browser { clinic: self, audience, token: token.hash(), source }
    }

    /// Records an agreement that was signed long ago.
    pub(crate) async fn agreement(&self, expires_on: Date) {
        let operator = self.harness.environment.uuid();
        let (id, simple) = (self.literal(operator), operator.simple());
        let index = match self.harness.kind {
            Kind::Postgres => format!("'{simple}'"),
            Kind::Sqlite => format!("x'{simple}{simple}'"),
        };
        let (tenant, sealed) = (self.literal(self.tenant.uuid()), self.literal(self.tenant.uuid()));
        let now = self.harness.environment.now().unix_timestamp() * 1_000_000;
        for sql in [
            format!(
                "INSERT INTO operators (id, email_sealed, email_index, name_sealed, status, created_at, updated_at) \
                 VALUES ({id}, {sealed}, {index}, {sealed}, 'active', {now}, {now})"
            ),
            format!(
                "INSERT INTO baa_records (id, tenant_id, counterparty_sealed, document_reference, signed_on, \
                 expires_on, recorded_by, created_at) VALUES ({id}, {tenant}, {sealed}, 'x', '2020-01-01', \
                 '{expires_on}', {id}, {now})"
            ),
        ] {
            self.harness.execute(&sql).await.unwrap();
        }
    }

    /// An id as the database writes it.
    pub(crate) fn literal(&self, id: uuid::Uuid) -> String {
        match self.harness.kind {
            Kind::Postgres => format!("'{id}'"),
            Kind::Sqlite => format!("x'{}'", id.simple()),
        }
    }

    /// A patient whose record the clinic's record system sent.
    pub(crate) async fn patient(&self) -> PatientId {
        let client = self.harness.machine_client(self.tenant).await;
        let machine = self.harness.machine(self.tenant, client);
        let bundle = format!(
            r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{
                "fullUrl":"urn:uuid:{}",
                "resource":{{"resourceType":"Patient","name":[{{"text":"{NAME}"}}],"birthDate":"{BORN}"}},
                "request":{{"method":"POST","url":"Patient"}}}}]}}"#,
            self.harness.environment.uuid()
        );
        let incoming = IncomingBundle::read(bundle.into_bytes()).unwrap();
        let unit = self.harness.store.begin(&machine).await.unwrap();
        let (mut unit, permit) = unit.require::<Create, Bundle>(Target::Clinic).await.unwrap();
        let entries = unit.take_in(permit, &incoming, None).await.unwrap();
        unit.commit(()).await.unwrap();
        PatientId::from_uuid(entries[0].id)
    }

    pub(crate) async fn invite_staff(&self, email: &str) -> Invited {
        self.invite_to_console(email, false).await
    }

    pub(crate) async fn invite_to_console(&self, email: &str, is_owner: bool) -> Invited {
        let token = SecretString::from(hex(&self.harness.environment.bytes::<32>()));
        let caller = self.harness.caller(self.tenant, Audience::Console, self.admin);
        let unit = self.harness.store.begin(&caller).await.unwrap();
        let (mut unit, permit) = unit.require::<Create, StaffInvitation>(Target::Clinic).await.unwrap();
        let invitation = NewStaffInvitation {
            email: Pii::new(email.to_owned()),
            display_name: Pii::new("Dr. Noor Haddad".to_owned()),
            roles: RoleSet::NONE.with(Role::Clinician),
            is_owner,
            practitioner: None,
        };
        let secrets = InvitationSecrets { token: token.expose_secret(), code: CODE };
        let expires = unit.now() + Duration::days(7);
        let id = unit.invite_staff(permit, &invitation, &secrets, "en", expires).await.unwrap();
        unit.commit(()).await.unwrap();
        Invited { id, audience: Audience::Console, email: email.to_owned(), token }
    }

    pub(crate) async fn invite_patient(&self, email: &str) -> Invited {
        let patient = self.patient().await;
        let clinician = self.harness.user(self.tenant, "staff", &["clinician"], None).await;
        self.harness.assign(self.tenant, clinician, patient).await;
        let token = SecretString::from(hex(&self.harness.environment.bytes::<32>()));
        let caller = self.harness.caller(self.tenant, Audience::Console, clinician);
        let unit = self.harness.store.begin(&caller).await.unwrap();
        let (mut unit, permit) = unit.require::<Create, Invitation>(Target::Patient(patient)).await.unwrap();
        let secrets = InvitationSecrets { token: token.expose_secret(), code: CODE };
        let (email_address, expires) = (Pii::new(email.to_owned()), unit.now() + Duration::days(7));
        let id = unit.invite_patient(permit, &email_address, &secrets, "es", expires).await.unwrap();
        unit.commit(()).await.unwrap();
        Invited { id, audience: Audience::Portal, email: email.to_owned(), token }
    }

    /// Activates an account.
    pub(crate) async fn activate(&self, invited: &Invited) -> Person {
        let browser = self.browser(invited.audience).await;
        browser.prove(invited, Some(BORN), CODE).await.unwrap();
        browser.choose(PASSWORD).await.unwrap();
        let secret = browser.offered().await.unwrap();
        let activated = self.activate_with(&browser, &secret).await;
        Person {
            audience: invited.audience,
            email: invited.email.clone(),
            secret,
            recovery_codes: activated.recovery_codes,
            session: activated.session,
        }
    }

    /// The last step of an activation; two minutes pass, so that the code that was used is of no step near.
    pub(crate) async fn activate_with(&self, browser: &Browser<'_>, secret: &TotpSecret) -> ActivatedAccount {
        let activated = browser.confirm(&self.code(secret)).await.unwrap();
        self.harness.clock.advance(Duration::minutes(2));
        activated
    }

    pub(crate) async fn clinician(&self, email: &str) -> Person {
        let invited = self.invite_staff(email).await;
        self.activate(&invited).await
    }

    /// The code that the app shows now.
    pub(crate) fn code(&self, secret: &TotpSecret) -> String {
        secret.code_at(self.harness.environment.now()).unwrap()
    }

    /// A six-digit code that the app shows neither now nor in the steps around.
    pub(crate) fn wrong_code(&self, secret: &TotpSecret) -> String {
        let now = self.harness.environment.now();
        (0..)
            .map(|number| format!("{number:06}"))
            .find(|code| secret.matching_step(code, now).is_none())
            .unwrap()
    }

    /// Signs a person in.
    pub(crate) async fn sign_in(&self, person: &Person) -> OpenedSession {
        let browser = self.browser(person.audience).await;
        browser.password(&person.email, PASSWORD).await.unwrap();
        let opened = browser.totp(&self.code(&person.secret)).await.unwrap();
        self.harness.clock.advance(Duration::minutes(1));
        opened
    }

    /// What the edge does with a session's cookie.
    pub(crate) async fn touch(&self, opened: &OpenedSession) -> Option<SessionRecord> {
        let touched =
            self.ephemeral.touch_session(self.tenant, &opened.token.hash(), Activity::Extends, None).await;
        match touched.unwrap() {
            Touched::Active(session, _) => Some(session),
            Touched::Absent | Touched::Ended(_) | Touched::Limited(..) => None,
        }
    }

    pub(crate) async fn caller(&self, opened: &OpenedSession) -> Caller {
        let session = self.touch(opened).await.expect("a live session");
        self.identity.caller(&self.visitor(session.audience), &session).unwrap()
    }

    /// How many events of this line stand in the log.
    pub(crate) async fn events(&self, line: &str) -> usize {
        self.harness.events(self.tenant).await.iter().filter(|event| *event == line).count()
    }
}

impl Browser<'_> {
    pub(crate) fn visitor(&self) -> Visitor {
        self.clinic.visitor_from(self.audience, self.source)
    }

    pub(crate) async fn flow(&self) -> Result<Flow, IdentityError> {
        let flow = self.clinic.ephemeral.flow(self.clinic.tenant, &self.token).await?;
        flow.ok_or(IdentityError::FlowEnded)
    }

    pub(crate) async fn password(&self, email: &str, password: &str) -> Result<FlowStep, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        self.clinic.identity.sign_in_password(&self.visitor(), current, email, &password.into()).await
    }

    pub(crate) async fn totp(&self, code: &str) -> Result<OpenedSession, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        self.clinic.identity.sign_in_totp(&self.visitor(), current, &code.into()).await
    }

    pub(crate) async fn recovery_code(&self, code: &str) -> Result<OpenedSession, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        self.clinic.identity.sign_in_recovery_code(&self.visitor(), current, &code.into()).await
    }

    pub(crate) async fn prove(
        &self,
        invited: &Invited,
        birth_date: Option<Date>,
        code: &str,
    ) -> Result<cloister_identity::ActivationStarted, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        let proof = IdentityProof { token: &invited.token, birth_date, clinic_code: &code.into() };
        self.clinic.identity.activate_identity(&self.visitor(), current, &proof).await
    }

    pub(crate) async fn choose(&self, password: &str) -> Result<FlowStep, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        self.clinic.identity.activate_password(&self.visitor(), current, &password.into()).await
    }

    pub(crate) async fn offered(&self) -> Result<TotpSecret, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        let offered = self.clinic.identity.activate_totp(&self.visitor(), current).await?;
        assert!(offered.otpauth_uri.expose_secret().contains(offered.secret.expose_secret()));
        Ok(TotpSecret::from_base32(offered.secret.expose_secret()).unwrap())
    }

    pub(crate) async fn confirm(&self, code: &str) -> Result<ActivatedAccount, IdentityError> {
        let flow = self.flow().await?;
        let current = CurrentFlow { flow: &flow, token: &self.token };
        self.clinic.identity.confirm_activation(&self.visitor(), current, &code.into()).await
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The stable code of a failure.
pub(crate) fn code_of<T>(outcome: Result<T, IdentityError>) -> &'static str {
    use cloister_kernel::Failure;
    match outcome {
        Ok(_) => "ok",
        Err(error) => error.code(),
    }
}
