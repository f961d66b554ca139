//! The session of whoever looks: nobody's, a sign-in under way, or a person's.

use cloister_access::Caller;
use cloister_edge::{Problem, StrictJson, Who, clear_flow, clear_session, csrf_token, set_session};
use cloister_ephemeral::{Flow, SessionRecord};
use cloister_identity::{AccountKind, FlowStep, OpenedSession, Profile};
use cloister_kernel::{Failure, FailureKind, SecretString};
use poem_openapi::{
    Enum, Object, OpenApi,
    payload::{Json, Response},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    answers::Done,
    context::{Looker, User, visitor},
    staff::words,
};
use crate::Platform;

/// Who looks.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum SessionState {
    /// Nobody: open the sign-in page first.
    Anonymous,
    /// A sign-in or activation is under way.
    Flow,
    /// A person.
    SignedIn,
}

/// What a sign-in or activation asks for next.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum Step {
    /// Email and password.
    Password,
    /// A code of the authenticator app, or a recovery code.
    Totp,
    /// Link, clinic code and birth date.
    ActivateIdentity,
    /// A new password.
    ActivatePassword,
    /// An authenticator app.
    ActivateTotp,
}

impl From<FlowStep> for Step {
    fn from(step: FlowStep) -> Self {
        match step {
            FlowStep::Password => Self::Password,
            FlowStep::Totp => Self::Totp,
            FlowStep::ActivateIdentity => Self::ActivateIdentity,
            FlowStep::ActivatePassword => Self::ActivatePassword,
            FlowStep::ActivateTotp => Self::ActivateTotp,
        }
    }
}

/// Which of a clinic's sites an account belongs to.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The portal.
    Patient,
    /// The console.
    Staff,
}

impl From<AccountKind> for Kind {
    fn from(kind: AccountKind) -> Self {
        match kind {
            AccountKind::Patient => Self::Patient,
            AccountKind::Staff => Self::Staff,
        }
    }
}

/// The person who is signed in.
#[derive(Debug, Object)]
pub(crate) struct SessionUser {
    /// The account.
    id: Uuid,
    /// The name.
    display_name: String,
    /// Patient or staff.
    kind: Kind,
    /// The roles held now.
    roles: Vec<String>,
}

impl From<Profile> for SessionUser {
    fn from(profile: Profile) -> Self {
        Self {
            id: profile.id.uuid(),
            display_name: profile.display_name.into_exposed(),
            kind: profile.kind.into(),
            roles: words(profile.roles),
        }
    }
}

/// The session of whoever looks.
#[derive(Debug, Object)]
pub(crate) struct Session {
    /// Who looks.
    state: SessionState,
    /// What the flow asks for next.
    step: Option<Step>,
    /// Goes into the `X-CSRF-Token` header of every call that changes something.
    csrf_token: Option<String>,
    /// Who is signed in.
    user: Option<SessionUser>,
    /// The server's clock.
    now: OffsetDateTime,
    /// When the session ends if nothing is done.
    idle_expires_at: Option<OffsetDateTime>,
    /// When the session ends in any case.
    absolute_expires_at: Option<OffsetDateTime>,
    /// Until when calls that need a fresh factor are open.
    step_up_until: Option<OffsetDateTime>,
    /// When this person signed in before.
    last_sign_in_at: Option<OffsetDateTime>,
}

impl Session {
    fn empty(state: SessionState, now: OffsetDateTime) -> Self {
        Self {
            state,
            step: None,
            csrf_token: None,
            user: None,
            now,
            idle_expires_at: None,
            absolute_expires_at: None,
            step_up_until: None,
            last_sign_in_at: None,
        }
    }

    fn of_flow(flow: &Flow, now: OffsetDateTime) -> Self {
        match FlowStep::of(flow) {
            Some(step) => Self {
                step: Some(step.into()),
                csrf_token: Some(csrf_token(&flow.csrf_secret)),
                ..Self::empty(SessionState::Flow, now)
            },
            None => Self::empty(SessionState::Anonymous, now),
        }
    }

    /// A person's session, with who that is as read now.
    pub(super) async fn of_caller(
        platform: &Platform,
        caller: &Caller,
        session: &SessionRecord,
    ) -> Result<Self, Problem> {
        let profile = platform.identity().profile(caller).await?;
        Ok(Self::of_profile(platform, profile, session))
    }

