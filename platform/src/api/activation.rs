//! Activation of an account by an invitation.

use cloister_edge::StrictJson;
use cloister_identity::IdentityProof;
use cloister_kernel::{ExposeSecret, SecretString};
use poem_openapi::{Object, OpenApi, payload::Json};
use time::Date;

use super::{
    answers::Answer,
    context::Newcomer,
    session::{Code, Cookied, Kind, Session, Step, opened},
    sign_in::session_of,
};

/// What proves that one is the invited.
#[derive(Object)]
pub(crate) struct ActivationIdentity {
    /// The token of the emailed link.
    #[oai(validator(max_length = 256))]
    token: String,
    /// The birth date, of patients.
    birth_date: Option<Date>,
    /// The code that the clinic handed over, as typed.
    #[oai(validator(max_length = 64))]
    clinic_code: String,
}

/// The invitation's holder is the one invited.
#[derive(Debug, Object)]
pub(crate) struct ActivationIdentityAccepted {
    /// The next step.
    step: Step,
    /// Patient or staff.
    kind: Kind,
    /// The account's address, as a hint.
    email_hint: String,
    /// The shortest password, in characters.
    min_length: u32,
}

/// A password to be.
#[derive(Object)]
pub(crate) struct NewPassword {
    /// The password.
    #[oai(validator(max_length = 1024))]
    password: String,
}

/// The password is accepted.
#[derive(Debug, Object)]
pub(crate) struct ActivationPasswordAccepted {
    /// The next step.
    step: Step,
}

/// Nothing.
#[derive(Debug, Object)]
pub(crate) struct Empty {}

/// What goes into the authenticator app.
#[derive(Object)]
pub(crate) struct TotpEnrolment {
    /// The secret in base32, as one types it.
    secret: String,
    /// The same for a QR code.
    otpauth_uri: String,
}

/// The account is there and its owner signed in.
#[derive(Object)]
pub(crate) struct ActivationDone {
    /// Ten codes for the day the app is lost, shown this once.
    recovery_codes: Vec<String>,
    /// The first session.
    session: Session,
}

pub(crate) struct ActivationApi;

#[OpenApi]
impl ActivationApi {
    /// The first step: who holds the invitation
    ///
    /// Every wrong answer is answered alike; five lock the invitation.
    #[oai(path = "/api/v1/activation/identity", method = "post", operation_id = "activate_identity")]
    async fn identity(
        &self,
        newcomer: Newcomer,
        proof: StrictJson<ActivationIdentity>,
    ) -> Answer<ActivationIdentityAccepted> {
        let ActivationIdentity { token, birth_date, clinic_code } = proof.0;
        let (token, clinic_code) = (SecretString::from(token), SecretString::from(clinic_code));
        let proof = IdentityProof { token: &token, birth_date, clinic_code: &clinic_code };
        let identity = newcomer.platform.identity();
        let started = identity.activate_identity(&newcomer.visitor, newcomer.flow(), &proof).await?;
        Ok(Json(ActivationIdentityAccepted {
            step: started.step.into(),
            kind: started.kind.into(),
            email_hint: started.email_hint,
            min_length: u32::try_from(started.min_length).unwrap_or(u32::MAX),
        }))
    }

    /// The second step: a password
    #[oai(path = "/api/v1/activation/password", method = "post", operation_id = "activate_password")]
    async fn password(
        &self,
        newcomer: Newcomer,
        chosen: StrictJson<NewPassword>,
    ) -> Answer<ActivationPasswordAccepted> {
        let (identity, password) = (newcomer.platform.identity(), SecretString::from(chosen.0.password));
        let step = identity.activate_password(&newcomer.visitor, newcomer.flow(), &password).await?;
        Ok(Json(ActivationPasswordAccepted { step: step.into() }))
    }

    /// The third step: a secret for the authenticator app
    ///
    /// Asked again, a new one.
    #[oai(path = "/api/v1/activation/totp", method = "post", operation_id = "activate_totp")]
    async fn totp(&self, newcomer: Newcomer, _nothing: StrictJson<Empty>) -> Answer<TotpEnrolment> {
        let offered = newcomer.platform.identity().activate_totp(&newcomer.visitor, newcomer.flow()).await?;
        Ok(Json(TotpEnrolment {
            secret: offered.secret.expose_secret().to_owned(),
            otpauth_uri: offered.otpauth_uri.expose_secret().to_owned(),
        }))
    }

    /// The last step: a first code of the app
    ///
    /// Makes the account and signs its owner in.
    #[oai(path = "/api/v1/activation/totp/confirm", method = "post", operation_id = "confirm_activation")]
    async fn confirm(&self, newcomer: Newcomer, code: StrictJson<Code>) -> Cookied<ActivationDone> {
        let (identity, code) = (newcomer.platform.identity(), code.0.secret());
        let account = identity.confirm_activation(&newcomer.visitor, newcomer.flow(), &code).await?;
        let session = session_of(&newcomer, &account.session).await?;
        let codes = account.recovery_codes.iter().map(|code| code.expose_secret().to_owned()).collect();
        Ok(opened(&account.session, ActivationDone { recovery_codes: codes, session }))
    }
}
