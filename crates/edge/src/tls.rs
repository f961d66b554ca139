//! TLS: 1.3 alone unless told otherwise, certificates from files that may change while we run.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig, SupportedCipherSuite,
    crypto::{CryptoProvider, aws_lc_rs},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::EdgeError;

/// The oldest version spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OldestTls {
    /// TLS 1.3 and nothing else.
    #[default]
    V1_3,
    /// Also TLS 1.2 with ECDHE and an AEAD: an explicit exception, for clients that cannot do better.
    V1_2,
}

/// A certificate chain and key that can be replaced while connections are served. Cheap to clone.
#[derive(Clone)]
pub struct Certificates {
    current: Arc<RwLock<Arc<CertifiedKey>>>,
    files: Option<(PathBuf, PathBuf)>,
}

impl Certificates {
    /// Reads PEM files: the chain, leaf first, and its private key.
    pub fn from_files(chain: impl AsRef<Path>, key: impl AsRef<Path>) -> Result<Self, EdgeError> {
        let (chain, key) = (chain.as_ref().to_owned(), key.as_ref().to_owned());
        let certified = read(&chain, &key)?;
        Ok(Self { current: Arc::new(RwLock::new(Arc::new(certified))), files: Some((chain, key)) })
    }

    /// Makes a certificate for these names that nobody else vouches for: tests and the embedded size.
    pub fn self_signed(names: &[&str]) -> Result<Self, EdgeError> {
        let refused = |error: &dyn std::fmt::Display| EdgeError::Certificate(error.to_string());
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).map_err(|error| refused(&error))?;
        let key =
            PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|error| refused(&error))?;
        let certified = certify(vec![made.cert.der().clone()], key)?;
        Ok(Self { current: Arc::new(RwLock::new(Arc::new(certified))), files: None })
    }

    /// Reads the files again; new connections get what they hold. On an error the old certificate stays.
    pub fn reload(&self) -> Result<(), EdgeError> {
        if let Some((chain, key)) = &self.files {
            let certified = read(chain, key)?;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certified);
        }
        Ok(())
    }

    /// Reads the files again at every interval, for as long as this future is polled.
    pub async fn keep_fresh(&self, every: std::time::Duration) {
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.reload() {
                tracing::error!(%error, "the certificate could not be reloaded; the old one stays");
            }
        }
    }

    /// The first certificate of the chain, in DER.
    pub fn leaf(&self) -> Vec<u8> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.cert.first().map(|certificate| certificate.to_vec()).unwrap_or_default()
    }

    pub(crate) fn server_config(&self, oldest: OldestTls) -> Result<Arc<ServerConfig>, EdgeError> {
        let versions: &[&rustls::SupportedProtocolVersion] = match oldest {
            OldestTls::V1_3 => &[&rustls::version::TLS13],
            OldestTls::V1_2 => &[&rustls::version::TLS13, &rustls::version::TLS12],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(versions)
            .map_err(|error| EdgeError::Certificate(error.to_string()))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.clone()));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificates({:?})", self.files.as_ref().map(|(chain, _)| chain))
    }
}

/// aws-lc-rs with its AEAD suites; all of them have forward secrecy.
fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| match suite {
        SupportedCipherSuite::Tls13(_) => true,
        SupportedCipherSuite::Tls12(suite) => {
            let name = suite.common.suite.as_str().unwrap_or_default();
            name.contains("_ECDHE_") && (name.contains("_GCM_") || name.contains("_CHACHA20_"))
        }
    });
    provider
}

fn read(chain: &Path, key: &Path) -> Result<CertifiedKey, EdgeError> {
    let load =
        |path: &Path| std::fs::read(path).map_err(|source| EdgeError::File { path: path.to_owned(), source });
    let (chain, key) = (load(chain)?, load(key)?);
    let certificates = CertificateDer::pem_slice_iter(&chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| EdgeError::Certificate(error.to_string()))?;
    let key =
        PrivateKeyDer::from_pem_slice(&key).map_err(|error| EdgeError::Certificate(error.to_string()))?;
    certify(certificates, key)
}

fn certify(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, EdgeError> {
    let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    certified.map_err(|error| EdgeError::Certificate(error.to_string()))
}
