//! A certificate authority for one test, and the server certificate it issued for localhost.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

use crate::ServiceError;

/// PEM files in one folder. Valid for localhost and 127.0.0.1.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority to trust.
    pub authority: PathBuf,
    /// The server's certificate.
    pub certificate: PathBuf,
    /// The server's private key.
    pub key: PathBuf,
}

impl Certificates {
    /// Issues both into `folder`, for localhost and `more_names` (DNS names).
    pub fn issue(folder: &Path, more_names: &[&str]) -> Result<Self, ServiceError> {
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "Cloister test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_certificate = authority.self_signed(&authority_key)?;

        let names = ["localhost", "127.0.0.1"].iter().chain(more_names).map(|name| (*name).to_owned());
        let server_key = KeyPair::generate()?;
        let server = CertificateParams::new(names.collect::<Vec<_>>())?;
        let server = server.signed_by(&server_key, &Issuer::new(authority, authority_key))?;

        let files = Self {
            authority: folder.join("authority.pem"),
            certificate: folder.join("server.pem"),
            key: folder.join("server.key"),
        };
        let contents = [
            (&files.authority, authority_certificate.pem()),
            (&files.certificate, server.pem()),
            (&files.key, server_key.serialize_pem()),
        ];
        for (path, pem) in contents {
            fs::write(path, pem).map_err(ServiceError::system("writing a certificate"))?;
        }
        restrict(&files.key)?;
        Ok(files)
    }
}

/// PostgreSQL refuses a key that others can read.
fn restrict(key: &Path) -> Result<(), ServiceError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(key, fs::Permissions::from_mode(0o600))
        .map_err(ServiceError::system("protecting a key"))
}
