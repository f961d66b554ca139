//! One email, and the port that takes it away.

use async_trait::async_trait;
use cloister_kernel::Pii;
use lettre::{Address, message::Mailbox as LettreMailbox};

use crate::templates::Wording;

/// An email ready to be sent: one addressee, a subject, and the same words as text and as HTML.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The checked address.
    pub(crate) to: Pii<Address>,
    /// One line without control characters.
    pub(crate) subject: Pii<String>,
    /// The plain text body.
    pub(crate) text: Pii<String>,
    /// The HTML body.
    pub(crate) html: Pii<String>,
}

impl Mail {
    /// Builds a mail from worded parts.
    ///
    /// # Errors
    /// [`MailError::Address`] when the address is not exactly one mailbox (RFC 5321, section 4.1.2).
    pub(crate) fn new(to: &Pii<String>, wording: Wording) -> Result<Self, MailError> {
        let address: Address = to.expose().parse().map_err(|_| MailError::Address)?;
        let subject: String = wording.subject.chars().filter(|character| !character.is_control()).collect();
        Ok(Self {
            to: Pii::new(address),
            subject: Pii::new(subject),
            text: Pii::new(wording.text),
            html: Pii::new(wording.html),
        })
    }

    pub(crate) fn mailbox(&self) -> LettreMailbox {
        LettreMailbox::new(None, self.to.expose().clone())
    }
}

/// Why a mail was not taken.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The address is not one mailbox. Trying again does not help.
    #[error("the address is not one mailbox")]
    Address,
    /// The agreement with the mail vendor is missing or out of date; the message waits.
    #[error("the agreement with {vendor} is not current")]
    Blocked {
        /// The vendor's name.
        vendor: String,
    },
    /// The server refused the message for good.
    #[error("the mail server refused the message")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The server could not be reached or asked to try later.
    #[error("the mail server is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl MailError {
    /// Whether the same mail may be taken later.
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Blocked { .. } | Self::Away(_))
    }
}

/// Takes mails away. Adapters: [`crate::SmtpMailer`] behind [`crate::BaaGate`], [`crate::MailDirectory`] for the
/// demonstration, [`crate::CollectedMail`] for tests.
#[async_trait]
pub trait Mailer: Send + Sync + 'static {
    /// Hands the mail over.
    ///
    /// # Errors
    /// See [`MailError`]; nothing was sent unless the answer was lost on the way.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
}
