//! The canonical bytes of an event's clear part, version 1.
//!
//! One version byte, `0x01`, then fifteen fields in this order, nothing between or after them:
//!
//! | # | field | content when present |
//! |---|---|---|
//! | 1 | event id | 16 bytes |
//! | 2 | log kind | `tenant` or `platform` |
//! | 3 | log tenant | 16 bytes; absent for the platform's log |
//! | 4 | time | 8 bytes: signed big-endian microseconds since 1970-01-01T00:00:00Z |
//! | 5 | actor kind | `user`, `machine`, `job`, `operator`, `command_line` or `anonymous` |
//! | 6 | actor id | 16 bytes; absent for the last two kinds |
//! | 7 | action code | ASCII, for example `record.read` |
//! | 8 | resource type | ASCII term |
//! | 9 | resource id | 16 bytes |
//! | 10 | patient id | 16 bytes |
//! | 11 | outcome | `success`, `refused` or `failed` |
//! | 12 | relation | ASCII term |
//! | 13 | reason code | ASCII term |
//! | 14 | session id | 16 bytes |
//! | 15 | request id | 16 bytes |
//!
//! A field that is absent is the one byte `0x00`. A field that is present is the byte `0x01`, the length of its
//! content as four bytes, unsigned and big-endian, and its content. Ids are the 16 bytes of RFC 9562 in network order;
//! texts are UTF-8 without terminator. Because each field says where it ends and the number of fields is fixed, no two
//! clear parts share their bytes.

use crate::event::{ClearPart, Event};

/// The first byte of every encoding that [`canonical`] makes.
pub const CANONICAL_VERSION: u8 = 1;

/// The canonical bytes of the event's clear part: associated data of its sealed part, and first half of its leaf.
pub fn canonical(event: &Event) -> Vec<u8> {
    event.clear.canonical()
}

impl ClearPart {
    /// The canonical bytes, for a clear part that was read back from its row.
    pub fn canonical(&self) -> Vec<u8> {
        let mut fields = Fields::begin(CANONICAL_VERSION);
        fields.present(self.id.uuid().as_bytes());
        fields.present(self.log.kind().as_bytes());
        fields.optional(self.log.tenant().map(|tenant| tenant.uuid().into_bytes()));
        fields.present(&self.at.microseconds().to_be_bytes());
        fields.present(self.actor.kind().as_bytes());
        fields.optional(self.actor.id().map(uuid::Uuid::into_bytes));
        fields.present(self.action.as_str().as_bytes());
        fields.optional(self.resource_type.as_ref().map(|term| term.as_str()));
        fields.optional(self.resource_id.map(uuid::Uuid::into_bytes));
        fields.optional(self.patient_id.map(|patient| patient.uuid().into_bytes()));
        fields.present(self.outcome.as_str().as_bytes());
        fields.optional(self.relation.as_ref().map(|term| term.as_str()));
        fields.optional(self.reason.as_ref().map(|term| term.as_str()));
        fields.optional(self.session_id.map(|session| session.uuid().into_bytes()));
        fields.present(self.request_id.uuid().as_bytes());
        fields.0
    }
}

/// Writes fields that say whether they are there and how long they are.
pub(crate) struct Fields(pub(crate) Vec<u8>);

impl Fields {
    pub(crate) fn begin(version: u8) -> Self {
        Self(vec![version])
    }

    pub(crate) fn present(&mut self, content: &[u8]) {
        self.0.push(1);
        self.0.extend_from_slice(&length(content));
        self.0.extend_from_slice(content);
    }

    pub(crate) fn optional(&mut self, content: Option<impl AsRef<[u8]>>) {
        match content {
            Some(content) => self.present(content.as_ref()),
            None => self.0.push(0),
        }
    }
}

/// The length prefix. Contents are ids, terms and request headers; the edge's limits keep them far below 4 GiB.
pub(crate) fn length(content: &[u8]) -> [u8; 4] {
    u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes()
}
