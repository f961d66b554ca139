//! Sealed values: XAES-256-GCM (C2SP) bound to one place.
//!
//! Stored form: format (1 byte, 1), purpose (1), key version (4, big-endian), nonce (24), ciphertext, tag (16).
//!
//! Associated data: the fields `cloister sealed value`, format, purpose, key version, owner, table, column, row and
//! the place's extra bytes, each preceded by its length as 8 bytes big-endian. No two places share one encoding.

use std::fmt;

use cloister_kernel::Environment;
use data_encoding::BASE64URL_NOPAD;
use uuid::Uuid;
use xaes_256_gcm::{Nonce, Tag, Xaes256Gcm, aead::AeadInOut};
use zeroize::{Zeroize, Zeroizing};

use crate::{DataKey, KeyOwner, KeyVersion, Purpose, VaultError};

const FORMAT: u8 = 1;
const HEADER: usize = 6;
const NONCE: usize = 24;
const TAG: usize = 16;
const DOMAIN: &[u8] = b"cloister sealed value";

/// Where a value stands. A value sealed for one place does not open at another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Whose value it is.
    pub owner: KeyOwner,
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's own id, beside the tenant.
    pub row: Uuid,
    extra: Vec<u8>,
}

impl Place {
    /// Names a place.
    pub const fn new(owner: KeyOwner, table: &'static str, column: &'static str, row: Uuid) -> Self {
        Self { owner, table, column, row, extra: Vec::new() }
    }

    /// Binds further bytes, for example the canonical clear part of an audit event: the value then opens only
    /// beside exactly these. Empty bytes are the same as none.
    #[must_use]
    pub fn with(mut self, extra: impl Into<Vec<u8>>) -> Self {
        self.extra = extra.into();
        self
    }

    fn associated_data(&self, purpose: Purpose, version: KeyVersion) -> Vec<u8> {
        let owner = self.owner.to_string();
        length_prefixed(&[
            DOMAIN,
            &[FORMAT],
            &[purpose.tag()],
            &version.0.to_be_bytes(),
            owner.as_bytes(),
            self.table.as_bytes(),
            self.column.as_bytes(),
            self.row.as_bytes(),
            &self.extra,
        ])
    }
}

/// Joins fields, each behind its length in 8 bytes big-endian, so that the result tells where each ends.
pub(crate) fn length_prefixed(fields: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(fields.iter().map(|field| field.len() + 8).sum());
    for field in fields {
        joined.extend_from_slice(&(field.len() as u64).to_be_bytes());
        joined.extend_from_slice(field);
    }
    joined
}

/// A sealed value as stored in a `bytea` or `BLOB` column.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue(Vec<u8>);

impl SealedValue {
    /// Takes stored bytes.
    ///
    /// # Errors
    /// `Malformed` when they are too short, of an unknown format, or name an unknown purpose.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, VaultError> {
        let known = bytes.len() >= HEADER + NONCE + TAG
            && bytes[0] == FORMAT
            && Purpose::from_tag(bytes[1]).is_some_and(|purpose| purpose != Purpose::Index);
        if known { Ok(Self(bytes)) } else { Err(VaultError::Malformed) }
    }

    /// As a client carries it: URL-safe base64 without padding.
    pub fn to_text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Takes what a client carried. A value has one spelling.
    ///
    /// # Errors
    /// `Malformed` when the text is longer than that or is no such value.
    pub fn from_text(text: &str, longest: usize) -> Result<Self, VaultError> {
        if text.len() > longest {
            return Err(VaultError::Malformed);
        }
        Self::from_bytes(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| VaultError::Malformed)?)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store, by value.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// The purpose of the key it was sealed under. Read from the header, believed only once the value opens.
    pub fn purpose(&self) -> Option<Purpose> {
        Purpose::from_tag(self.0[1])
    }

    /// The version of the key it was sealed under, for finding values that a rotation left behind.
    pub fn key_version(&self) -> KeyVersion {
        KeyVersion(u32::from_be_bytes([self.0[2], self.0[3], self.0[4], self.0[5]]))
    }

    pub(crate) fn seal(
        key: &DataKey,
        environment: &Environment,
        purpose: Purpose,
        version: KeyVersion,
        place: &Place,
        plaintext: &[u8],
    ) -> Result<Self, VaultError> {
        let mut bytes = Vec::with_capacity(HEADER + NONCE + plaintext.len() + TAG);
        bytes.extend_from_slice(&[FORMAT, purpose.tag()]);
        bytes.extend_from_slice(&version.0.to_be_bytes());
        let nonce = environment.bytes::<NONCE>();
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(plaintext);
        let associated = place.associated_data(purpose, version);
        let sealed = key.cipher().encrypt_inout_detached(
            &Nonce::from(nonce),
            &associated,
            (&mut bytes[HEADER + NONCE..]).into(),
        );
        match sealed {
            Ok(tag) => bytes.extend_from_slice(&tag),
            Err(_) => {
                bytes.zeroize();
                return Err(VaultError::TooLong);
            }
        }
        key.count_sealing();
        Ok(Self(bytes))
    }

    pub(crate) fn open(&self, key: &DataKey, place: &Place) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let purpose = self.purpose().ok_or(VaultError::Malformed)?;
        let (nonce, rest) = self.0[HEADER..].split_first_chunk::<NONCE>().ok_or(VaultError::Malformed)?;
        let (ciphertext, tag) = rest.split_last_chunk::<TAG>().ok_or(VaultError::Malformed)?;
        let associated = place.associated_data(purpose, self.key_version());
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        decrypt(&key.cipher(), nonce, &associated, &mut buffer, tag)?;
        Ok(buffer)
    }
}

