//! The outbox: messages that wait to be sent, written in the transaction of the change that they tell of.

use cloister_access::{
    JobPurpose, Permit,
    action::{Read, Update},
    resource::Message,
};
use cloister_audit::{ActionCode, EventDraft};
use cloister_kernel::{MessageId, Pii};
use cloister_vault::Purpose;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{NewJob, Pending, StoreError, UnitOfWork, VisitUnit, core::Core, statement::microseconds};

/// The kind of the job that sends one message. Its subject is the message.
pub const MESSAGE_DELIVERY_JOB: &str = "deliver_message";

/// A message to be sent once the transaction stands.
pub struct NewMessage {
    /// What it is for, for example `invitation`: shown in events.
    pub purpose: &'static str,
    /// The template's code.
    pub template: &'static str,
    /// The language it is written in.
    pub locale: &'static str,
    /// The address.
    pub to: Pii<String>,
    /// The template's parameters as JSON. They may hold one-time links, so they are sealed.
    pub parameters: Zeroizing<Vec<u8>>,
    /// The row it is about.
    pub subject: Option<Uuid>,
}

/// A message on its way out.
pub struct OutgoingMessage {
    /// The address.
    pub to: Pii<String>,
    /// The template's parameters as JSON.
    pub parameters: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for OutgoingMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[message]")
    }
}

/// A message as the worker finds it.
#[derive(Debug)]
pub struct QueuedMessage {
    /// Sent already: a job that ran twice has nothing to do.
    pub is_sent: bool,
    /// The language it is written in.
    pub locale: String,
    /// Address and parameters; none once it was sent.
    pub outgoing: Option<Pending<OutgoingMessage>>,
}

impl Core {
    /// Writes a message and the job that sends it.
    pub(crate) async fn queue_message(&mut self, message: NewMessage) -> Result<MessageId, StoreError> {
        let id: MessageId = self.environment().id();
        let row = id.uuid();
        let address = message.to.expose().as_bytes();
        let address = self.seal(Purpose::Pii, "messages", "address_sealed", row, address)?;
        let parameters =
            self.seal(Purpose::Pii, "messages", "parameters_sealed", row, &message.parameters)?;
        let now = self.now();
        self.execute(
            "INSERT INTO messages (tenant_id, id, channel, purpose, template, locale, address_sealed, \
             parameters_sealed, state, subject_id, created_at, run_at) \
             VALUES ($1, $2, 'email', $3, $4, $5, $6, $7, 'queued', $8, $9, $9)",
            vec![
                row.into(),
                message.purpose.into(),
                message.template.into(),
                message.locale.into(),
                address.into(),
                parameters.into(),
                message.subject.into(),
                microseconds(now).into(),
            ],
        )
        .await?;
        let purpose = JobPurpose::DeliverMessage.as_str();
        self.enqueue(NewJob::new(MESSAGE_DELIVERY_JOB, purpose, self.tenant(), now).about(row)).await?;
        self.note(
            EventDraft::success(ActionCode::MessageQueued).on("message", Some(row)).because(message.purpose),
        );
        Ok(id)
    }
}

impl VisitUnit<'_> {
    /// Writes a message and the job that sends it.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn queue_message(&mut self, message: NewMessage) -> Result<MessageId, StoreError> {
        self.core.queue_message(message).await
    }
}

impl UnitOfWork<'_> {
    /// Writes a message and the job that sends it.
    ///
    /// # Errors
    /// `Keys`, `Unavailable`.
    pub async fn queue_message(&mut self, message: NewMessage) -> Result<MessageId, StoreError> {
        self.core.queue_message(message).await
    }

    /// The message of a permit.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn message(&mut self, permit: Permit<Read, Message>) -> Result<QueuedMessage, StoreError> {
        let row = self.row_of(&permit)?;
        let sql = "SELECT state, locale, address_sealed, parameters_sealed FROM messages \
                   WHERE tenant_id = $1 AND id = $2";
        let found = self.core.row(sql, vec![row.into()]).await?.ok_or(StoreError::NotFound)?;
        let is_sent = found.get::<String>("state")? == "sent";
        let outgoing = if is_sent {
            None
        } else {
            let text = |bytes: &[u8]| {
                String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Corrupt("messages.address_sealed"))
            };
            let to = found.sealed("address_sealed")?;
            let to = self
                .core
                .pending("messages", "address_sealed", row, to, move |bytes| Ok(Pii::new(text(bytes)?)));
            let parameters = found.sealed("parameters_sealed")?;
            let parameters = self.core.pending("messages", "parameters_sealed", row, parameters, |bytes| {
                Ok(Zeroizing::new(bytes.to_vec()))
            });
            Some(to.and(parameters).map(|(to, parameters)| OutgoingMessage { to, parameters }))
        };
        Ok(QueuedMessage { is_sent, locale: found.get("locale")?, outgoing })
    }

    /// Notes that a message was handed to its carrier.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mark_message_sent(&mut self, permit: Permit<Update, Message>) -> Result<(), StoreError> {
        let row = self.row_of(&permit)?;
        let now = self.core.now_microseconds();
        let sql = "UPDATE messages SET state = 'sent', sent_at = $3, attempts = attempts + 1, \
                   failure_code = NULL WHERE tenant_id = $1 AND id = $2";
        self.core.execute(sql, vec![row.into(), now.into()]).await?;
        self.note(EventDraft::success(ActionCode::MessageSent).on("message", Some(row)));
        Ok(())
    }

    /// Notes that a message was not handed to its carrier, and why.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn mark_message_failed(
        &mut self,
        permit: Permit<Update, Message>,
        action: ActionCode,
        code: &'static str,
    ) -> Result<(), StoreError> {
        let row = self.row_of(&permit)?;
        let sql = "UPDATE messages SET attempts = attempts + 1, failure_code = $3 \
                   WHERE tenant_id = $1 AND id = $2";
        self.core.execute(sql, vec![row.into(), code.into()]).await?;
        self.note(EventDraft::failed(action, code).on("message", Some(row)));
        Ok(())
    }
}
