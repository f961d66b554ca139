//! The key file: private, whole, shared by processes, and bound to its encryption context.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use cloister_kernel::{Environment, ManualClock, SystemRandomness, TenantId};
use cloister_vault::{
    Deployment, KeyCache, KeyIssuer, KeyOpener, KeyOwner, KeyRing, KeyServiceError, KeyState, KeyVersion,
    LocalKeyError, LocalKeyService, Place, PlatformKeyOpener, Purpose, Refusal, WrappedKey,
};
use time::{Duration, macros::datetime};
use uuid::Uuid;

struct Bench {
    clock: Arc<ManualClock>,
    environment: Environment,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at(datetime!(2026-11-01 09:00 UTC)));
        let environment = Environment::new(clock.clone(), Arc::new(SystemRandomness));
        Self { clock, environment, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys.json")
    }

    fn service(&self) -> LocalKeyService {
        LocalKeyService::open(self.path(), Deployment::Embedded, self.environment.clone()).unwrap()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn tenant(number: u128) -> KeyOwner {
    KeyOwner::Tenant(TenantId::from_uuid(Uuid::from_u128(number)))
}

async fn issue(service: &LocalKeyService, owner: KeyOwner) -> WrappedKey {
    let kms_key = service.create_key(&owner).await.unwrap();
    service.issue_data_key(&kms_key, &owner, Purpose::Phi, KeyVersion::FIRST).await.unwrap()
}

#[tokio::test]
async fn what_was_sealed_opens_after_a_restart_and_in_another_process() {
    let bench = Bench::new();
    let admin = bench.service();
    assert_eq!(mode(&bench.path()), 0o600);
    let running = bench.service();
    let wrapped = issue(&admin, tenant(1)).await;
    assert_eq!(mode(&bench.path()), 0o600);

    let place = Place::new(tenant(1), "results", "value", Uuid::from_u128(1));
    let unlock = async |service: LocalKeyService| {
        let cache = KeyCache::new(Arc::new(service), bench.environment.clone(), 10);
        KeyRing::unlock(&cache, std::slice::from_ref(&wrapped)).await.unwrap()
    };
    let ring = unlock(running).await;
    let sealed = ring.seal(&bench.environment, Purpose::Phi, &place, b"7.1").unwrap();
    let ring = unlock(bench.service()).await;
    assert_eq!(ring.open(&place, &sealed).unwrap().as_slice(), b"7.1");
}

#[tokio::test]
async fn another_owner_purpose_or_version_does_not_open() {
    let bench = Bench::new();
    let service = bench.service();
    let wrapped = issue(&service, tenant(1)).await;
    assert!(service.open_data_key(&wrapped).await.is_ok());
    for moved in [
        WrappedKey { owner: tenant(2), ..wrapped.clone() },
        WrappedKey { owner: KeyOwner::TenantLog(tenant(1).tenant().unwrap()), ..wrapped.clone() },
        WrappedKey { purpose: Purpose::Pii, ..wrapped.clone() },
        WrappedKey { version: KeyVersion(2), ..wrapped.clone() },
        WrappedKey { kms_key: service.create_key(&tenant(1)).await.unwrap(), ..wrapped.clone() },
        WrappedKey { blob: wrapped.blob[1..].to_vec(), ..wrapped.clone() },
    ] {
        assert_eq!(service.open_data_key(&moved).await.err(), Some(KeyServiceError::Tampered), "{moved:?}");
    }
    let opener = PlatformKeyOpener::new(Arc::new(service.clone()));
    assert_eq!(opener.open_data_key(&wrapped).await.err(), Some(KeyServiceError::Refused(Refusal::Denied)));
    assert!(opener.open_data_key(&issue(&service, KeyOwner::Platform).await).await.is_ok());
}

#[tokio::test]
async fn a_key_scheduled_for_deletion_refuses_and_is_gone_when_its_time_comes() {
    let bench = Bench::new();
    let service = bench.service();
    let wrapped = issue(&service, tenant(1)).await;
    assert_eq!(service.find_keys(&tenant(1)).await.unwrap(), std::slice::from_ref(&wrapped.kms_key));
    for days in [6, 31] {
        assert!(service.schedule_deletion(&wrapped.kms_key, days).await.is_err());
    }
    service.schedule_deletion(&wrapped.kms_key, 7).await.unwrap();
    let refused = KeyServiceError::Refused(Refusal::InvalidState);
    assert_eq!(service.describe(&wrapped.kms_key).await, Ok(KeyState::PendingDeletion));
    assert_eq!(service.open_data_key(&wrapped).await.err(), Some(refused));
    let issued = service.issue_data_key(&wrapped.kms_key, &tenant(1), Purpose::Pii, KeyVersion::FIRST).await;
    assert_eq!(issued, Err(refused));
    assert_eq!(service.enable_rotation(&wrapped.kms_key).await, Err(refused));
    assert_eq!(service.find_keys(&tenant(1)).await.unwrap(), []);
    service.create_key(&tenant(2)).await.unwrap();
    assert_eq!(
        service.describe(&wrapped.kms_key).await,
        Ok(KeyState::PendingDeletion),
        "it waits for its day"
    );

    bench.clock.advance(Duration::days(7));
    let gone = KeyServiceError::Refused(Refusal::NotFound);
    assert_eq!(service.describe(&wrapped.kms_key).await, Err(gone));
    assert_eq!(service.open_data_key(&wrapped).await.err(), Some(gone));
    bench.service();
    let text = fs::read_to_string(bench.path()).unwrap();
    assert!(!text.contains(wrapped.kms_key.as_str()), "a restart takes the material off the disk");
}

#[tokio::test]
async fn keys_made_by_several_processes_at_once_all_stay() {
    let bench = Bench::new();
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let service = bench.service();
            tokio::spawn(async move { service.create_key(&tenant(number)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        let kms_key = task.await.unwrap();
        assert_eq!(bench.service().describe(&kms_key).await, Ok(KeyState::Enabled));
    }
}

#[test]
fn production_refuses_a_key_file_unless_told() {
    let bench = Bench::new();
    let open = |accept_key_file| {
        LocalKeyService::open(
            bench.path(),
            Deployment::Production { accept_key_file },
            bench.environment.clone(),
        )
    };
    assert!(matches!(open(false), Err(LocalKeyError::NotEmbedded)));
    assert!(!bench.path().exists(), "nothing is written before the refusal");
    assert!(open(true).is_ok());
}

#[tokio::test]
async fn a_file_that_others_can_read_or_that_is_damaged_is_refused() {
    let bench = Bench::new();
    let service = bench.service();
    let wrapped = issue(&service, tenant(1)).await;
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let open = || LocalKeyService::open(bench.path(), Deployment::Embedded, bench.environment.clone());
    assert!(matches!(open(), Err(LocalKeyError::Permissions)));
    let refused = service.open_data_key(&wrapped).await.err();
    assert!(matches!(refused, Some(KeyServiceError::Unavailable(_))));

    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o600)).unwrap();
    assert!(service.open_data_key(&wrapped).await.is_ok());
    fs::write(bench.path(), "{").unwrap();
    assert!(matches!(open(), Err(LocalKeyError::Malformed)));
    assert_eq!(fs::read_to_string(bench.path()).unwrap(), "{", "a damaged file is never replaced");
}

#[test]
fn a_file_that_cannot_be_read_is_never_replaced() {
    let bench = Bench::new();
    std::os::unix::fs::symlink(bench.path(), bench.path()).unwrap();
    let opened = LocalKeyService::open(bench.path(), Deployment::Embedded, bench.environment.clone());
    assert!(matches!(opened, Err(LocalKeyError::Io(_))));
    assert!(fs::symlink_metadata(bench.path()).unwrap().is_symlink());
}

#[test]
fn a_file_may_stand_in_the_folder_that_the_program_was_started_in() {
    let bench = Bench::new();
    std::env::set_current_dir(bench.folder.path()).unwrap();
    LocalKeyService::open("keys.json", Deployment::Embedded, bench.environment.clone()).unwrap();
    assert!(bench.path().exists());
}

#[test]
fn a_draft_that_a_kill_left_behind_is_no_hindrance() {
    let bench = Bench::new();
    fs::write(bench.path().with_added_extension("new"), "half a fi").unwrap();
    bench.service();
    assert_eq!(mode(&bench.path()), 0o600);
}
