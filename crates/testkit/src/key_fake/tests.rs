use std::{collections::BTreeSet, io::Read, path::PathBuf, sync::OnceLock};

use cloister_vault::{
    AwsKeyService, AwsKeySettings, KeyIssuer, KeyOpener, KeyOwner, KeyServiceError, KeyVersion, KmsKeyId,
    Outage, Purpose, Refusal, WrappedKey,
};

use super::*;

/// As the developer guide prints it: a row an operation, a column a state. `.` goes, `D` is DisabledException,
/// `S` KMSInvalidStateException, `U` UnsupportedOperationException.
const TABLE: &str = "\
    operation                        Enabled Disabled PendingDeletion PendingImport Unavailable Creating Updating PendingReplicaDeletion
    CancelKeyDeletion                S       S        .               S             S           S        S        .
    CreateKey                        .       .        .               .             .           .        .        .
    Decrypt                          .       D        S               S             S           S        .        S
    DescribeKey                      .       .        .               .             .           .        .        .
    DisableKey                       .       .        S               S             S           S        S        S
    EnableKey                        .       .        S               S             S           S        S        S
    EnableKeyRotation                .       D        S               U             U           S        S        S
    GenerateDataKey                  .       D        S               S             S           S        .        S
    GenerateDataKeyWithoutPlaintext  .       D        S               S             S           S        .        S
    ListKeys                         .       .        .               .             .           .        .        .
    ListResourceTags                 .       .        .               .             .           .        .        .
    ScheduleKeyDeletion              .       .        S               .             .           S        S        S";

const STATES: [KeyState; 8] = [
    KeyState::Enabled,
    KeyState::Disabled,
    KeyState::PendingDeletion,
    KeyState::PendingImport,
    KeyState::Unavailable,
    KeyState::Creating,
    KeyState::Updating,
    KeyState::PendingReplicaDeletion,
];

