//! Codes that alerts and runbooks name, and words that stand in the database: stable, and each its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, io};

use cloister_kernel::{Failure, FailureKind};
use cloister_vault::{
    BlindIndex, KeyServiceError, KeyState, KmsKeyId, LocalKeyError, Outage, Purpose, Refusal, VaultError,
};

#[test]
fn what_the_key_service_says_can_be_tried_again_and_tampering_cannot() {
    let said = [
        (KeyServiceError::Unavailable(Outage::Away), "keys.unavailable"),
        (KeyServiceError::Unavailable(Outage::TimedOut), "keys.timed_out"),
        (KeyServiceError::Unavailable(Outage::Throttled), "keys.throttled"),
        (KeyServiceError::Unavailable(Outage::NotAsked), "keys.not_asked"),
        (KeyServiceError::Refused(Refusal::Disabled), "keys.disabled"),
        (KeyServiceError::Refused(Refusal::InvalidState), "keys.invalid_state"),
        (KeyServiceError::Refused(Refusal::NotFound), "keys.not_found"),
        (KeyServiceError::Refused(Refusal::Denied), "keys.denied"),
    ];
    for (error, code) in said {
        assert_eq!((error.code(), error.kind()), (code, FailureKind::Unavailable));
        let wrapped = VaultError::from(error);
        assert_eq!((wrapped.code(), wrapped.kind()), (code, FailureKind::Unavailable));
    }
    let tampered = KeyServiceError::Tampered;
    assert_eq!((tampered.code(), tampered.kind()), ("keys.tampered", FailureKind::Internal));
}

#[test]
fn a_value_that_does_not_open_is_the_platforms_own_failure_unless_its_keys_are_stale() {
    for (error, code) in [
        (VaultError::NoKey(Purpose::Phi), "vault.no_key"),
        (VaultError::WrongOwner, "vault.wrong_owner"),
        (VaultError::WrongPurpose(Purpose::Index), "vault.wrong_purpose"),
        (VaultError::Malformed, "vault.malformed"),
        (VaultError::Tampered, "vault.tampered"),
        (VaultError::TooLong, "vault.too_long"),
    ] {
        assert_eq!((error.code(), error.kind()), (code, FailureKind::Internal));
    }
    assert_eq!(
        (VaultError::Stale.code(), VaultError::Stale.kind()),
        ("vault.stale", FailureKind::Unavailable)
    );
}

#[test]
fn a_key_file_that_cannot_be_used_leaves_the_service_away() {
    for (error, code) in [
        (LocalKeyError::NotEmbedded, "keys.file_not_embedded"),
        (LocalKeyError::Permissions, "keys.file_permissions"),
        (LocalKeyError::Malformed, "keys.file_malformed"),
        (LocalKeyError::Io(io::ErrorKind::NotFound.into()), "keys.file_unreadable"),
    ] {
        assert_eq!((error.code(), error.kind()), (code, FailureKind::Unavailable));
    }
}

#[test]
fn reasons_are_told_apart_in_logs() {
    let outages = [Outage::Away, Outage::TimedOut, Outage::Throttled].map(|outage| outage.to_string());
    let refusals = [Refusal::Disabled, Refusal::InvalidState, Refusal::NotFound, Refusal::Denied]
        .map(|refusal| refusal.to_string());
    let words: BTreeSet<_> = outages.iter().chain(&refusals).filter(|word| !word.is_empty()).collect();
    assert_eq!(words.len(), 7, "{words:?}");
    assert_eq!(VaultError::NoKey(Purpose::Phi).to_string(), "there is no phi key for this value");
}

#[test]
fn only_an_enabled_key_and_one_that_moves_are_usable() {
    let states = [
        (KeyState::Creating, "Creating", false),
        (KeyState::Enabled, "Enabled", true),
        (KeyState::Disabled, "Disabled", false),
        (KeyState::PendingDeletion, "PendingDeletion", false),
        (KeyState::PendingImport, "PendingImport", false),
        (KeyState::PendingReplicaDeletion, "PendingReplicaDeletion", false),
        (KeyState::Unavailable, "Unavailable", false),
        (KeyState::Updating, "Updating", true),
    ];
    for (state, word, usable) in states {
        assert_eq!((state.as_str(), state.is_usable()), (word, usable));
    }
}

#[test]
fn names_and_indexes_are_stored_as_they_are() {
    let name = KmsKeyId::new("alias/one");
    assert_eq!((name.as_str(), name.to_string().as_str()), ("alias/one", "alias/one"));
    assert_eq!(BlindIndex::from_bytes([7; 32]).as_bytes(), &[7; 32]);
}
