//! Wrapping of data keys in software, for the key services that run in this process.
//!
//! Wrapped form: nonce (24 bytes), ciphertext (32), tag (16) of XAES-256-GCM under the wrapping key. Associated data:
//! the wrapping key's name and the encryption context, length-prefixed.

use xaes_256_gcm::{Key, Xaes256Gcm, aead::KeyInit};
use zeroize::Zeroizing;

use crate::{
    KeyOwner, KeyServiceError, KeyVersion, KmsKeyId, Purpose, WrappedKey, data_key::KEY_LENGTH,
    sealed::length_prefixed, wrapped::encryption_context,
};

const DOMAIN: &str = "cloister wrapped key 1";

/// A key that wraps data keys.
pub(crate) type WrappingKey = Zeroizing<[u8; KEY_LENGTH]>;

fn cipher(wrapping: &WrappingKey) -> Xaes256Gcm {
    let key: &Key = (&**wrapping).into();
    Xaes256Gcm::new(key)
}

fn associated_data(kms_key: &KmsKeyId, owner: &KeyOwner, purpose: Purpose, version: KeyVersion) -> Vec<u8> {
    let context = encryption_context(owner, purpose, version);
    let mut fields = vec![DOMAIN.as_bytes(), kms_key.as_str().as_bytes()];
    for (name, value) in &context {
        fields.extend([name.as_bytes(), value.as_bytes()]);
    }
    length_prefixed(&fields)
}

/// Draws a data key and returns it wrapped only.
#[cfg(feature = "issuer")]
pub(crate) fn issue(
    wrapping: &WrappingKey,
    environment: &cloister_kernel::Environment,
    kms_key: &KmsKeyId,
    owner: &KeyOwner,
    purpose: Purpose,
    version: KeyVersion,
) -> Result<WrappedKey, KeyServiceError> {
    let nonce = environment.bytes::<24>();
    let data_key = Zeroizing::new(environment.bytes::<KEY_LENGTH>());
    let associated = associated_data(kms_key, owner, purpose, version);
    let blob = seal(wrapping, &nonce, &associated, data_key.as_slice())?;
    Ok(WrappedKey { owner: *owner, purpose, version, kms_key: kms_key.clone(), blob })
}

#[cfg(feature = "issuer")]
pub(crate) fn seal(
    wrapping: &WrappingKey,
    nonce: &[u8; 24],
    associated: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, KeyServiceError> {
    use xaes_256_gcm::{Nonce, aead::AeadInOut};

    let mut buffer = Zeroizing::new(plaintext.to_vec());
    let tag = cipher(wrapping)
        .encrypt_inout_detached(&Nonce::from(*nonce), associated, buffer.as_mut_slice().into())
        .map_err(|_| KeyServiceError::Tampered)?;
    Ok([nonce.as_slice(), buffer.as_slice(), tag.as_slice()].concat())
}

/// Opens what [`issue`] wrapped, under the same names only.
#[cfg(any(feature = "opener", feature = "platform-opener"))]
pub(crate) fn open(wrapping: &WrappingKey, wrapped: &WrappedKey) -> Result<crate::DataKey, KeyServiceError> {
    let associated = associated_data(&wrapped.kms_key, &wrapped.owner, wrapped.purpose, wrapped.version);
    crate::DataKey::from_slice(&unseal(wrapping, &associated, &wrapped.blob)?)
}

#[cfg(any(feature = "opener", feature = "platform-opener"))]
pub(crate) fn unseal(
    wrapping: &WrappingKey,
    associated: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyServiceError> {
    let (nonce, rest) = sealed.split_first_chunk::<24>().ok_or(KeyServiceError::Tampered)?;
    let (ciphertext, tag) = rest.split_last_chunk::<16>().ok_or(KeyServiceError::Tampered)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    crate::sealed::decrypt(&cipher(wrapping), nonce, associated, &mut buffer, tag)
        .map_err(|_| KeyServiceError::Tampered)?;
    Ok(buffer)
}