    fn of_profile(platform: &Platform, profile: Profile, session: &SessionRecord) -> Self {
        Self {
            csrf_token: Some(csrf_token(&session.csrf_secret)),
            user: Some(profile.into()),
            idle_expires_at: Some(session.idle_expires_at()),
            absolute_expires_at: Some(session.absolute_expires_at),
            step_up_until: session.step_up_until,
            last_sign_in_at: session.last_sign_in_at,
            ..Self::empty(SessionState::SignedIn, platform.parts().environment.now())
        }
    }
}

/// A session's answer, with its cookies.
pub(super) type Cookied<T> = Result<Response<Json<T>>, Problem>;

/// The answer that opens a session, or gives it a new token: the flow that led to it is over.
pub(super) fn opened<T: poem_openapi::types::ToJSON>(opened: &OpenedSession, body: T) -> Response<Json<T>> {
    let answer = Response::new(Json(body)).header("set-cookie", set_session(&opened.token));
    answer.header("set-cookie", clear_flow())
}

/// A code of the authenticator app.
#[derive(Object)]
pub(crate) struct Code {
    /// The code as typed.
    #[oai(validator(max_length = 64))]
    code: String,
}

impl Code {
    pub(super) fn secret(self) -> SecretString {
        SecretString::from(self.code)
    }
}

pub(crate) struct SessionApi;

#[OpenApi]
impl SessionApi {
    /// Who looks, and what comes next
    ///
    /// Does not keep a session awake.
    #[oai(path = "/api/v1/session", method = "get", operation_id = "get_session")]
    async fn get(&self, looker: Looker) -> Cookied<Session> {
        let now = looker.platform.parts().environment.now();
        let session = match &looker.anyone.who {
            Who::Nobody => Session::empty(SessionState::Anonymous, now),
            Who::InFlow(flow) => Session::of_flow(flow, now),
            Who::SignedIn(session) => {
                let identity = looker.platform.identity();
                let caller = identity.caller(&visitor(&looker.anyone.inbound)?, session)?;
                match identity.profile(&caller).await {
                    Ok(profile) => Session::of_profile(&looker.platform, profile, session),
                    // Revoked in the database: whoever looks is nobody, and the cookie is worth nothing.
                    Err(error) if error.kind() == FailureKind::Unauthenticated => {
                        let nobody = Session::empty(SessionState::Anonymous, now);
                        return Ok(Response::new(Json(nobody)).header("set-cookie", clear_session()));
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        };
        Ok(Response::new(Json(session)))
    }

    /// Keeps the session awake
    #[oai(path = "/api/v1/session/keep-alive", method = "post", operation_id = "keep_session_alive")]
    async fn keep_alive(&self, user: User) -> Result<Json<Session>, Problem> {
        Ok(Json(Session::of_caller(&user.platform, &user.caller, &user.signed_in.session).await?))
    }

    /// Proves a fresh factor: calls that need one are open for five minutes
    #[oai(path = "/api/v1/session/step-up", method = "post", operation_id = "step_up_session")]
    async fn step_up(&self, user: User, code: StrictJson<Code>) -> Cookied<Session> {
        let (token, session) = (&user.signed_in.token, &user.signed_in.session);
        let stepped =
            user.platform.identity().step_up(&user.caller, token, session, &code.0.secret()).await?;
        let visitor = visitor(&user.signed_in.inbound)?;
        let caller = user.platform.identity().caller(&visitor, &stepped.session)?;
        let body = Session::of_caller(&user.platform, &caller, &stepped.session).await?;
        Ok(Response::new(Json(body)).header("set-cookie", set_session(&stepped.token)))
    }

    /// Signs out
    #[oai(path = "/api/v1/session", method = "delete", operation_id = "sign_out")]
    async fn sign_out(&self, user: User) -> Result<Response<Done>, Problem> {
        user.platform.identity().sign_out(&user.caller).await?;
        Ok(Response::new(Done::Done)
            .header("clear-site-data", "\"cache\", \"cookies\", \"storage\"")
            .header("set-cookie", clear_session())
            .header("set-cookie", clear_flow()))
    }
}
