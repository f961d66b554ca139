//! Email by SMTP (lettre): TLS always, except to this very machine when told so.

use std::time::Duration;

use async_trait::async_trait;
use cloister_kernel::{ExposeSecret, SecretString};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        PoolConfig,
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};

use crate::{Mail, MailError, Mailer};

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// STARTTLS, required: without it nothing is sent.
    StartTls,
    /// No TLS: only to a loopback name, for development and tests.
    LoopbackOnly,
}

/// Where and as whom mails are sent.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// The server's name.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// The account, if the server wants one.
    pub credentials: Option<(String, SecretString)>,
    /// The sender, for example `Cloister <no-reply@portal.example>`.
    pub from: String,
}

/// Sends mails through one SMTP server over a small pool of connections.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpMailer {
    /// Prepares the connection pool; nothing is sent yet.
    ///
    /// # Errors
    /// [`MailError::Address`] for a bad sender, [`MailError::Refused`] for settings that would send in clear.
    pub fn new(settings: &SmtpSettings) -> Result<Self, MailError> {
        let from = settings.from.parse().map_err(|_| MailError::Address)?;
        let tls = match settings.security {
            SmtpSecurity::LoopbackOnly if is_loopback(&settings.host) => Tls::None,
            SmtpSecurity::LoopbackOnly => {
                return Err(MailError::Refused("mail without TLS is for this machine only".into()));
            }
            SmtpSecurity::Implicit => Tls::Wrapper(tls_parameters(&settings.host)?),
            SmtpSecurity::StartTls => Tls::Required(tls_parameters(&settings.host)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(Duration::from_secs(10)))
            .pool_config(PoolConfig::new().max_size(4).idle_timeout(Duration::from_secs(30)));
        if let Some((user, password)) = &settings.credentials {
            builder =
                builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
        }
        Ok(Self { transport: builder.build(), from })
    }
}

fn tls_parameters(host: &str) -> Result<TlsParameters, MailError> {
    TlsParameters::new(host.to_owned()).map_err(|error| MailError::Refused(Box::new(error)))
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = Message::builder()
            .from(self.from.clone())
            .to(mail.mailbox())
            .subject(mail.subject.expose().clone())
            .header(header::MIME_VERSION_1_0)
            .multipart(MultiPart::alternative_plain_html(
                mail.text.expose().clone(),
                mail.html.expose().clone(),
            ))
            .map_err(|error| MailError::Refused(Box::new(error)))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) if error.is_permanent() => Err(MailError::Refused(Box::new(error))),
            Err(error) => Err(MailError::Away(Box::new(error))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(host: &str, security: SmtpSecurity) -> SmtpSettings {
        SmtpSettings {
            host: host.into(),
            port: 1,
            security,
            credentials: None,
            from: "Cloister <no-reply@portal.example>".into(),
        }
    }

    #[tokio::test]
    async fn mail_in_clear_leaves_this_machine_under_no_setting() {
        assert!(SmtpMailer::new(&settings("smtp.example.org", SmtpSecurity::LoopbackOnly)).is_err());
        assert!(SmtpMailer::new(&settings("localhost", SmtpSecurity::LoopbackOnly)).is_ok());
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_a_temporary_failure() {
        use crate::{Locale, MessageContent};
        use cloister_kernel::Pii;
        let mailer = SmtpMailer::new(&settings("127.0.0.1", SmtpSecurity::LoopbackOnly)).unwrap();
        let mail = MessageContent::AccountLocked { clinic: "Lakeside".into(), minutes: 30 }
            .compose(&Pii::new("ana@example.org".into()), Locale::En)
            .unwrap();
        assert!(mailer.send(&mail).await.unwrap_err().is_temporary());
    }
}