async fn post_json(fake: &KeyFake, operation: &str, body: &Value) -> (u16, Value) {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    let client = CLIENT.get_or_init(|| {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        reqwest::Client::new()
    });
    let answer = client
        .post(fake.endpoint())
        .header("x-amz-target", format!("TrentService.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn key_with_blob(fake: &KeyFake) -> (String, Value) {
    let (_, made) = post_json(fake, "CreateKey", &json!({})).await;
    let arn = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let body = json!({ "KeyId": arn, "KeySpec": "AES_256", "EncryptionContext": { "a": "b" } });
    let (_, issued) = post_json(fake, "GenerateDataKey", &body).await;
    (arn, issued["CiphertextBlob"].clone())
}

#[tokio::test]
async fn every_operation_in_every_state_answers_as_the_documented_table_says() {
    let mut lines = TABLE.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let head = lines.next().unwrap();
    assert_eq!(head[1..], STATES.map(KeyState::as_str));
    let mut seen = Vec::new();
    let fake = KeyFake::start().await.unwrap();
    for line in lines {
        let operation = Operation::named(line[0]).unwrap();
        seen.push(operation);
        for (cell, state) in line[1..].iter().zip(STATES) {
            let (arn, blob) = key_with_blob(&fake).await;
            fake.set_state(&arn, state);
            let body = json!({
                "KeyId": arn, "CiphertextBlob": blob, "KeySpec": "AES_256", "EncryptionContext": { "a": "b" },
            });
            let (status, answer) = post_json(&fake, line[0], &body).await;
            let expected = match *cell {
                "." => None,
                "D" => Some("DisabledException"),
                "S" => Some("KMSInvalidStateException"),
                "U" => Some("UnsupportedOperationException"),
                other => panic!("{other}"),
            };
            assert_eq!(answer["__type"].as_str(), expected, "{} in {}", line[0], state.as_str());
            assert_eq!(status, if expected.is_some() { 400 } else { 200 });
        }
    }
    assert_eq!(seen, Operation::ALL);
}

/// AWS's own description of the service names states, operations and the errors that each may answer.
#[test]
fn the_table_names_no_state_or_error_that_the_service_does_not_declare() {
    let root = std::env::var_os("CLOISTER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let Ok(file) = std::fs::File::open(root.join("vendor/kms.subset.smithy.json.gz")) else {
        println!("NOT RUN: no test data");
        return;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    let model: Value = serde_json::from_str(&text).unwrap();
    let shape = |name: &str| model["shapes"][format!("com.amazonaws.kms#{name}")].clone();
    let declared: BTreeSet<String> =
        shape("KeyState")["members"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(declared, STATES.map(|state| state.as_str().to_owned()).into());
    let mut compared = 0;
    for operation in Operation::ALL {
        let described = shape(&operation.name());
        let Some(errors) = described["errors"].as_array() else { continue };
        compared += 1;
        let errors: Vec<&str> = errors
            .iter()
            .map(|error| error["target"].as_str().unwrap().rsplit('#').next().unwrap())
            .collect();
        for refused in STATES.into_iter().filter_map(|state| refusal(operation, state)) {
            assert!(errors.contains(&refused), "{operation:?} never answers {refused}");
        }
    }
    assert!(compared >= 7, "only {compared} operations are described");
}

async fn adapter(fake: &KeyFake) -> AwsKeyService {
    let (_, _) = post_json(fake, "ListKeys", &json!({})).await;
    let settings = AwsKeySettings {
        region: Some("us-east-1".into()),
        endpoint: Some(fake.endpoint()),
        attempts: 1,
        attempt_timeout: Duration::from_secs(1),
        call_timeout: Duration::from_secs(2),
        ..AwsKeySettings::default()
    };
    AwsKeyService::connect(&settings).await
}

/// The adapter needs credentials in the environment, which only a run with services sets.
fn has_credentials() -> bool {
    let there = std::env::var_os("AWS_ACCESS_KEY_ID").is_some();
    if !there {
        println!("NOT RUN: AWS_ACCESS_KEY_ID is not set");
    }
    there
}

fn owner() -> KeyOwner {
    KeyOwner::Tenant(Environment::system().id())
}

#[tokio::test]
async fn a_data_key_opens_under_its_own_context_and_key_only() {
    if !has_credentials() {
        return;
    }
    let fake = KeyFake::start().await.unwrap();
    let service = adapter(&fake).await;
    let owner_ = owner();
    let (key, other) =
        (service.create_key(&owner_).await.unwrap(), service.create_key(&owner()).await.unwrap());
    assert_eq!(service.find_keys(&owner_).await.unwrap(), std::slice::from_ref(&key));
    let wrapped = service.issue_data_key(&key, &owner_, Purpose::Phi, KeyVersion::FIRST).await.unwrap();
    service.open_data_key(&wrapped).await.unwrap();
    let mut changed = wrapped.blob.clone();
    *changed.last_mut().unwrap() ^= 1;
    for moved in [
        WrappedKey { owner: owner(), ..wrapped.clone() },
        WrappedKey { purpose: Purpose::Pii, ..wrapped.clone() },
        WrappedKey { version: KeyVersion(2), ..wrapped.clone() },
        WrappedKey { kms_key: other, ..wrapped.clone() },
        WrappedKey { blob: changed, ..wrapped.clone() },
    ] {
        assert_eq!(service.open_data_key(&moved).await.err(), Some(KeyServiceError::Tampered), "{moved:?}");
    }
    fake.destroy(key.as_str());
    let gone = KeyServiceError::Refused(Refusal::NotFound);
    assert_eq!(service.open_data_key(&wrapped).await.err(), Some(gone));
    assert_eq!(service.describe(&KmsKeyId::new("nobody")).await, Err(gone));
}

#[tokio::test]
async fn what_is_switched_on_is_what_a_caller_is_told() {
    if !has_credentials() {
        return;
    }
    let fake = KeyFake::start().await.unwrap();
    let service = adapter(&fake).await;
    let owner = owner();
    let key = service.create_key(&owner).await.unwrap();
    let wrapped = service.issue_data_key(&key, &owner, Purpose::Phi, KeyVersion::FIRST).await.unwrap();
    let told = async || service.open_data_key(&wrapped).await.err();
    for (behavior, expected) in [
        (Behavior::Throttled, KeyServiceError::Unavailable(Outage::Throttled)),
        (Behavior::Denied, KeyServiceError::Refused(Refusal::Denied)),
        (Behavior::Failing, KeyServiceError::Unavailable(Outage::Away)),
        (Behavior::Away, KeyServiceError::Unavailable(Outage::Away)),
        (Behavior::Slow(Duration::from_secs(5)), KeyServiceError::Unavailable(Outage::TimedOut)),
    ] {
        fake.behave(behavior).await;
        assert_eq!(told().await, Some(expected), "{behavior:?}");
    }
    fake.behave(Behavior::Healthy).await;
    assert_eq!(told().await, None);
    fake.deny(key.as_str(), true);
    assert_eq!(told().await, Some(KeyServiceError::Refused(Refusal::Denied)));
    fake.deny(key.as_str(), false);
    assert_eq!(told().await, None);
}

#[tokio::test]
async fn connections_that_a_network_forgot_cost_an_attempt_and_not_the_call() {
    if !has_credentials() {
        return;
    }
    let fake = KeyFake::start().await.unwrap();
    let settings = AwsKeySettings {
        region: Some("us-east-1".into()),
        endpoint: Some(fake.endpoint()),
        ..AwsKeySettings::default()
    };
    let service = AwsKeyService::connect(&settings).await;
    let owner = owner();
    let key = service.create_key(&owner).await.unwrap();
    let wrapped = service.issue_data_key(&key, &owner, Purpose::Phi, KeyVersion::FIRST).await.unwrap();
    // Many at once have many connections.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (service, wrapped) = (service.clone(), wrapped.clone());
        calls.spawn(async move { service.open_data_key(&wrapped).await.is_ok() });
    }
    assert!(calls.join_all().await.into_iter().all(|opened| opened));
    fake.proxy().silence();
    service.open_data_key(&wrapped).await.unwrap();
}

#[tokio::test]
async fn what_a_key_wrapped_its_copy_in_another_region_opens() {
    if !has_credentials() {
        return;
    }
    let (first, second) = (KeyFake::start().await.unwrap(), KeyFake::start_in("us-west-2").await.unwrap());
    let service = async |fake: &KeyFake, region: &str, multi_region: bool| {
        let settings = AwsKeySettings {
            region: Some(region.into()),
            endpoint: Some(fake.endpoint()),
            multi_region,
            ..AwsKeySettings::default()
        };
        AwsKeyService::connect(&settings).await
    };
    let there = service(&second, "us-west-2", true).await;
    for (multi_region, opens) in [(true, Ok(())), (false, Err(KeyServiceError::Refused(Refusal::NotFound)))] {
        let here = service(&first, "us-east-1", multi_region).await;
        let owner = owner();
        let key = here.create_key(&owner).await.unwrap();
        let wrapped = here.issue_data_key(&key, &owner, Purpose::Phi, KeyVersion::FIRST).await.unwrap();
        assert_eq!(
            there.open_data_key(&wrapped).await.map(drop),
            Err(KeyServiceError::Refused(Refusal::NotFound)),
            "nobody has copied it yet"
        );
        second.copy_keys_of(&first);
        assert_eq!(there.open_data_key(&wrapped).await.map(drop), opens);
        assert!(here.open_data_key(&wrapped).await.is_ok());
    }
}
