//! The AWS adapter against a running KMS (or a server that speaks its protocol) named by
//! `CLOISTER_TEST_KMS_ENDPOINT`, with credentials and region in the SDK's own variables. Key states are tested
//! against the in-memory service of the `testing` feature: test servers are known to open with disabled keys.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what did not run"
)]

use cloister_kernel::{Environment, TenantId};
use cloister_vault::{
    AwsKeyService, AwsKeySettings, ClinicKeyPolicies, KeyIssuer, KeyOpener, KeyOwner, KeyServiceError,
    KeyState, KeyVersion, KmsKeyId, PlatformKeyOpener, Purpose, Refusal, WrappedKey,
};
use std::{sync::Arc, time::Duration};

async fn service() -> Option<AwsKeyService> {
    let Ok(endpoint) = std::env::var("CLOISTER_TEST_KMS_ENDPOINT") else {
        println!("NOT RUN: CLOISTER_TEST_KMS_ENDPOINT is not set");
        return None;
    };
    let settings =
        AwsKeySettings { region: Some("us-east-1".into()), endpoint: Some(endpoint), ..Default::default() };
    Some(AwsKeyService::connect(&settings).await)
}

fn tenant() -> TenantId {
    Environment::system().id()
}

#[tokio::test]
async fn a_data_key_opens_under_its_own_encryption_context_only() {
    let Some(service) = service().await else { return };
    let (one, two) = (tenant(), tenant());
    let owner = KeyOwner::Tenant(one);
    let kms_key = service.create_key(&owner).await.unwrap();
    assert_eq!(service.describe(&kms_key).await, Ok(KeyState::Enabled));
    service.enable_rotation(&kms_key).await.unwrap();
    let endpoint = std::env::var("CLOISTER_TEST_KMS_ENDPOINT").unwrap();
    let view = administrators_view(&endpoint, "us-east-1").await;
    assert!(
        view.get_key_rotation_status().key_id(kms_key.as_str()).send().await.unwrap().key_rotation_enabled()
    );
    let wrapped = service.issue_data_key(&kms_key, &owner, Purpose::Phi, KeyVersion::FIRST).await.unwrap();
    assert!(service.open_data_key(&wrapped).await.is_ok());
    for moved in [
        WrappedKey { owner: KeyOwner::Tenant(two), ..wrapped.clone() },
        WrappedKey { owner: KeyOwner::TenantLog(one), ..wrapped.clone() },
        WrappedKey { purpose: Purpose::Pii, ..wrapped.clone() },
        WrappedKey { version: KeyVersion(2), ..wrapped.clone() },
        WrappedKey { blob: Vec::new(), ..wrapped.clone() },
    ] {
        assert_eq!(service.open_data_key(&moved).await.err(), Some(KeyServiceError::Tampered), "{moved:?}");
    }
    let mut blob = wrapped.blob.clone();
    *blob.last_mut().unwrap() ^= 1;
    let changed = WrappedKey { blob, ..wrapped.clone() };
    assert_eq!(service.open_data_key(&changed).await.err(), Some(KeyServiceError::Tampered));
    let opener = PlatformKeyOpener::new(Arc::new(service));
    assert_eq!(opener.open_data_key(&wrapped).await.err(), Some(KeyServiceError::Refused(Refusal::Denied)));
}

#[tokio::test]
async fn an_owners_keys_are_found_until_they_are_scheduled_for_deletion() {
    let Some(service) = service().await else { return };
    let owner = KeyOwner::Tenant(tenant());
    assert_eq!(service.find_keys(&owner).await.unwrap(), []);
    let kms_key = service.create_key(&owner).await.unwrap();
    assert_eq!(service.find_keys(&owner).await.unwrap(), std::slice::from_ref(&kms_key));
    service.schedule_deletion(&kms_key, 7).await.unwrap();
    assert_eq!(service.describe(&kms_key).await, Ok(KeyState::PendingDeletion));
    assert_eq!(service.find_keys(&owner).await.unwrap(), []);
    let unknown = KmsKeyId::new(uuid::Uuid::nil().to_string());
    assert_eq!(service.describe(&unknown).await, Err(KeyServiceError::Refused(Refusal::NotFound)));
}

