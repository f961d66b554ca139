//! A mailer that keeps what it is given: the mailbox that tests hold in their hand.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::{Mail, MailError, Mailer};

/// One collected mail, readable.
#[derive(Clone, Serialize, Deserialize)]
pub struct Mailbox {
    /// The addressee.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The plain text body.
    pub text: String,
}

impl From<&Mail> for Mailbox {
    fn from(mail: &Mail) -> Self {
        Self {
            to: mail.to.expose().to_string(),
            subject: mail.subject.expose().clone(),
            text: mail.text.expose().clone(),
        }
    }
}

/// Keeps the newest mails in memory, up to a bound.
#[derive(Clone)]
pub struct CollectedMail {
    mails: Arc<Mutex<VecDeque<Mailbox>>>,
    capacity: usize,
}

impl CollectedMail {
    /// Keeps at most `capacity` mails; the oldest goes first.
    pub fn new(capacity: usize) -> Self {
        Self { mails: Arc::default(), capacity }
    }

    /// All kept mails, oldest first.
    pub fn all(&self) -> Vec<Mailbox> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The newest mail to an address.
    pub fn newest_to(&self, address: &str) -> Option<Mailbox> {
        self.all().into_iter().rev().find(|mail| mail.to == address)
    }
}

#[async_trait]
impl Mailer for CollectedMail {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        if mails.len() >= self.capacity {
            mails.pop_front();
        }
        mails.push_back(mail.into());
        Ok(())
    }
}
