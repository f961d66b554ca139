//! The job that sends one message of the outbox.

use std::sync::Arc;

use cloister_access::{
    action::{Read, Update},
    resource::Message,
};
use cloister_audit::ActionCode;
use cloister_kernel::{Environment, MessageId};
use cloister_notify::{Locale, MailError, Mailer, MessageContent};
use cloister_store::{LeasedJob, OutgoingMessage, Store, StoreError, Target};

/// How the sending of a message ended, when it did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// The carrier took it, now or at an earlier try.
    Sent,
    /// It waits: the carrier is away, or no agreement covers it.
    Waits(&'static str),
    /// The carrier will never take it.
    GivenUp(&'static str),
}

/// Sends the messages of the outbox through a mailer.
#[derive(Clone)]
pub struct MessageDelivery {
    store: Store,
    mailer: Arc<dyn Mailer>,
    environment: Environment,
}

impl MessageDelivery {
    /// Over a store and the mailer that the composition root chose.
    pub fn new(store: Store, mailer: Arc<dyn Mailer>, environment: Environment) -> Self {
        Self { store, mailer, environment }
    }

    /// Sends the message that the job is about. It may be sent twice if the process dies between the carrier's answer
    /// and the note of it; it is never lost.
    ///
    /// # Errors
    /// The store's.
    pub async fn deliver(&self, job: &LeasedJob) -> Result<Delivery, StoreError> {
        let caller = job.caller(&self.environment)?;
        let message = MessageId::from_uuid(job.subject.ok_or(StoreError::NotFound)?);
        let unit = self.store.begin(&caller).await?;
        let (mut unit, permit) = unit.require::<Read, Message>(Target::Message(message)).await?;
        let queued = unit.message(permit).await?;
        let locale = Locale::from_tag(&queued.locale);
        let Some(outgoing) = unit.commit(queued.outgoing).await? else { return Ok(Delivery::Sent) };
        let sent = match compose(&outgoing, locale) {
            Ok(mail) => self.mailer.send(&mail).await,
            Err(error) => Err(error),
        };
        let unit = self.store.begin(&caller).await?;
        let (mut unit, permit) = unit.require::<Update, Message>(Target::Message(message)).await?;
        let delivery = match &sent {
            Ok(()) => {
                unit.mark_message_sent(permit).await?;
                Delivery::Sent
            }
            Err(error) => {
                let (action, code) = reason(error);
                unit.mark_message_failed(permit, action, code).await?;
                if error.is_temporary() { Delivery::Waits(code) } else { Delivery::GivenUp(code) }
            }
        };
        unit.commit(()).await?;
        if let Err(error) = sent {
            tracing::warn!(message = %message, error = %error, "a message was not sent");
        }
        Ok(delivery)
    }
}

fn compose(outgoing: &OutgoingMessage, locale: Locale) -> Result<cloister_notify::Mail, MailError> {
    let content: MessageContent =
        serde_json::from_slice(&outgoing.parameters).map_err(|error| MailError::Refused(Box::new(error)))?;
    content.compose(&outgoing.to, locale)
}

const fn reason(error: &MailError) -> (ActionCode, &'static str) {
    match error {
        MailError::Blocked { .. } => (ActionCode::MessageBlocked, "message.blocked_by_agreement"),
        MailError::Away(_) => (ActionCode::MessageSent, "message.carrier_away"),
        MailError::Address => (ActionCode::MessageSent, "message.address"),
        MailError::Refused(_) => (ActionCode::MessageSent, "message.refused"),
    }
}