/// KMS as its administrators see it.
async fn administrators_view(endpoint: &str, region: &'static str) -> aws_sdk_kms::Client {
    let shared = aws_config::defaults(aws_config::BehaviorVersion::latest());
    let shared = shared.region(aws_config::Region::new(region)).endpoint_url(endpoint).load().await;
    aws_sdk_kms::Client::new(&shared)
}

#[tokio::test]
async fn clinics_keys_can_be_copied_to_another_region_and_obey_the_policy_of_their_kind() {
    let Ok(endpoint) = std::env::var("CLOISTER_TEST_KMS_ENDPOINT") else {
        println!("NOT RUN: CLOISTER_TEST_KMS_ENDPOINT is not set");
        return;
    };
    // Others find the platform's keys by their tag: these are in a region where nobody looks.
    let region = "eu-central-1";
    let policy = |name: &str| format!(r#"{{"Version": "2012-10-17", "Id": "{name}", "Statement": []}}"#);
    let policies = ClinicKeyPolicies { tenant: policy("data"), tenant_log: policy("log") };
    let settings = AwsKeySettings {
        region: Some(region.into()),
        endpoint: Some(endpoint.clone()),
        multi_region: true,
        policies: Some(policies),
        ..AwsKeySettings::default()
    };
    let service = AwsKeyService::connect(&settings).await;
    let view = administrators_view(&endpoint, region).await;
    for (owner, expected) in [
        (KeyOwner::Tenant(tenant()), Some("data")),
        (KeyOwner::TenantLog(tenant()), Some("log")),
        (KeyOwner::Platform, None),
    ] {
        let kms_key = service.create_key(&owner).await.unwrap();
        let described = view.describe_key().key_id(kms_key.as_str()).send().await.unwrap();
        assert_eq!(described.key_metadata.unwrap().multi_region, Some(true), "{owner}");
        let held =
            view.get_key_policy().key_id(kms_key.as_str()).policy_name("default").send().await.unwrap();
        let held = held.policy.unwrap();
        match expected {
            Some(name) => assert!(held.contains(&format!(r#""Id": "{name}""#)), "{owner}: {held}"),
            None => assert!(
                !held.contains(r#""Id": "data""#) && !held.contains(r#""Id": "log""#),
                "{owner}: {held}"
            ),
        }
    }
}

/// A service that nobody answers for.
async fn nobody() -> AwsKeyService {
    let settings = AwsKeySettings {
        region: Some("us-east-1".into()),
        endpoint: Some("http://127.0.0.1:9".into()),
        attempts: 2,
        attempt_timeout: Duration::from_millis(300),
        call_timeout: Duration::from_secs(1),
        ..AwsKeySettings::default()
    };
    AwsKeyService::connect(&settings).await
}

#[tokio::test]
async fn what_cannot_be_a_wrapped_key_is_not_even_sent() {
    let service = nobody().await;
    for (length, sent) in [(0, false), (1, true), (6144, true), (6145, false)] {
        let wrapped = WrappedKey {
            owner: KeyOwner::Platform,
            purpose: Purpose::Pii,
            version: KeyVersion::FIRST,
            kms_key: KmsKeyId::new("none"),
            blob: vec![7; length],
        };
        let refused = service.open_data_key(&wrapped).await.err().unwrap();
        assert_eq!(refused != KeyServiceError::Tampered, sent, "{length} bytes: {refused:?}");
    }
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_an_outage_within_its_time() {
    let service = nobody().await;
    let described =
        tokio::time::timeout(Duration::from_secs(5), service.describe(&KmsKeyId::new("none"))).await.unwrap();
    assert!(matches!(described, Err(KeyServiceError::Unavailable(_))), "{described:?}");
}
