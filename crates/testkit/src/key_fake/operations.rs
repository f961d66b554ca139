//! What each operation does.

use base64::{Engine, engine::general_purpose::STANDARD};
use cloister_vault::KeyState;
use poem::http::StatusCode;
use serde_json::{Value, json};

use super::{
    Key, Shared, State,
    states::{Operation, refusal},
    wrapping,
};

/// An error in AWS's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(&'static str);

impl Refused {
    pub(super) const fn of(code: &'static str) -> Self {
        Self(code)
    }

    pub(super) const fn code(self) -> &'static str {
        self.0
    }

    pub(super) fn status(self) -> StatusCode {
        if self.0 == "KMSInternalException" {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::BAD_REQUEST
        }
    }
}

pub(super) fn answer(shared: &Shared, operation: Operation, asked: &Value) -> Result<Value, Refused> {
    let mut state = shared.lock();
    match operation {
        Operation::CreateKey => return Ok(create(shared, &mut state, asked)),
        Operation::ListKeys => return Ok(list(&state)),
        _ => {}
    }
    let arn = match operation {
        Operation::Decrypt => wrapping_key(&state, asked)?,
        _ => state.find(&asked["KeyId"])?,
    };
    let key = state.keys.get_mut(&arn).ok_or(Refused::of("NotFoundException"))?;
    if key.denied {
        return Err(Refused::of("AccessDeniedException"));
    }
    if let Some(code) = refusal(operation, key.state) {
        return Err(Refused::of(code));
    }
    match operation {
        Operation::DescribeKey => Ok(described(&arn, key)),
        Operation::ListResourceTags => Ok(json!({ "Tags": key.tags, "Truncated": false })),
        Operation::EnableKeyRotation => {
            key.rotates = true;
            Ok(json!({}))
        }
        Operation::EnableKey => Ok(key.become_state(KeyState::Enabled, json!({}))),
        Operation::DisableKey => Ok(key.become_state(KeyState::Disabled, json!({}))),
        // A key that is called back is not used again before somebody enables it.
        Operation::CancelKeyDeletion => Ok(key.become_state(KeyState::Disabled, json!({ "KeyId": arn }))),
        Operation::ScheduleKeyDeletion => schedule_deletion(&arn, key, asked),
        Operation::GenerateDataKey => issue(shared, &arn, key, asked, true),
        Operation::GenerateDataKeyWithoutPlaintext => issue(shared, &arn, key, asked, false),
        Operation::Decrypt => open(&arn, key, asked),
        Operation::CreateKey | Operation::ListKeys => Err(Refused::of("KMSInternalException")),
    }
}

impl State {
    /// A key by its ARN or bare id.
    fn find(&self, named: &Value) -> Result<String, Refused> {
        let name =
            named.as_str().filter(|name| !name.is_empty()).ok_or(Refused::of("ValidationException"))?;
        let names = |arn: &&String| *arn == name || id_of(arn) == name;
        self.keys.keys().find(names).cloned().ok_or(Refused::of("NotFoundException"))
    }
}

/// What an ARN ends with, and copies of a key in other regions share.
pub(super) fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

impl Key {
    fn become_state(&mut self, state: KeyState, answer: Value) -> Value {
        self.state = state;
        answer
    }
}

fn create(shared: &Shared, state: &mut State, asked: &Value) -> Value {
    let copied = if asked["MultiRegion"] == true { "mrk-" } else { "" };
    let arn = format!("arn:aws:kms:{}:000000000000:key/{copied}{}", shared.region, shared.environment.uuid());
    let tags = if asked["Tags"].is_array() { asked["Tags"].clone() } else { json!([]) };
    let secret = shared.environment.bytes::<32>();
    let key = Key { state: KeyState::Enabled, secret, tags, rotates: false, denied: false };
    let described = described(&arn, &key);
    state.keys.insert(arn, key);
    described
}

fn list(state: &State) -> Value {
    let keys: Vec<Value> =
        state.keys.keys().map(|arn| json!({ "KeyArn": arn, "KeyId": id_of(arn) })).collect();
    json!({ "Keys": keys, "Truncated": false })
}

fn described(arn: &str, key: &Key) -> Value {
    let enabled = key.state == KeyState::Enabled;
    json!({ "KeyMetadata": {
        "KeyId": id_of(arn), "Arn": arn, "KeyState": key.state.as_str(), "Enabled": enabled,
        "KeyUsage": "ENCRYPT_DECRYPT", "KeySpec": "SYMMETRIC_DEFAULT", "Origin": "AWS_KMS",
    }})
}

fn schedule_deletion(arn: &str, key: &mut Key, asked: &Value) -> Result<Value, Refused> {
    let days = match &asked["PendingWindowInDays"] {
        Value::Null => 30,
        days => days.as_u64().unwrap_or_default(),
    };
    if !(7..=30).contains(&days) {
        return Err(Refused::of("ValidationException"));
    }
    key.state = KeyState::PendingDeletion;
    Ok(json!({ "KeyId": arn, "KeyState": key.state.as_str(), "PendingWindowInDays": days }))
}

fn issue(
    shared: &Shared,
    arn: &str,
    key: &Key,
    asked: &Value,
    with_plaintext: bool,
) -> Result<Value, Refused> {
    if asked["KeySpec"] != "AES_256" {
        return Err(Refused::of("ValidationException"));
    }
    let data_key = shared.environment.bytes::<32>();
    let nonce = shared.environment.bytes::<24>();
    let blob = wrapping::wrap(&key.secret, nonce, id_of(arn), &asked["EncryptionContext"], &data_key)
        .ok_or(Refused::of("ValidationException"))?;
    let mut answer = json!({ "CiphertextBlob": blob, "KeyId": arn });
    if with_plaintext {
        answer["Plaintext"] = json!(STANDARD.encode(data_key));
    }
    Ok(answer)
}

/// The key that wrapped the blob, which must be the one that the caller names.
fn wrapping_key(state: &State, asked: &Value) -> Result<String, Refused> {
    let (id, _) =
        wrapping::parts(&asked["CiphertextBlob"]).ok_or(Refused::of("InvalidCiphertextException"))?;
    let named = if asked["KeyId"].is_null() { json!(id) } else { asked["KeyId"].clone() };
    let arn = state.find(&named)?;
    if id_of(&arn) == id { Ok(arn) } else { Err(Refused::of("IncorrectKeyException")) }
}

fn open(arn: &str, key: &Key, asked: &Value) -> Result<Value, Refused> {
    let opened = wrapping::parts(&asked["CiphertextBlob"]).and_then(|(_, sealed)| {
        wrapping::unwrap(&key.secret, id_of(arn), &asked["EncryptionContext"], &sealed)
    });
    let plaintext = opened.ok_or(Refused::of("InvalidCiphertextException"))?;
    Ok(json!({ "Plaintext": plaintext, "KeyId": arn, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }))
}
