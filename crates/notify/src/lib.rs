//! Telling people things outside the portal: email, behind the BAA gate.
//!
//! Promises: a vendor's adapter sends nothing unless the agreement with that vendor is current (requirement BAA-1);
//! no message holds health information, only the clinic's name, a link and plain words; addresses and links are
//! never logged; header injection is impossible because addresses and subjects are built from typed parts.
//! Text messages (SMS) come with the second factor that needs them.

mod baa_gate;
mod collected;
mod content;
mod directory;
mod locale;
mod mail;
mod smtp;
mod templates;

pub use baa_gate::{BaaGate, VendorAgreement};
pub use collected::{CollectedMail, Mailbox};
pub use content::MessageContent;
pub use directory::MailDirectory;
pub use locale::Locale;
pub use mail::{Mail, MailError, Mailer};
pub use smtp::{SmtpMailer, SmtpSecurity, SmtpSettings};
