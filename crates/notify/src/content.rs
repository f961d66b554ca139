//! What a message says, before it is put into words.

use cloister_kernel::Pii;
use serde::{Deserialize, Serialize};

use crate::{Locale, Mail, MailError, templates};

/// The parameters of one message. They hold one-time links and codes, so they are kept sealed until they are sent,
/// and never hold health information: a mailbox is not a safe place.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "snake_case", deny_unknown_fields)]
pub enum MessageContent {
    /// A clinic invites a patient to activate a portal account.
    PatientInvitation {
        /// The clinic's display name.
        clinic: String,
        /// The one-time link; the token stands in its fragment, which no server sees.
        link: String,
        /// The last day of its validity, `YYYY-MM-DD`.
        expires_on: String,
    },
    /// A clinic invites a member of staff.
    StaffInvitation {
        /// The clinic's display name.
        clinic: String,
        /// The one-time link.
        link: String,
        /// The last day of its validity, `YYYY-MM-DD`.
        expires_on: String,
    },
    /// The platform invites a clinic's owner.
    OwnerInvitation {
        /// The clinic's display name.
        clinic: String,
        /// The one-time link.
        link: String,
        /// The last day of its validity, `YYYY-MM-DD`.
        expires_on: String,
    },
    /// The code that goes with an owner's invitation, sent to the clinic's contact and to nobody else.
    OwnerClinicCode {
        /// The clinic's display name.
        clinic: String,
        /// The code to hand to the owner in person or by telephone.
        code: String,
    },
    /// An account was locked after too many failed attempts.
    AccountLocked {
        /// The clinic's display name.
        clinic: String,
        /// For how long, in minutes.
        minutes: u32,
    },
}

impl MessageContent {
    /// The template's stable code: stored in clear, shown in events and metrics.
    pub const fn template(&self) -> &'static str {
        match self {
            Self::PatientInvitation { .. } => "patient_invitation",
            Self::StaffInvitation { .. } => "staff_invitation",
            Self::OwnerInvitation { .. } => "owner_invitation",
            Self::OwnerClinicCode { .. } => "owner_clinic_code",
            Self::AccountLocked { .. } => "account_locked",
        }
    }

    /// Puts the message into words for one addressee.
    ///
    /// # Errors
    /// [`MailError::Address`] when the address is not one mailbox.
    pub fn compose(&self, to: &Pii<String>, locale: Locale) -> Result<Mail, MailError> {
        let wording = templates::word(self, locale);
        Mail::new(to, wording)
    }
}

impl std::fmt::Debug for MessageContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MessageContent({})", self.template())
    }
}
