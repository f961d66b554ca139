//! The gate in front of every vendor that carries messages (requirements BAA-1 and BAA-2).

use async_trait::async_trait;
use cloister_kernel::Environment;
use time::Date;

use crate::{Mail, MailError, Mailer};

/// The business associate agreement with a vendor, as the operator recorded it.
#[derive(Debug, Clone)]
pub struct VendorAgreement {
    /// The vendor's name.
    pub vendor: String,
    /// The first day it holds.
    pub executed_on: Date,
    /// The last day it holds.
    pub expires_on: Date,
}

/// Lets mails through only while the agreement is current. A mailer without an agreement stays shut.
pub struct BaaGate<M> {
    mailer: M,
    vendor: String,
    agreement: Option<VendorAgreement>,
    environment: Environment,
}

impl<M: Mailer> BaaGate<M> {
    /// Puts the gate in front of a vendor's mailer.
    pub fn new(
        mailer: M,
        vendor: impl Into<String>,
        agreement: Option<VendorAgreement>,
        environment: Environment,
    ) -> Self {
        Self { mailer, vendor: vendor.into(), agreement, environment }
    }

    fn is_open(&self) -> bool {
        let today = self.environment.now().date();
        self.agreement.as_ref().is_some_and(|agreement| {
            agreement.vendor == self.vendor && agreement.executed_on <= today && today <= agreement.expires_on
        })
    }
}

#[async_trait]
impl<M: Mailer> Mailer for BaaGate<M> {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        if !self.is_open() {
            return Err(MailError::Blocked { vendor: self.vendor.clone() });
        }
        self.mailer.send(mail).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cloister_kernel::{ManualClock, Pii, SeededRandomness};
    use time::{
        Duration,
        macros::{date, datetime},
    };

    use super::*;
    use crate::{CollectedMail, Locale, MessageContent};

    fn mail() -> Mail {
        MessageContent::AccountLocked { clinic: "Lakeside".into(), minutes: 30 }
            .compose(&Pii::new("ana@example.org".into()), Locale::En)
            .unwrap()
    }

    fn gate(agreement: Option<VendorAgreement>) -> (BaaGate<CollectedMail>, CollectedMail, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::at(datetime!(2026-06-30 23:59 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SeededRandomness::new(7)));
        let collected = CollectedMail::new(10);
        (BaaGate::new(collected.clone(), "SendGrid", agreement, environment), collected, clock)
    }

    fn agreement(vendor: &str) -> VendorAgreement {
        VendorAgreement {
            vendor: vendor.into(),
            executed_on: date!(2026 - 01 - 01),
            expires_on: date!(2026 - 06 - 30),
        }
    }

    #[tokio::test]
    async fn a_mail_passes_on_the_last_day_of_the_agreement_and_not_after() {
        let (gate, collected, clock) = gate(Some(agreement("SendGrid")));
        gate.send(&mail()).await.unwrap();
        clock.advance(Duration::minutes(1));
        assert!(matches!(gate.send(&mail()).await, Err(MailError::Blocked { .. })));
        assert_eq!(collected.all().len(), 1);
    }

    #[tokio::test]
    async fn no_agreement_or_another_vendors_agreement_keeps_the_gate_shut() {
        for missing in [None, Some(agreement("Another"))] {
            let (gate, collected, _) = gate(missing);
            let error = gate.send(&mail()).await.unwrap_err();
            assert!(error.is_temporary(), "a blocked mail waits for the agreement");
            assert!(collected.all().is_empty());
        }
    }
}
