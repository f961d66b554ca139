//! AWS KMS. Owner, purpose and version go along as encryption context: KMS binds them into the wrapped key, demands
//! them again to open it, and writes them into CloudTrail in clear.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_kms::Client;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// Connections that wait for the next call. What stands in between may forget them without a word, and each that is
/// tried then costs an attempt: with one, the second attempt has a connection that lives.
const CONNECTIONS_AT_REST: usize = 1;

/// How to reach AWS KMS. Credentials come from the SDK's default chain (environment, web identity, instance role).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsKeySettings {
    /// The region; without it the SDK's default chain is asked.
    pub region: Option<String>,
    /// Another address than the region's own: a VPC endpoint, or a test server.
    pub endpoint: Option<String>,
    /// How often a call is tried, the first time included. Between tries the SDK waits with jitter.
    pub attempts: u32,
    /// How long one try may take.
    pub attempt_timeout: Duration,
    /// How long a call may take with all its tries.
    pub call_timeout: Duration,
    /// Whether keys are made so that they can be copied to another region. KMS lets nobody change that later.
    pub multi_region: bool,
    /// Who may use the keys that are made for clinics. Without them KMS lets the account's own policies decide.
    pub policies: Option<ClinicKeyPolicies>,
}

/// Key policies, as the JSON that KMS takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClinicKeyPolicies {
    /// Of the keys for clinics' data.
    pub tenant: String,
    /// Of the keys for clinics' audit logs.
    pub tenant_log: String,
}

#[cfg(feature = "issuer")]
impl ClinicKeyPolicies {
    fn of(&self, owner: &crate::KeyOwner) -> Option<&str> {
        match owner {
            crate::KeyOwner::Tenant(_) => Some(&self.tenant),
            crate::KeyOwner::TenantLog(_) => Some(&self.tenant_log),
            crate::KeyOwner::Platform | crate::KeyOwner::PlatformLog => None,
        }
    }
}

impl Default for AwsKeySettings {
    fn default() -> Self {
        Self {
            region: None,
            endpoint: None,
            attempts: 3,
            attempt_timeout: Duration::from_secs(2),
            call_timeout: Duration::from_secs(5),
            multi_region: false,
            policies: None,
        }
    }
}

/// AWS KMS behind both ports, each behind its cargo feature. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AwsKeyService {
    #[cfg_attr(
        not(any(feature = "issuer", feature = "opener", feature = "platform-opener")),
        expect(dead_code, reason = "without a duty there is nothing to call")
    )]
    client: Client,
    #[cfg(any(feature = "opener", feature = "platform-opener"))]
    region: Option<Region>,
    #[cfg(feature = "issuer")]
    multi_region: bool,
    #[cfg(feature = "issuer")]
    policies: Option<std::sync::Arc<ClinicKeyPolicies>>,
}

impl AwsKeyService {
    /// Sets the client up. Nothing is called yet: a wrong address or missing credentials show at the first use.
    pub async fn connect(settings: &AwsKeySettings) -> Self {
        let retries = RetryConfig::standard()
            .with_max_attempts(settings.attempts.max(1))
            .with_initial_backoff(Duration::from_millis(100))
            .with_max_backoff(Duration::from_secs(1));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(settings.attempt_timeout)
            .operation_attempt_timeout(settings.attempt_timeout)
            .operation_timeout(settings.call_timeout)
            .build();
        let connections = aws_smithy_http_client::Builder::new()
            .pool_max_idle_per_host(CONNECTIONS_AT_REST)
            .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(connections)
            .retry_config(retries)
            .timeout_config(timeouts);
        if let Some(region) = &settings.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let shared = loader.load().await;
        let mut config = aws_sdk_kms::config::Builder::from(&shared);
        if let Some(endpoint) = &settings.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Self {
            client: Client::from_conf(config.build()),
            #[cfg(any(feature = "opener", feature = "platform-opener"))]
            region: shared.region().cloned(),
            #[cfg(feature = "issuer")]
            multi_region: settings.multi_region,
            #[cfg(feature = "issuer")]
            policies: settings.policies.clone().map(std::sync::Arc::new),
        }
    }
}

#[cfg(any(feature = "issuer", feature = "opener", feature = "platform-opener"))]
mod duties {
    use std::collections::HashMap;

