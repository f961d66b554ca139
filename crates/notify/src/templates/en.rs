//! English.

use super::Letter;
use crate::MessageContent;

const CLOSING: &str = "Please do not reply to this message: nobody reads this mailbox.";

pub(super) fn letter(content: &MessageContent) -> Letter<'_> {
    match content {
        MessageContent::PatientInvitation { clinic, link, expires_on } => Letter {
            subject: format!("{clinic} invites you to its patient portal"),
            paragraphs: vec![
                "Hello,".into(),
                format!("{clinic} has prepared an account for you on its patient portal."),
                "You will need your date of birth and the code that the clinic gave you. If you have no code, ask the clinic: \
                 it is never sent by email."
                    .into(),
                format!("The link works once, until {expires_on}. If you did not expect this message, ignore it."),
            ],
            link: Some(link),
            closing: CLOSING,
        },
        MessageContent::StaffInvitation { clinic, link, expires_on } => Letter {
            subject: format!("Your staff account at {clinic}"),
            paragraphs: vec![
                "Hello,".into(),
                format!("{clinic} has invited you to its staff console."),
                "You will need the code that your administrator gave you: it is never sent by email.".into(),
                format!("The link works once, until {expires_on}. If you did not expect this message, ignore it."),
            ],
            link: Some(link),
            closing: CLOSING,
        },
        MessageContent::OwnerInvitation { clinic, link, expires_on } => Letter {
            subject: format!("Take over the portal of {clinic}"),
            paragraphs: vec![
                "Hello,".into(),
                format!("You are named as the owner of the portal of {clinic}."),
                "You will need a code that was sent to your clinic's contact for the agreement with us. Ask them for it.".into(),
                format!("The link works once, until {expires_on}. If you did not expect this message, tell your clinic."),
            ],
            link: Some(link),
            closing: CLOSING,
        },
        MessageContent::OwnerClinicCode { clinic, code } => Letter {
            subject: format!("The activation code for the owner of {clinic}"),
            paragraphs: vec![
                "Hello,".into(),
                format!("The owner of the portal of {clinic} was invited by email and needs this code: {code}"),
                "Give it to the owner in person or by telephone, and only if you expected this.".into(),
            ],
            link: None,
            closing: CLOSING,
        },
        MessageContent::AccountLocked { clinic, minutes } => Letter {
            subject: format!("Your account at {clinic} is locked for a while"),
            paragraphs: vec![
                "Hello,".into(),
                format!(
                    "There were several failed attempts to sign in to your account at {clinic}, so it is locked for \
                     {minutes} minutes."
                ),
                "If this was you, wait and try again. If it was not, tell the clinic.".into(),
            ],
            link: None,
            closing: CLOSING,
        },
    }
}
