//! The scripts, their calls and their answers.

#![cfg_attr(not(test), deny(clippy::large_futures, reason = "every request carries what is awaited here"))]

use std::sync::atomic::{AtomicI64, Ordering};

use deadpool_redis::redis::{Script, ScriptInvocation, ToRedisArgs, Value};
use serde::de::DeserializeOwned;

use super::{items, link::Link};
use crate::EphemeralError;

/// Numbers calls, so that an answer meant for another call is noticed.
static CALLS: AtomicI64 = AtomicI64::new(1);

pub(super) struct StoreScript(Script);

pub(super) struct Scripts {
    pub(super) create: StoreScript,
    pub(super) touch: StoreScript,
    pub(super) rotate: StoreScript,
    pub(super) revoke: StoreScript,
    pub(super) list: StoreScript,
    pub(super) flow_open: StoreScript,
    pub(super) flow_read: StoreScript,
    pub(super) flow_advance: StoreScript,
    pub(super) claim: StoreScript,
    pub(super) hit: StoreScript,
    pub(super) ended_claim: StoreScript,
    pub(super) ended_forget: StoreScript,
    pub(super) clinic_note: StoreScript,
    pub(super) clinic_lease: StoreScript,
    pub(super) clinic_settle: StoreScript,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let (rate, ends) = (include_str!("scripts/rate.lua"), include_str!("scripts/ends.lua"));
        let with_rate = |code: &str| StoreScript(Script::new(&format!("{rate}{code}")));
        let with_ends = |code: &str| StoreScript(Script::new(&format!("{ends}{code}")));
        let plain = |code: &str| StoreScript(Script::new(code));
        Self {
            create: with_ends(include_str!("scripts/create.lua")),
            touch: with_rate(&format!("{ends}{}", include_str!("scripts/touch.lua"))),
            rotate: with_ends(include_str!("scripts/rotate.lua")),
            revoke: with_ends(include_str!("scripts/revoke.lua")),
            list: with_ends(include_str!("scripts/list.lua")),
            flow_open: plain(include_str!("scripts/flow_open.lua")),
            flow_read: plain(include_str!("scripts/flow_read.lua")),
            flow_advance: plain(include_str!("scripts/flow_advance.lua")),
            claim: plain(include_str!("scripts/claim.lua")),
            hit: with_rate(include_str!("scripts/hit.lua")),
            ended_claim: with_ends(include_str!("scripts/ended_claim.lua")),
            ended_forget: plain(include_str!("scripts/ended_forget.lua")),
            clinic_note: plain(include_str!("scripts/clinic_note.lua")),
            clinic_lease: plain(include_str!("scripts/clinic_lease.lua")),
            clinic_settle: plain(include_str!("scripts/clinic_settle.lua")),
        }
    }
}

impl StoreScript {
    /// Prepares a call on this first key; its number is the first argument.
    pub(super) fn call(&self, key: &str) -> Call<'_> {
        let number = CALLS.fetch_add(1, Ordering::Relaxed);
        let mut invocation = self.0.prepare_invoke();
        invocation.key(key).arg(number);
        Call { invocation, key: key.to_owned(), number }
    }
}

pub(super) struct Call<'s> {
    invocation: ScriptInvocation<'s>,
    key: String,
    number: i64,
}

impl Call<'_> {
    pub(super) fn key(&mut self, key: String) -> &mut Self {
        self.invocation.key(key);
        self
    }

    pub(super) fn arg(&mut self, value: impl ToRedisArgs) -> &mut Self {
        self.invocation.arg(value);
        self
    }

    /// Runs the script and takes key and number off its answer, which must be those of this call.
    pub(super) async fn run(self, link: &Link) -> Result<Answer, EphemeralError> {
        let (generation, value) = link.run(&self.invocation).await?;
        let mut answer = Answer(items(value)?.into_iter());
        let same = answer.text().is_ok_and(|key| key == self.key)
            && answer.text().is_ok_and(|number| number == self.number.to_string());
        if !same {
            link.drop_connection(generation).await;
            return Err(EphemeralError::wrong("another call's answer"));
        }
        Ok(answer)
    }
}

/// What a script answered, read from the front.
pub(super) struct Answer(std::vec::IntoIter<Value>);

impl Answer {
    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    pub(super) fn integer(&mut self) -> Result<i64, EphemeralError> {
        match self.0.next() {
            Some(Value::Int(number)) => Ok(number),
            _ => Err(EphemeralError::wrong("not a number")),
        }
    }

    pub(super) fn count(&mut self) -> Result<u64, EphemeralError> {
        u64::try_from(self.integer()?).map_err(|_| EphemeralError::wrong("a negative count"))
    }

    pub(super) fn flag(&mut self) -> Result<bool, EphemeralError> {
        match self.integer()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(EphemeralError::wrong("neither yes nor no")),
        }
    }

    pub(super) fn text(&mut self) -> Result<String, EphemeralError> {
        String::from_utf8(self.bytes()?).map_err(|_| EphemeralError::wrong("not text"))
    }

    pub(super) fn json<T: DeserializeOwned>(&mut self) -> Result<T, EphemeralError> {
        serde_json::from_slice(&self.bytes()?).map_err(|_| EphemeralError::wrong("not our JSON"))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, EphemeralError> {
        match self.0.next() {
            Some(Value::BulkString(bytes)) => Ok(bytes),
            _ => Err(EphemeralError::wrong("not bytes")),
        }
    }
}
