//! The part of an event that is sealed under its log's key.

use std::net::IpAddr;

use cloister_kernel::{Failure, FailureKind, Phi, Pii};

use crate::canonical::Fields;

const VERSION: u8 = 1;

/// Where a request came from and why, in someone's own words. Holds what a log in clear must not.
#[derive(Debug, Clone, Default)]
pub struct SealedPart {
    /// The client's address.
    pub source: Option<Pii<IpAddr>>,
    /// What the client called itself.
    pub user_agent: Option<Pii<String>>,
    /// A reason in someone's own words.
    pub reason_text: Option<Phi<String>>,
}

/// An opened sealed part that is not in the format of this module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed part of an event could not be read")]
pub struct SealedPartError;

impl Failure for SealedPartError {
    fn code(&self) -> &'static str {
        "audit.sealed_part_unreadable"
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Internal
    }
}

impl SealedPart {
    /// The bytes to be sealed: a version byte, `0x01`, then source (as text), user agent and reason text, each written
    /// as a field of [`crate::canonical`].
    pub fn encode(&self) -> Pii<Vec<u8>> {
        let mut fields = Fields::begin(VERSION);
        fields.optional(self.source.as_ref().map(|source| source.expose().to_string()));
        fields.optional(self.user_agent.as_ref().map(|agent| agent.expose().as_bytes()));
        fields.optional(self.reason_text.as_ref().map(|text| text.expose().as_bytes()));
        Pii::new(fields.0)
    }

    /// Reads what [`SealedPart::encode`] wrote, once it was opened.
    pub fn decode(bytes: &[u8]) -> Result<Self, SealedPartError> {
        let mut rest = bytes.strip_prefix(&[VERSION]).ok_or(SealedPartError)?;
        let source = text(&mut rest)?.map(|text| text.parse()).transpose().map_err(|_| SealedPartError)?;
        let user_agent = text(&mut rest)?;
        let reason_text = text(&mut rest)?;
        if !rest.is_empty() {
            return Err(SealedPartError);
        }
        Ok(Self {
            source: source.map(Pii::new),
            user_agent: user_agent.map(|agent| Pii::new(agent.to_owned())),
            reason_text: reason_text.map(|text| Phi::new(text.to_owned())),
        })
    }
}

/// Takes one field off the front.
fn text<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a str>, SealedPartError> {
    let (present, after) = rest.split_first().ok_or(SealedPartError)?;
    *rest = after;
    match present {
        0 => Ok(None),
        1 => {
            let (length, after) = rest.split_first_chunk::<4>().ok_or(SealedPartError)?;
            let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SealedPartError)?;
            let (content, after) = after.split_at_checked(length).ok_or(SealedPartError)?;
            *rest = after;
            std::str::from_utf8(content).map(Some).map_err(|_| SealedPartError)
        }
        _ => Err(SealedPartError),
    }
}