    use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};

    use super::AwsKeyService;
    use crate::{
        KeyOwner, KeyServiceError, KeyVersion, Outage, Purpose, Refusal, wrapped::encryption_context,
    };

    fn context(owner: &KeyOwner, purpose: Purpose, version: KeyVersion) -> HashMap<String, String> {
        encryption_context(owner, purpose, version).map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn classify<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> KeyServiceError {
        match &error {
            SdkError::TimeoutError(_) => KeyServiceError::Unavailable(Outage::TimedOut),
            SdkError::DispatchFailure(failure) if failure.is_timeout() => {
                KeyServiceError::Unavailable(Outage::TimedOut)
            }
            SdkError::ServiceError(service) => classify_code(service.err().code().unwrap_or_default()),
            _ => KeyServiceError::Unavailable(Outage::Away),
        }
    }

    /// Sorts the error codes of the KMS API and of AWS's common errors. What is not known blames the service, so
    /// that it is tried again and seen, and never counts as a decision of the key's owner.
    pub(super) fn classify_code(code: &str) -> KeyServiceError {
        match code {
            "DisabledException" => KeyServiceError::Refused(Refusal::Disabled),
            "KMSInvalidStateException"
            | "InvalidKeyUsageException"
            | "UnsupportedOperationException"
            | "ValidationException" => KeyServiceError::Refused(Refusal::InvalidState),
            "NotFoundException" | "InvalidArnException" => KeyServiceError::Refused(Refusal::NotFound),
            "AccessDeniedException"
            | "AccessDenied"
            | "InvalidGrantTokenException"
            | "NotAuthorized"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationToken"
            | "OptInRequired" => KeyServiceError::Refused(Refusal::Denied),
            "InvalidCiphertextException" | "IncorrectKeyException" => KeyServiceError::Tampered,
            "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "LimitExceededException" => KeyServiceError::Unavailable(Outage::Throttled),
            "DependencyTimeoutException" => KeyServiceError::Unavailable(Outage::TimedOut),
            _ => KeyServiceError::Unavailable(Outage::Away),
        }
    }

    #[cfg(feature = "issuer")]
    pub(super) mod issuing {
        use async_trait::async_trait;
        use aws_sdk_kms::types::{DataKeySpec, KeyState as AwsKeyState, Tag};

        use super::*;
        use crate::{KeyIssuer, KeyState, KmsKeyId, WrappedKey};

        const NO_ANSWER: KeyServiceError = KeyServiceError::Unavailable(Outage::Away);

        /// Set as the key is made, in the same call, so that no key is ever without it.
        const OWNER_TAG: &str = "cloister-owner";

        impl AwsKeyService {
            /// Whether the key carries the owner's tag and is not on its way out. A key of the account whose tags are
            /// not ours to read is not one of ours.
            async fn is_live_key_of(&self, kms_key: &KmsKeyId, owner: &str) -> Result<bool, KeyServiceError> {
                let request = self.client.list_resource_tags().key_id(kms_key.as_str());
                let listed = match request.send().await.map_err(classify) {
                    Ok(listed) => listed,
                    Err(KeyServiceError::Refused(_)) => return Ok(false),
                    Err(error) => return Err(error),
                };
                let tagged =
                    listed.tags().iter().any(|tag| tag.tag_key() == OWNER_TAG && tag.tag_value() == owner);
                Ok(tagged && self.describe(kms_key).await? != KeyState::PendingDeletion)
            }
        }

        /// What KMS calls the state of a key; none for a name that is not known here.
        pub(in crate::aws) const fn state_of(told: &AwsKeyState) -> Option<KeyState> {
            Some(match told {
                AwsKeyState::Creating => KeyState::Creating,
                AwsKeyState::Enabled => KeyState::Enabled,
                AwsKeyState::Disabled => KeyState::Disabled,
                AwsKeyState::PendingDeletion => KeyState::PendingDeletion,
                AwsKeyState::PendingImport => KeyState::PendingImport,
                AwsKeyState::PendingReplicaDeletion => KeyState::PendingReplicaDeletion,
                AwsKeyState::Unavailable => KeyState::Unavailable,
                AwsKeyState::Updating => KeyState::Updating,
                _ => return None,
            })
        }

        #[async_trait]
        impl KeyIssuer for AwsKeyService {
            async fn create_key(&self, owner: &KeyOwner) -> Result<KmsKeyId, KeyServiceError> {
                let tag = Tag::builder().tag_key(OWNER_TAG).tag_value(owner.to_string()).build();
                let policy =
                    self.policies.as_ref().and_then(|policies| policies.of(owner)).map(str::to_owned);
                let request = self.client.create_key().description(format!("Cloister: {owner}"));
                let request = request.multi_region(self.multi_region).set_policy(policy);
                let made = request.tags(tag.map_err(|_| NO_ANSWER)?).send().await.map_err(classify)?;
                let key = made.key_metadata.ok_or(NO_ANSWER)?;
                Ok(KmsKeyId::new(key.arn.unwrap_or(key.key_id)))
            }

            async fn find_keys(&self, owner: &KeyOwner) -> Result<Vec<KmsKeyId>, KeyServiceError> {
                let owner = owner.to_string();
                let mut found = Vec::new();
                let mut pages = self.client.list_keys().into_paginator().items().send();
                while let Some(entry) = pages.next().await {
                    let entry = entry.map_err(classify)?;
                    let Some(name) = entry.key_arn.or(entry.key_id) else { continue };
                    let kms_key = KmsKeyId::new(name);
                    if self.is_live_key_of(&kms_key, &owner).await? {
                        found.push(kms_key);
                    }
                }
                Ok(found)
            }

            async fn describe(&self, kms_key: &KmsKeyId) -> Result<KeyState, KeyServiceError> {
                let described =
                    self.client.describe_key().key_id(kms_key.as_str()).send().await.map_err(classify)?;
                let state = described.key_metadata.and_then(|key| key.key_state);
                state.as_ref().and_then(state_of).ok_or(NO_ANSWER)
            }

            async fn enable_rotation(&self, kms_key: &KmsKeyId) -> Result<(), KeyServiceError> {
                let request = self.client.enable_key_rotation().key_id(kms_key.as_str());
                request.send().await.map(|_| ()).map_err(classify)
            }

            async fn schedule_deletion(&self, kms_key: &KmsKeyId, days: u8) -> Result<(), KeyServiceError> {
                // Only a key of our own account can be deleted, and there its bare id names it. (moto knows no ARN here.)
                let bare_id = kms_key.as_str().rsplit('/').next().unwrap_or(kms_key.as_str());
                let request = self.client.schedule_key_deletion().key_id(bare_id);
                request.pending_window_in_days(days.into()).send().await.map(|_| ()).map_err(classify)
            }

            async fn issue_data_key(
                &self,
                kms_key: &KmsKeyId,
                owner: &KeyOwner,
                purpose: Purpose,
                version: KeyVersion,
            ) -> Result<WrappedKey, KeyServiceError> {
                let issued = self
                    .client
                    .generate_data_key_without_plaintext()
                    .key_id(kms_key.as_str())
                    .key_spec(DataKeySpec::Aes256)
                    .set_encryption_context(Some(context(owner, purpose, version)))
                    .send()
                    .await
                    .map_err(classify)?;
                let blob = issued.ciphertext_blob.ok_or(NO_ANSWER)?.into_inner();
                // KMS names the key by its ARN, which stays right where an alias is moved.
                let kms_key = issued.key_id.map_or_else(|| kms_key.clone(), KmsKeyId::new);
                Ok(WrappedKey { owner: *owner, purpose, version, kms_key, blob })
            }
        }
    }

    #[cfg(any(feature = "opener", feature = "platform-opener"))]
    pub(super) mod opening {
        use async_trait::async_trait;
        use aws_sdk_kms::primitives::Blob;
        use zeroize::Zeroizing;

        use super::*;
        use crate::{DataKey, WrappedKey};

        /// The longest ciphertext that KMS takes.
        const LONGEST_BLOB: usize = 6144;

        /// The name of a key in our own region. A multi-Region key and its copies share an id that begins with `mrk-`, and what one
        /// wrapped the others open, each by its own region's ARN (AWS KMS developer guide, "Multi-Region keys in AWS KMS").
        pub(in crate::aws) fn name_in(region: Option<&str>, kms_key: &str) -> String {
            let mut parts: Vec<&str> = kms_key.split(':').collect();
            match (region, parts.as_mut_slice()) {
                (Some(own), ["arn", _, "kms", of_key, _, key]) if key.starts_with("key/mrk-") => {
                    *of_key = own
                }
                _ => {}
            }
            parts.join(":")
        }

        impl AwsKeyService {
            async fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
                if wrapped.blob.is_empty() || wrapped.blob.len() > LONGEST_BLOB {
                    return Err(KeyServiceError::Tampered);
                }
                let opened = self
                    .client
                    .decrypt()
                    .key_id(name_in(self.region.as_ref().map(AsRef::as_ref), wrapped.kms_key.as_str()))
                    .ciphertext_blob(Blob::new(wrapped.blob.clone()))
                    .set_encryption_context(Some(context(&wrapped.owner, wrapped.purpose, wrapped.version)))
                    .send()
                    .await
                    .map_err(classify)?;
                let plaintext = opened.plaintext.ok_or(KeyServiceError::Unavailable(Outage::Away))?;
                DataKey::from_slice(&Zeroizing::new(plaintext.into_inner()))
            }
        }

        #[cfg(feature = "opener")]
        #[async_trait]
        impl crate::KeyOpener for AwsKeyService {
            async fn open_data_key(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
                self.unwrap_key(wrapped).await
            }
        }

        #[cfg(feature = "platform-opener")]
        #[async_trait]
        impl crate::platform_opener::private::Unwrap for AwsKeyService {
            async fn unwrap(&self, wrapped: &WrappedKey) -> Result<DataKey, KeyServiceError> {
                self.unwrap_key(wrapped).await
            }
        }

        #[cfg(feature = "platform-opener")]
        impl crate::PlatformKeyService for AwsKeyService {}
    }
}

