//! The state machine of a sign-in or an activation. Each step's state stays on the server, sealed.
//!
//! ```text
//! password -> totp -> (session)
//! activate_identity -> activate_password -> activate_totp -> (session)
//! ```
//!
//! Either first step may be taken from anywhere: it starts over and forgets what was proved before.

use std::str::FromStr;

use cloister_access::{RevocationEpoch, Visitor};
use cloister_ephemeral::{Flow, TokenHash};
use cloister_kernel::{InvitationId, SecretString, UserId};
use cloister_store::VisitUnit;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Identity, IdentityError, PasswordHash, TotpSecret};

/// Where a flow stands: what the client is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowStep {
    /// Email and password.
    Password,
    /// A TOTP or recovery code.
    Totp,
    /// The invitation's token with what proves that one is the invited.
    ActivateIdentity,
    /// A new password.
    ActivatePassword,
    /// The enrolment of an authenticator app.
    ActivateTotp,
}

impl FlowStep {
    /// The stable spelling, in the API and in the ephemeral store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::ActivateIdentity => "activate_identity",
            Self::ActivatePassword => "activate_password",
            Self::ActivateTotp => "activate_totp",
        }
    }

    /// Where a flow stands. `None` for what is no sign-in or activation.
    pub fn of(flow: &Flow) -> Option<Self> {
        flow.step.parse().ok()
    }
}

impl FromStr for FlowStep {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let all =
            [Self::Password, Self::Totp, Self::ActivateIdentity, Self::ActivatePassword, Self::ActivateTotp];
        all.into_iter().find(|step| step.as_str() == text).ok_or(IdentityError::WrongStep)
    }
}

/// A flow as read for this request, and what it is kept under.
#[derive(Debug, Clone, Copy)]
pub struct CurrentFlow<'f> {
    /// The flow.
    pub flow: &'f Flow,
    /// The hash of its cookie.
    pub token: &'f TokenHash,
}

/// What was proved so far.
pub(crate) enum FlowState {
    /// Email and password were right.
    PasswordProved { user: UserId, epoch: RevocationEpoch },
    /// The invitation's holder is the one invited.
    InvitationProved { invitation: InvitationId },
    /// And chose a password.
    PasswordChosen { invitation: InvitationId, password_hash: PasswordHash },
    /// And was shown a TOTP secret.
    SecretOffered { invitation: InvitationId, password_hash: PasswordHash, secret: TotpSecret },
}

/// The state as sealed.
#[derive(Default, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Written {
    #[zeroize(skip)]
    user: Option<UserId>,
    epoch: Option<i64>,
    #[zeroize(skip)]
    invitation: Option<InvitationId>,
    password_hash: Option<String>,
    secret: Option<String>,
}

impl FlowState {
    pub(crate) const fn step(&self) -> FlowStep {
        match self {
            Self::PasswordProved { .. } => FlowStep::Totp,
            Self::InvitationProved { .. } => FlowStep::ActivatePassword,
            Self::PasswordChosen { .. } | Self::SecretOffered { .. } => FlowStep::ActivateTotp,
        }
    }

