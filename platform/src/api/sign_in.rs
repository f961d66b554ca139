//! Sign-in: a password, then a second factor.

use cloister_edge::StrictJson;
use cloister_identity::OpenedSession;
use cloister_kernel::SecretString;
use poem_openapi::{Object, OpenApi, payload::Json};

use super::{
    answers::Answer,
    context::Newcomer,
    session::{Code, Cookied, Session, Step, opened},
};

/// The first proof.
#[derive(Object)]
pub(crate) struct PasswordSignIn {
    /// The account's address.
    #[oai(validator(max_length = 1024))]
    email: String,
    /// The password.
    #[oai(validator(max_length = 1024))]
    password: String,
}

/// What comes next.
#[derive(Debug, Object)]
pub(crate) struct SignInStep {
    /// The next step.
    step: Step,
}

/// The session just opened, with who it is.
pub(super) async fn session_of(
    newcomer: &Newcomer,
    session: &OpenedSession,
) -> Result<Session, cloister_edge::Problem> {
    let caller = newcomer.platform.identity().caller(&newcomer.visitor, &session.session)?;
    Session::of_caller(&newcomer.platform, &caller, &session.session).await
}

pub(crate) struct SignInApi;

#[OpenApi]
impl SignInApi {
    /// The first step: email and password
    ///
    /// Answers alike whether there is such an account or not.
    #[oai(path = "/api/v1/sign-in/password", method = "post", operation_id = "sign_in_password")]
    async fn password(&self, newcomer: Newcomer, proof: StrictJson<PasswordSignIn>) -> Answer<SignInStep> {
        let PasswordSignIn { email, password } = proof.0;
        let (identity, password) = (newcomer.platform.identity(), SecretString::from(password));
        let step = identity.sign_in_password(&newcomer.visitor, newcomer.flow(), &email, &password).await?;
        Ok(Json(SignInStep { step: step.into() }))
    }

    /// The second step: a code of the authenticator app
    #[oai(path = "/api/v1/sign-in/totp", method = "post", operation_id = "sign_in_totp")]
    async fn totp(&self, newcomer: Newcomer, code: StrictJson<Code>) -> Cookied<Session> {
        let identity = newcomer.platform.identity();
        let session = identity.sign_in_totp(&newcomer.visitor, newcomer.flow(), &code.0.secret()).await?;
        Ok(opened(&session, session_of(&newcomer, &session).await?))
    }

    /// The second step where the app is lost: a recovery code
    #[oai(path = "/api/v1/sign-in/recovery-code", method = "post", operation_id = "sign_in_recovery_code")]
    async fn recovery_code(&self, newcomer: Newcomer, code: StrictJson<Code>) -> Cookied<Session> {
        let (identity, code) = (newcomer.platform.identity(), code.0.secret());
        let session = identity.sign_in_recovery_code(&newcomer.visitor, newcomer.flow(), &code).await?;
        Ok(opened(&session, session_of(&newcomer, &session).await?))
    }
}
