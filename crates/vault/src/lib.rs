//! Keys, sealed values and blind indexes: the only part of Cloister that touches a cipher or a key service.
//!
//! A clinic has a key in a key service (AWS KMS, or a key file in the embedded size). Under it stand data keys, one
//! for each [`Purpose`] and [`KeyVersion`], which are stored wrapped. A [`KeyCache`] opens them for 40 seconds at a
//! time, a [`KeyRing`] holds the opened ones of a single [`KeyOwner`] for one unit of work, and seals and opens
//! values bound to their [`Place`].
//!
//! Promises:
//! - A sealed value opens at the place it was sealed for and nowhere else: owner, table, column, row, purpose and key
//!   version are authenticated with it. What does not open leaves no plaintext behind.
//! - Keys cannot be printed, cloned or serialized, and are overwritten when dropped.
//! - When the key service is away or refuses, callers get an error. There is no cipher that does nothing. A [`Breaker`] has
//!   them get it at once while the service fails.
//! - Issuing and opening are two duties behind two cargo features. A crate built without `opener` cannot open a
//!   tenant's key, whatever it writes.

mod blind_index;
mod breaker;
mod cache;
mod data_key;
mod error;
mod owner;
mod port;
mod ring;
mod sealed;
mod wrapped;

#[cfg(feature = "aws")]
mod aws;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "platform-opener")]
mod platform_opener;
#[cfg(all(
    any(feature = "local", feature = "testing"),
    any(feature = "issuer", feature = "opener", feature = "platform-opener")
))]
mod software;
#[cfg(feature = "testing")]
pub mod testing;

pub use blind_index::BlindIndex;
pub use breaker::{Breaker, LEFT_ALONE};
pub use cache::{FRESH_FOR, KeyCache, KeyUsage, USABLE_FOR};
pub use data_key::DataKey;
pub use error::{KeyServiceError, Outage, Refusal, VaultError};
pub use owner::{KeyOwner, KeyVersion, ParseKeyNameError, Purpose};
#[cfg(feature = "issuer")]
pub use port::KeyIssuer;
pub use port::KeyOpener;
pub use ring::KeyRing;
pub use sealed::{Place, SealedValue};
pub use wrapped::{KeyState, KmsKeyId, WrappedKey};

#[cfg(feature = "aws")]
pub use aws::{AwsKeyService, AwsKeySettings, ClinicKeyPolicies};
#[cfg(feature = "local")]
pub use local::{Deployment, LocalKeyError, LocalKeyService};
#[cfg(feature = "platform-opener")]
pub use platform_opener::{PlatformKeyOpener, PlatformKeyService};