/// Decrypts in place; what does not authenticate is overwritten with zeros.
pub(crate) fn decrypt(
    cipher: &Xaes256Gcm,
    nonce: &[u8; NONCE],
    associated: &[u8],
    buffer: &mut [u8],
    tag: &[u8; TAG],
) -> Result<(), VaultError> {
    let opened = cipher.decrypt_inout_detached(
        &Nonce::from(*nonce),
        associated,
        (&mut *buffer).into(),
        &Tag::from(*tag),
    );
    opened.map_err(|_| {
        buffer.zeroize();
        VaultError::Tampered
    })
}

impl fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedValue({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use xaes_256_gcm::aead::KeyInit;

    use super::*;

    #[test]
    fn a_failed_open_leaves_zeros_in_the_buffer() {
        let cipher = Xaes256Gcm::new(&[7; 32].into());
        let mut buffer = *b"secret result";
        let nonce = Nonce::from([9; 24]);
        let tag = cipher.encrypt_inout_detached(&nonce, b"here", (&mut buffer[..]).into()).unwrap();
        let sealed = buffer;
        for (associated, change) in [(b"there".as_slice(), 0), (b"here", 1)] {
            let mut tag: [u8; 16] = tag.into();
            tag[15] ^= change;
            let mut buffer = sealed;
            let failed = decrypt(&cipher, &[9; 24], associated, &mut buffer, &tag);
            assert_eq!(failed, Err(VaultError::Tampered));
            assert_eq!(buffer, [0; 13]);
        }
        decrypt(&cipher, &[9; 24], b"here", &mut buffer, &tag.into()).unwrap();
        assert_eq!(&buffer, b"secret result");
    }

    #[test]
    fn a_value_has_one_spelling_as_text_and_a_bound() {
        let mut bytes = vec![7; HEADER + NONCE + TAG + 1];
        bytes[..2].copy_from_slice(&[FORMAT, Purpose::Pii.tag()]);
        let text = SealedValue::from_bytes(bytes).unwrap().to_text();
        assert_eq!(
            SealedValue::from_text(&text, text.len()).map(|value| value.to_text()).as_ref(),
            Ok(&text)
        );
        let last = text.chars().last().unwrap();
        // One byte more than thirds: the last letter has bits that belong to nothing.
        let other = char::from(u8::try_from(last).unwrap() + 1);
        let shifted = format!("{}{other}", &text[..text.len() - 1]);
        for wrong in [
            format!("{text}=="),
            format!("{text}\n"),
            format!(" {text}"),
            format!("+{}", &text[1..]),
            shifted,
            text[..20].to_owned(),
        ] {
            assert_eq!(SealedValue::from_text(&wrong, 1000), Err(VaultError::Malformed), "{wrong}");
        }
        assert_eq!(SealedValue::from_text(&text, text.len() - 1), Err(VaultError::Malformed));
    }

    #[test]
    fn fields_never_run_into_each_other() {
        assert_ne!(length_prefixed(&[b"ab", b"c"]), length_prefixed(&[b"a", b"bc"]));
        assert_ne!(length_prefixed(&[b"a", b""]), length_prefixed(&[b"a"]));
    }
}