#[cfg(all(test, any(feature = "issuer", feature = "opener", feature = "platform-opener")))]
mod tests {
    use super::duties::classify_code;
    use crate::{KeyServiceError, Outage, Refusal};

    #[cfg(any(feature = "opener", feature = "platform-opener"))]
    #[test]
    fn a_key_that_can_be_copied_is_named_in_the_programs_own_region_and_every_other_as_it_is() {
        use super::duties::opening::name_in;

        let of = |region: &str, id: &str| format!("arn:aws:kms:{region}:111122223333:key/{id}");
        let copied = "mrk-1234abcd12ab34cd56ef1234567890ab";
        assert_eq!(name_in(Some("us-west-2"), &of("us-east-1", copied)), of("us-west-2", copied));
        assert_eq!(name_in(Some("us-east-1"), &of("us-east-1", copied)), of("us-east-1", copied));
        assert_eq!(name_in(None, &of("us-east-1", copied)), of("us-east-1", copied));
        for other in [
            of("us-east-1", "1234abcd-12ab-34cd-56ef-1234567890ab"),
            copied.to_owned(),
            "arn:aws:kms:us-east-1:111122223333:alias/mrk-clinic".to_owned(),
        ] {
            assert_eq!(name_in(Some("us-west-2"), &other), other);
        }
    }

