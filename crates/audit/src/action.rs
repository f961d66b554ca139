//! The vocabulary of events: every act that leaves a row.

use std::{fmt, str::FromStr};

/// The text is not an action code of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known action code")]
pub struct UnknownAction;

macro_rules! actions {
    ($($(#[$doc:meta])* $item:ident = $code:literal,)*) => {
        /// What was done or tried. The outcome of an event says how it ended, so one code serves success, refusal
        /// and failure alike unless failing is an act of its own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ActionCode {
            $($(#[$doc])* $item,)*
        }

        impl ActionCode {
            /// Every code, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$item,)*];

            /// The stable, dotted spelling used in the log. Never changed once written.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$item => $code,)*
                }
            }
        }

        impl FromStr for ActionCode {
            type Err = UnknownAction;

            /// Accepts the exact spelling only.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($code => Ok(Self::$item),)*
                    _ => Err(UnknownAction),
                }
            }
        }
    };
}

impl fmt::Display for ActionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

actions! {
    /// An email and a password were offered.
    SignInPassword = "sign_in.password",
    /// A second factor was asked for.
    SignInFactorChallenged = "sign_in.factor_challenged",
    /// A TOTP code was offered at sign-in.
    SignInTotp = "sign_in.totp",
    /// A recovery code was offered at sign-in; on success it is spent.
    SignInRecoveryCode = "sign_in.recovery_code",
    /// An account or source was locked after too many failures.
    SignInLocked = "sign_in.locked",
    /// The lock of an account or source had run out when the next attempt came.
    SignInUnlocked = "sign_in.unlocked",
    /// A sign-in was completed.
    SignInCompleted = "sign_in.completed",

    /// A password was set.
    PasswordSet = "password.set",
    /// A TOTP secret was offered for enrolment.
    TotpEnrolmentStarted = "totp.enrolment_started",
    /// A TOTP secret was confirmed by a code.
    TotpEnrolled = "totp.enrolled",
    /// A set of recovery codes was issued.
    RecoveryCodesIssued = "recovery_codes.issued",

    /// A session was opened.
    SessionCreated = "session.created",
    /// A session's owner signed out.
    SessionEnded = "session.ended",
    /// A session was revoked before its time.
    SessionRevoked = "session.revoked",
    /// A session was found idle or over age.
    SessionExpired = "session.expired",
    /// A user's sessions were listed.
    SessionListed = "session.list",
    /// A fresh factor was asked of a signed-in user.
    SessionStepUpChallenged = "session.step_up_challenged",
    /// A fresh factor was offered by a signed-in user.
    SessionStepUp = "session.step_up",

    /// An account was read.
    AccountRead = "account.read",
    /// An account was activated.
    AccountActivated = "account.activated",
    /// An account was suspended.
    AccountSuspended = "account.suspended",

    /// A patient's record was read.
    RecordRead = "record.read",
    /// Patients' records were listed.
    RecordListed = "record.list",
    /// A laboratory result was read.
    ResultRead = "result.read",
    /// Laboratory results were listed.
    ResultListed = "result.list",
    /// A clinician's panel was listed.
    PanelListed = "panel.list",
    /// A staff member was put on a patient's panel.
    PanelMemberAssigned = "panel_member.assigned",
    /// A staff member was taken off a patient's panel.
    PanelMemberUnassigned = "panel_member.unassigned",
    /// The staff on a patient's panel were listed.
    PanelMemberListed = "panel_member.list",

    /// A FHIR transaction was taken in or refused; the outcome says which.
    BundleIngested = "bundle.ingested",
    /// A FHIR resource came in for the first time.
    ResourceCreated = "resource.created",
    /// A FHIR resource got a new version.
    ResourceUpdated = "resource.updated",
    /// A FHIR resource was deleted or entered in error.
    ResourceDeleted = "resource.deleted",
    /// A FHIR resource was read as such.
    ResourceRead = "resource.read",
    /// FHIR resources were listed as such.
    ResourceListed = "resource.list",
    /// An incoming resource was set aside for a person to decide.
    ResourceQuarantined = "resource.quarantined",
    /// A person decided about a quarantined resource.
    QuarantineDecided = "quarantine.decided",
    /// Quarantined resources were listed.
    QuarantineListed = "quarantine.list",

    /// A patient was invited.
    InvitationCreated = "invitation.created",
    /// An invitation was revoked.
    InvitationRevoked = "invitation.revoked",
    /// An invitation's holder proved to be the one invited, or failed to.
    InvitationIdentityProved = "invitation.identity_proved",
    /// An invitation was accepted: the account is active.
    InvitationAccepted = "invitation.accepted",
    /// An invitation was locked after too many failures.
    InvitationLocked = "invitation.locked",
    /// Invitations were listed.
    InvitationListed = "invitation.list",
    /// A staff member was invited.
    StaffInvited = "staff.invited",
    /// A staff invitation was revoked.
    StaffInvitationRevoked = "staff.invitation_revoked",
    /// Staff invitations were listed.
    StaffInvitationListed = "staff.invitation_list",
    /// A staff member was read.
    StaffRead = "staff.read",
    /// Staff members were listed.
    StaffListed = "staff.list",
    /// A role was given to a user.
    RoleGranted = "role.granted",
    /// A role was taken from a user.
    RoleRevoked = "role.revoked",

    /// A record system was registered.
    MachineClientRegistered = "machine_client.registered",
    /// A record system's registration was removed.
    MachineClientRemoved = "machine_client.removed",
    /// A record system's registration was read.
    MachineClientRead = "machine_client.read",
    /// Record systems were listed.
    MachineClientListed = "machine_client.list",
    /// A record system asked for an access token; the outcome says whether it got one.
    MachineClientToken = "machine_client.token",
    /// A call came with an access token that does not hold, or does not cover what was asked.
    MachineClientAuthenticated = "machine_client.authenticated",

    /// A tenant was created.
    TenantCreated = "tenant.created",
    /// A tenant was read by an operator.
    TenantRead = "tenant.read",
    /// Tenants were listed by an operator.
    TenantListed = "tenant.list",
    /// A business associate agreement was recorded.
    TenantBaaRecorded = "tenant.baa_recorded",
    /// A tenant's owner was invited.
    TenantOwnerInvited = "tenant.owner_invited",
    /// A tenant was activated, or found not ready.
    TenantActivated = "tenant.activated",
    /// The networks of a tenant that are raised were listed.
    TenantNetworkListed = "tenant.network_list",
    /// What may come from a network of a tenant was raised. Its reason in words, sealed, says how far and why.
    TenantNetworkRaised = "tenant.network_raised",
    /// A network of a tenant was lowered to what every other may do.
    TenantNetworkLowered = "tenant.network_lowered",
    /// The hosts of a tenant were listed.
    TenantHostListed = "tenant.host_list",
    /// A host was mapped to a site of a tenant. Its reason in words, sealed, says which.
    TenantHostMapped = "tenant.host_mapped",
    /// A host of a tenant was made the primary one of its site.
    TenantHostMadePrimary = "tenant.host_made_primary",
    /// A host was taken from a tenant.
    TenantHostRemoved = "tenant.host_removed",
    /// A tenant was suspended.
    TenantSuspended = "tenant.suspended",
    /// An onboarding that failed or was left behind was undone.
    TenantOnboardingUndone = "tenant.onboarding_undone",
    /// A data key was issued for a tenant.
    TenantKeyIssued = "tenant.key_issued",
    /// A tenant's policy was set.
    PolicySet = "policy.set",

    /// An operator was created.
    OperatorCreated = "operator.created",
    /// Operators were listed.
    OperatorListed = "operator.list",
    /// An operator was stopped, and his API tokens with him.
    OperatorDisabled = "operator.disabled",
    /// An operator's API tokens were listed.
    OperatorTokenListed = "operator.token_list",
    /// A call came without a token that holds.
    OperatorAuthenticated = "operator.authenticated",
    /// A call was refused before it reached an operation: no such route, unreadable body, too many calls.
    OperatorCall = "operator.call",
    /// The platform's own keys were made.
    PlatformKeysCreated = "platform.keys_created",
    /// An operator asked for an API token; the outcome says whether he got one.
    OperatorToken = "operator.token",
    /// An operator's API token was revoked.
    OperatorTokenRevoked = "operator.token_revoked",

    /// A call to a clinic was refused before it was known whose it is: no session, no token, mixed credentials, or proofs
    /// that its own page did not make it. Its reason in words, sealed, is the method and path.
    CallRefused = "call.refused",
    /// A permit was granted or refused where no other code says what for.
    AuthorizationDecided = "authorization.decided",
    /// A request named a host that is nobody's.
    HostUnknown = "host.unknown",

    /// A message was put into the outbox.
    MessageQueued = "message.queued",
    /// A message was handed to its carrier, or could not be.
    MessageSent = "message.sent",
    /// A message was held back because no agreement covers its carrier.
    MessageBlocked = "message.blocked",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_dotted_lower_case_and_read_back_as_itself() {
        for &code in ActionCode::ALL {
            let text = code.as_str();
            assert_eq!((text.parse(), code.to_string().as_str()), (Ok(code), text));
            let (subject, act) = text.split_once('.').unwrap();
            for part in [subject, act] {
                assert!(!part.is_empty(), "{text}");
                assert!(part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{text}");
            }
        }
    }

    #[test]
    fn no_two_codes_are_spelt_alike() {
        let spellings: std::collections::BTreeSet<_> =
            ActionCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(spellings.len(), ActionCode::ALL.len());
    }

    #[test]
    fn what_is_not_in_the_vocabulary_is_refused() {
        for text in ["", "record", "record.Read", "record.read ", "record.export"] {
            assert_eq!(text.parse::<ActionCode>(), Err(UnknownAction), "{text:?}");
        }
    }
}
