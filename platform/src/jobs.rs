//! The worker's handlers: each a thin step from a job to the use case that does it.

use std::sync::Arc;

use async_trait::async_trait;
use cloister_grants::{Delivery, MessageDelivery, OwnerActivated, OwnerInvitationSender};
use cloister_identity::Identity;
use cloister_jobs::{Chore, Handler, JobFailure};
use cloister_store::{LeasedJob, MESSAGE_DELIVERY_JOB, OWNER_ACTIVATED_JOB};

/// The kind of job by which an operator invites a clinic's owner.
const OWNER_INVITATION_JOB: &str = "invite_owner";

struct DeliverMessage(MessageDelivery);

#[async_trait]
impl Handler for DeliverMessage {
    fn kind(&self) -> &'static str {
        MESSAGE_DELIVERY_JOB
    }

    async fn run(&self, job: &LeasedJob) -> Result<(), JobFailure> {
        match self.0.deliver(job).await? {
            Delivery::Sent => Ok(()),
            Delivery::Waits(code) => Err(JobFailure::later(code)),
            Delivery::GivenUp(code) => Err(JobFailure::never(code)),
        }
    }
}

struct InviteOwner(OwnerInvitationSender);

#[async_trait]
impl Handler for InviteOwner {
    fn kind(&self) -> &'static str {
        OWNER_INVITATION_JOB
    }

    async fn run(&self, job: &LeasedJob) -> Result<(), JobFailure> {
        self.0.send(job).await?;
        Ok(())
    }
}

struct NoteOwner(OwnerActivated);

#[async_trait]
impl Handler for NoteOwner {
    fn kind(&self) -> &'static str {
        OWNER_ACTIVATED_JOB
    }

    async fn run(&self, job: &LeasedJob) -> Result<(), JobFailure> {
        Ok(self.0.record(job).await?)
    }
}

/// Writes down that sessions ran out.
pub(crate) struct NoteEndedSessions(pub(crate) Identity);

#[async_trait]
impl Chore for NoteEndedSessions {
    fn name(&self) -> &'static str {
        "note_ended_sessions"
    }

    async fn run(&self) -> Result<bool, JobFailure> {
        Ok(self.0.note_ended_sessions().await?)
    }
}

/// All handlers.
pub(crate) fn handlers(
    messages: MessageDelivery,
    invitations: OwnerInvitationSender,
    owners: OwnerActivated,
) -> Vec<Arc<dyn Handler>> {
    vec![Arc::new(DeliverMessage(messages)), Arc::new(InviteOwner(invitations)), Arc::new(NoteOwner(owners))]
}