    fn encode(&self) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        let mut written = Written::default();
        match self {
            Self::PasswordProved { user, epoch } => {
                (written.user, written.epoch) = (Some(*user), Some(epoch.0));
            }
            Self::InvitationProved { invitation } => written.invitation = Some(*invitation),
            Self::PasswordChosen { invitation, password_hash } => {
                written.invitation = Some(*invitation);
                written.password_hash = Some(password_hash.phc().to_owned());
            }
            Self::SecretOffered { invitation, password_hash, secret } => {
                written.invitation = Some(*invitation);
                written.password_hash = Some(password_hash.phc().to_owned());
                written.secret = Some(hex::encode(secret.as_bytes()));
            }
        }
        let text = serde_json::to_vec(&written).map_err(|_| IdentityError::Broken("a flow's state"))?;
        Ok(Zeroizing::new(text))
    }

    fn decode(bytes: &[u8]) -> Result<Self, IdentityError> {
        let unreadable = || IdentityError::Broken("a flow's state");
        let written: Written = serde_json::from_slice(bytes).map_err(|_| unreadable())?;
        let hash = |text: &str| PasswordHash::from_phc(text.to_owned());
        match (written.user, written.epoch, written.invitation, &written.password_hash, &written.secret) {
            (Some(user), Some(epoch), None, None, None) => {
                Ok(Self::PasswordProved { user, epoch: RevocationEpoch(epoch) })
            }
            (None, None, Some(invitation), None, None) => Ok(Self::InvitationProved { invitation }),
            (None, None, Some(invitation), Some(text), None) => {
                Ok(Self::PasswordChosen { invitation, password_hash: hash(text) })
            }
            (None, None, Some(invitation), Some(text), Some(secret)) => {
                let secret = Zeroizing::new(hex::decode(secret).map_err(|_| unreadable())?);
                let secret = TotpSecret::from_bytes(&secret);
                Ok(Self::SecretOffered { invitation, password_hash: hash(text), secret })
            }
            _ => Err(unreadable()),
        }
    }
}

impl Identity {
    /// The state of a flow that must stand at this step, and be of the site that was asked.
    pub(crate) fn state_at(
        &self,
        unit: &VisitUnit<'_>,
        current: CurrentFlow<'_>,
        step: FlowStep,
    ) -> Result<FlowState, IdentityError> {
        check_site(unit.visitor(), current.flow)?;
        if FlowStep::of(current.flow) != Some(step) {
            return Err(IdentityError::WrongStep);
        }
        let state = FlowState::decode(&unit.open_flow(&current.token.to_hex(), &current.flow.state)?)?;
        if state.step() == step { Ok(state) } else { Err(IdentityError::WrongStep) }
    }

    /// Moves a flow on. Of several calls that read the same state one can.
    pub(crate) async fn advance(
        &self,
        current: CurrentFlow<'_>,
        step: FlowStep,
        sealed: Vec<u8>,
    ) -> Result<(), IdentityError> {
        match self.ephemeral.advance_flow(current.token, current.flow, step.as_str(), sealed).await? {
            true => Ok(()),
            false => Err(IdentityError::FlowEnded),
        }
    }
}

/// Seals a state for its flow.
pub(crate) fn seal_state(
    unit: &VisitUnit<'_>,
    current: CurrentFlow<'_>,
    state: &FlowState,
) -> Result<Vec<u8>, IdentityError> {
    Ok(unit.seal_flow(&current.token.to_hex(), &state.encode()?)?)
}

/// A flow of one site is nothing at another, and what is kept like a flow but is none is not a flow.
pub(crate) fn check_site(visitor: &Visitor, flow: &Flow) -> Result<(), IdentityError> {
    let same = flow.tenant == visitor.tenant() && flow.audience == visitor.audience();
    if same && FlowStep::of(flow).is_some() { Ok(()) } else { Err(IdentityError::FlowEnded) }
}

/// A password's hash as the store takes it.
pub(crate) fn secret_of(hash: &PasswordHash) -> SecretString {
    SecretString::from(hash.phc())
}

#[cfg(test)]
mod tests {
    use cloister_kernel::Environment;

    use super::*;

    #[test]
    fn every_state_reads_back_as_the_step_it_belongs_to() {
        let environment = Environment::system();
        let invitation = environment.id();
        let password_hash = PasswordHash::from_phc("$argon2id$...".to_owned());
        let secret = TotpSecret::generate(&environment);
        let states = [
            FlowState::PasswordProved { user: environment.id(), epoch: RevocationEpoch(7) },
            FlowState::InvitationProved { invitation },
            FlowState::PasswordChosen { invitation, password_hash: password_hash.clone() },
            FlowState::SecretOffered { invitation, password_hash, secret },
        ];
        for state in states {
            let bytes = state.encode().unwrap();
            let read = FlowState::decode(&bytes).unwrap();
            assert_eq!(read.step(), state.step());
            assert_eq!(*read.encode().unwrap(), *bytes);
        }
        assert!(FlowState::decode(b"{}").is_err());
    }
}