    #[cfg(feature = "issuer")]
    #[test]
    fn the_states_of_keys_are_read_by_their_names_in_kms() {
        use super::duties::issuing::state_of;
        use crate::KeyState;

        for (name, state) in [
            ("Creating", Some(KeyState::Creating)),
            ("Enabled", Some(KeyState::Enabled)),
            ("Disabled", Some(KeyState::Disabled)),
            ("PendingDeletion", Some(KeyState::PendingDeletion)),
            ("PendingImport", Some(KeyState::PendingImport)),
            ("PendingReplicaDeletion", Some(KeyState::PendingReplicaDeletion)),
            ("Unavailable", Some(KeyState::Unavailable)),
            ("Updating", Some(KeyState::Updating)),
            ("SomethingNew", None),
        ] {
            assert_eq!(state_of(&name.into()), state, "{name}");
        }
    }

    #[test]
    fn kms_error_codes_keep_outage_refusal_and_tampering_apart() {
        for (code, error) in [
            ("DisabledException", KeyServiceError::Refused(Refusal::Disabled)),
            ("KMSInvalidStateException", KeyServiceError::Refused(Refusal::InvalidState)),
            ("NotFoundException", KeyServiceError::Refused(Refusal::NotFound)),
            ("InvalidArnException", KeyServiceError::Refused(Refusal::NotFound)),
            ("AccessDeniedException", KeyServiceError::Refused(Refusal::Denied)),
            ("UnrecognizedClientException", KeyServiceError::Refused(Refusal::Denied)),
            ("InvalidCiphertextException", KeyServiceError::Tampered),
            ("IncorrectKeyException", KeyServiceError::Tampered),
            ("ThrottlingException", KeyServiceError::Unavailable(Outage::Throttled)),
            ("DependencyTimeoutException", KeyServiceError::Unavailable(Outage::TimedOut)),
            ("KeyUnavailableException", KeyServiceError::Unavailable(Outage::Away)),
            ("KMSInternalException", KeyServiceError::Unavailable(Outage::Away)),
            ("SomethingNew", KeyServiceError::Unavailable(Outage::Away)),
        ] {
            assert_eq!(classify_code(code), error, "{code}");
        }
    }
}
