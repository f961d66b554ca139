//! Settings, read once at start from the environment (`CLOISTER_ADMIN_...`, `__` between the parts of a name) and,
//! where `CLOISTER_ADMIN_CONFIG` names one, from a TOML file. What is unknown is refused by name.

use std::path::{Path, PathBuf};

use cloister_edge::{Network, OldestTls, TrustedHops};
use cloister_kernel::{CanonicalHost, SecretString};
use cloister_vault::ClinicKeyPolicies;
use figment::{
    Figment,
    providers::{Env, Format, Toml},
};

const PREFIX: &str = "CLOISTER_ADMIN_";

/// Every setting: name, what holds when it is not given, meaning. Reading, `cloister-admin settings` and the README's
/// table come from here.
pub const SETTINGS: &[(&str, &str, &str)] = &[
    ("listen", "127.0.0.1:8081", "Address and port of the operators' API."),
    ("internal_listen", "", "Address and port of `/metrics`; never expose it. Without it there is none."),
    (
        "origin",
        "",
        "Origin of the operators' API as browsers write it, such as `https://admin.example.org`; needed.",
    ),
    ("domain", "", "What clinics' hosts end with: SLUG.DOMAIN and SLUG-staff.DOMAIN; needed."),
    (
        "transport",
        "tls",
        "`tls`; `behind_proxy`: plain HTTP to our own proxy that ends TLS; `loopback`: plain HTTP on \
                          this machine alone.",
    ),
    (
        "tls.certificate",
        "",
        "PEM file with the certificate chain, leaf first; read again every five minutes.",
    ),
    ("tls.key", "", "PEM file with the certificate's private key."),
    (
        "proxy.networks",
        "",
        "Networks that our own proxies call from, such as `10.0.0.0/8`, separated by commas.",
    ),
    ("proxy.hops", "0", "How many of our own proxies each request passes."),
    (
        "database.url",
        "",
        "`postgres://...` as a member of cloister_admin, or `sqlite:///path`; needed. Secret: also as a file by its name \
         with `_FILE`.",
    ),
    ("database.connections", "8", "The most PostgreSQL connections of this process."),
    (
        "redis.url",
        "",
        "`rediss://...`, shared by all replicas; without it rate limits are counted in this process. Secret: also as a \
         file by its name with `_FILE`.",
    ),
    ("redis.authority", "", "PEM file with the certificates to trust for Redis instead of the machine's."),
    ("keys.service", "aws", "`aws` (KMS), or `local`: a key file."),
    ("keys.file", "", "The key file of `keys.service` `local`."),
    (
        "keys.accept_file",
        "false",
        "Accept a key file although this is not the embedded size (transport `loopback`).",
    ),
    ("keys.region", "", "AWS region; without it the SDK's own sources are asked."),
    ("keys.endpoint", "", "Another address of KMS, such as a VPC endpoint."),
    (
        "keys.multi_region",
        "true",
        "Makes clinics' keys so that they can be copied to another region; of a key that is made, nobody can change it.",
    ),
    (
        "keys.policies",
        "",
        "JSON file with the key policies of clinics' keys, `tenant` and `tenant-log`; without it KMS lets the account's \
         policies decide.",
    ),
    ("calls_per_minute", "120", "Calls of one operator in a minute."),
    ("log", "info", "What is logged, as in `RUST_LOG`."),
];

/// Settings that are secrets. From the environment they can also be given as the path of a file.
pub(crate) const SECRETS: [&str; 2] = ["database.url", "redis.url"];

/// A setting that cannot be used. The value is not repeated.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A setting is unknown or does not read.
    #[error("the settings cannot be read: {0}")]
    Unreadable(String),
    /// A setting is needed.
    #[error("{0} is needed")]
    Missing(String),
    /// A setting cannot be used.
    #[error("{0} {1}")]
    Invalid(String, &'static str),
}

/// How browsers' bytes reach the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// TLS ends here: certificate chain and key.
    Tls(PathBuf, PathBuf),
    /// A proxy of ours ends TLS.
    BehindProxy,
    /// Nothing does: this machine alone.
    Loopback,
}

/// Which key service makes keys.
#[derive(Debug, Clone)]
pub enum KeySettings {
    /// AWS KMS.
    Aws {
        /// The region.
        region: Option<String>,
        /// Another address.
        endpoint: Option<String>,
        /// Whether clinics' keys can be copied to another region.
        multi_region: bool,
        /// The policies of clinics' keys.
        policies: Option<ClinicKeyPolicies>,
    },
    /// A key file.
    Local {
        /// The file.
        file: PathBuf,
        /// Whether this is the embedded size.
        embedded: bool,
        /// Accepted elsewhere in so many words.
        accepted: bool,
    },
}

/// Everything that the process is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it listens.
    pub listen: String,
    /// Where `/metrics` is shown, if anywhere.
    pub internal_listen: Option<String>,
    /// The operators' origin.
    pub origin: String,
    /// The host of that origin.
    pub host: CanonicalHost,
    /// What clinics' hosts end with.
    pub domain: CanonicalHost,
    /// How bytes get here.
    pub transport: Transport,
    /// Whose word on clients' addresses counts.
    pub hops: TrustedHops,
    /// The database's URL.
    pub database: SecretString,
    /// The most connections.
    pub connections: u32,
    /// Redis and the certificates to trust for it.
    pub redis: Option<(SecretString, Option<PathBuf>)>,
    /// The key service.
    pub keys: KeySettings,
    /// Calls of one operator in a minute.
    pub calls_per_minute: u32,
    /// What is logged.
    pub log: String,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Given {
    listen: Option<String>,
    internal_listen: Option<String>,
    origin: Option<String>,
    domain: Option<String>,
    transport: Option<String>,
    tls: GivenTls,
    proxy: GivenProxy,
    database: GivenDatabase,
    redis: GivenRedis,
    keys: GivenKeys,
    calls_per_minute: Option<u32>,
    log: Option<String>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct GivenTls {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct GivenProxy {
    networks: Option<String>,
    hops: Option<usize>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct GivenDatabase {
    url: Option<String>,
    connections: Option<u32>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct GivenRedis {
    url: Option<String>,
    authority: Option<PathBuf>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct GivenKeys {
    service: Option<String>,
    file: Option<PathBuf>,
    accept_file: Option<bool>,
    region: Option<String>,
    endpoint: Option<String>,
    multi_region: Option<bool>,
    policies: Option<PathBuf>,
}

impl Settings {
    /// Reads the process's environment and the file it names.
    ///
    /// # Errors
    /// The first setting that is unknown, missing or unusable, by name.
    pub fn from_environment() -> Result<Self, SettingsError> {
        let mut figment = Figment::new();
        if let Some(file) = std::env::var_os("CLOISTER_ADMIN_CONFIG") {
            figment = figment.merge(Toml::file_exact(file));
        }
        // The token belongs to whoever types the command, not to the settings.
        let environment = Env::prefixed(PREFIX)
            .ignore(&["config", "token", "database__url_file", "redis__url_file"])
            .split("__");
        Self::read(with_secrets(figment.merge(environment), |name| {
            std::env::var_os(name).map(PathBuf::from)
        })?)
    }

    /// Reads settings from any source.
    ///
    /// # Errors
    /// As [`Settings::from_environment`].
    pub fn read(figment: Figment) -> Result<Self, SettingsError> {
        let given: Given = figment.extract().map_err(|error| SettingsError::Unreadable(unvalued(&error)))?;
        let origin = needed(given.origin, "origin")?;
        let domain = needed(given.domain, "domain")?;
        let transport = transport(given.transport.as_deref(), given.tls)?;
        let keys = keys(given.keys, &transport)?;
        let networks = given.proxy.networks.unwrap_or_default();
        let networks = networks.split(',').map(str::trim).filter(|text| !text.is_empty()).map(Network::parse);
        Ok(Self {
            listen: given.listen.unwrap_or_else(|| "127.0.0.1:8081".to_owned()),
            internal_listen: given.internal_listen.filter(|address| !address.is_empty()),
            host: host_of(&origin)?,
            origin,
            domain: CanonicalHost::parse(&domain).map_err(|_| invalid("domain", "is not a host name"))?,
            transport,
            hops: TrustedHops {
                networks: networks
                    .collect::<Result<_, _>>()
                    .map_err(|_| invalid("proxy.networks", "is not a list of networks"))?,
                hops: given.proxy.hops.unwrap_or(0),
            },
            database: needed(given.database.url, "database.url")?.into(),
            connections: given.database.connections.unwrap_or(8),
            redis: given.redis.url.map(|url| (url.into(), given.redis.authority)),
            keys,
            calls_per_minute: given.calls_per_minute.unwrap_or(120),
            log: given.log.unwrap_or_else(|| "info".to_owned()),
        })
    }
}

/// Adds the secrets that are given as files.
fn with_secrets(
    mut figment: Figment,
    path_in: impl Fn(&str) -> Option<PathBuf>,
) -> Result<Figment, SettingsError> {
    for name in SECRETS {
        let Some(path) = path_in(&format!("{}_FILE", variable(name))) else { continue };
        let text =
            std::fs::read_to_string(path).map_err(|_| invalid(name, "names a file that cannot be read"))?;
        figment = figment.merge((name, text.trim_end_matches(['\r', '\n'])));
    }
    Ok(figment)
}

fn transport(given: Option<&str>, tls: GivenTls) -> Result<Transport, SettingsError> {
    match given.unwrap_or("tls") {
        "tls" => {
            let certificate = tls.certificate.ok_or_else(|| missing("tls.certificate"))?;
            Ok(Transport::Tls(certificate, tls.key.ok_or_else(|| missing("tls.key"))?))
        }
        "behind_proxy" => Ok(Transport::BehindProxy),
        "loopback" => Ok(Transport::Loopback),
        _ => Err(invalid("transport", "is not `tls`, `behind_proxy` or `loopback`")),
    }
}

fn keys(given: GivenKeys, transport: &Transport) -> Result<KeySettings, SettingsError> {
    match given.service.as_deref().unwrap_or("aws") {
        "aws" => {
            let policies = given.policies.as_deref().map(clinic_key_policies).transpose()?;
            let multi_region = given.multi_region.unwrap_or(true);
            Ok(KeySettings::Aws { region: given.region, endpoint: given.endpoint, multi_region, policies })
        }
        "local" => Ok(KeySettings::Local {
            file: given.file.ok_or_else(|| missing("keys.file"))?,
            embedded: *transport == Transport::Loopback,
            accepted: given.accept_file.unwrap_or(false),
        }),
        _ => Err(invalid("keys.service", "is not `aws` or `local`")),
    }
}

/// Two policies, each by the kind of key that it is for; each must at least be a policy by its shape.
fn clinic_key_policies(file: &Path) -> Result<ClinicKeyPolicies, SettingsError> {
    let refused = |why| invalid("keys.policies", why);
    let text = std::fs::read(file).map_err(|_| refused("names a file that cannot be read"))?;
    let given: serde_json::Value = serde_json::from_slice(&text).map_err(|_| refused("is not JSON"))?;
    let policy = |kind: &str| match &given[kind] {
        policy if policy["Statement"].as_array().is_some_and(|statements| !statements.is_empty()) => {
            Ok(policy.to_string())
        }
        _ => Err(refused("does not hold a policy each for `tenant` and `tenant-log`")),
    };
    Ok(ClinicKeyPolicies { tenant: policy("tenant")?, tenant_log: policy("tenant-log")? })
}

fn host_of(origin: &str) -> Result<CanonicalHost, SettingsError> {
    let refused = || invalid("origin", "is not an origin such as https://admin.example.org");
    let authority =
        origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).ok_or_else(refused)?;
    CanonicalHost::parse(authority).map_err(|_| refused())
}

/// The oldest version of TLS that operators' clients may speak.
pub(crate) const OLDEST_TLS: OldestTls = OldestTls::V1_3;

/// What went wrong without the value, which may be a secret.
fn unvalued(error: &figment::Error) -> String {
    let name = error.path.join(".");
    match &error.kind {
        figment::error::Kind::UnknownField(field, _) => format!("{field} is not a setting"),
        figment::error::Kind::InvalidType(_, expected) => format!("{name} is not {expected}"),
        figment::error::Kind::InvalidValue(_, expected) => format!("{name} is not {expected}"),
        _ if name.is_empty() => "the file cannot be read".to_owned(),
        _ => format!("{name} cannot be used"),
    }
}

fn needed(given: Option<String>, name: &str) -> Result<String, SettingsError> {
    given.filter(|value| !value.is_empty()).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> SettingsError {
    SettingsError::Missing(variable(name))
}

fn invalid(name: &str, why: &'static str) -> SettingsError {
    SettingsError::Invalid(variable(name), why)
}

/// The environment variable of a setting.
pub(crate) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_uppercase().replace('.', "__"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloister_kernel::ExposeSecret;

    fn read(lines: &str) -> Result<Settings, SettingsError> {
        let base = "origin = 'http://admin.localhost:8081'\ndomain = 'localhost'\ntransport = 'loopback'\n";
        let text = format!("{base}{lines}");
        Settings::read(Figment::new().merge(Toml::string(&text)))
    }

    #[test]
    fn the_embedded_size_needs_a_key_file_and_a_database() {
        let text = "keys = { service = 'local', file = 'k.json' }\ndatabase = { url = 'sqlite://x' }";
        let settings = read(text).unwrap();
        assert_eq!((settings.host.as_str(), settings.calls_per_minute), ("admin.localhost", 120));
        assert!(matches!(settings.keys, KeySettings::Local { embedded: true, accepted: false, .. }));
        assert!(!format!("{settings:?}").contains("sqlite://x"));
    }

    #[test]
    fn what_is_missing_unknown_or_unusable_is_named_without_its_value() {
        for (lines, expected) in [
            ("", "CLOISTER_ADMIN_DATABASE__URL is needed"),
            ("keys = { service = 'local' }", "CLOISTER_ADMIN_KEYS__FILE is needed"),
            ("keys = { service = 'canary' }", "CLOISTER_ADMIN_KEYS__SERVICE is not `aws` or `local`"),
            ("databse = { url = 'canary' }", "the settings cannot be read: databse is not a setting"),
            ("calls_per_minute = 'canary'", "the settings cannot be read: calls_per_minute is not u32"),
            (
                "proxy = { networks = 'canary' }\ndatabase = { url = 'x' }",
                "CLOISTER_ADMIN_PROXY__NETWORKS is not a list of networks",
            ),
        ] {
            let error = read(lines).unwrap_err().to_string();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn policies_of_clinics_keys_are_read_and_refused_when_one_is_missing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let read_with = |text: &str| {
            std::fs::write(file.path(), text).unwrap();
            let lines =
                format!("keys = {{ policies = '{}' }}\ndatabase = {{ url = 'x' }}", file.path().display());
            read(&lines).map(|settings| settings.keys)
        };
        let one = r#"{"Statement":[{"Effect":"Allow"}]}"#;
        let Ok(KeySettings::Aws { policies: Some(policies), multi_region: true, .. }) =
            read_with(&format!(r#"{{"tenant": {one}, "tenant-log": {one}}}"#))
        else {
            panic!("two policies are taken")
        };
        assert_eq!((policies.tenant.as_str(), policies.tenant_log.as_str()), (one, one));
        for (text, expected) in [
            ("canary", "CLOISTER_ADMIN_KEYS__POLICIES is not JSON".to_owned()),
            (
                &format!(r#"{{"tenant": {one}, "tenant-log": {{"Statement": []}}}}"#),
                "CLOISTER_ADMIN_KEYS__POLICIES does not hold a policy each for `tenant` and `tenant-log`"
                    .to_owned(),
            ),
        ] {
            assert_eq!(read_with(text).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_secret_can_be_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "sqlite://from-a-file\n").unwrap();
        let base = "origin = 'http://admin.localhost:8081'\ndomain = 'localhost'\ntransport = 'loopback'\n\
                    keys = { service = 'local', file = 'k.json' }";
        let given =
            |name: &str| (name == "CLOISTER_ADMIN_DATABASE__URL_FILE").then(|| file.path().to_owned());
        let settings =
            Settings::read(with_secrets(Figment::new().merge(Toml::string(base)), given).unwrap()).unwrap();
        assert_eq!(settings.database.expose_secret(), "sqlite://from-a-file");
        let absent = |name: &str| name.contains("REDIS").then(|| PathBuf::from("/absent"));
        let error = with_secrets(Figment::new(), absent).unwrap_err().to_string();
        assert_eq!(error, "CLOISTER_ADMIN_REDIS__URL names a file that cannot be read");
    }

    #[test]
    fn the_table_names_exactly_what_is_read() {
        for (name, _, meaning) in SETTINGS {
            let value = match *name {
                "proxy.hops" | "database.connections" | "calls_per_minute" => "1",
                "keys.accept_file" | "keys.multi_region" => "true",
                _ => "'x'",
            };
            let line = format!("{name} = {value}");
            let figment = Figment::new().merge(Toml::string(&line));
            assert!(figment.extract::<Given>().is_ok(), "{name}");
            assert!(meaning.ends_with('.'), "{name}");
        }
    }

    #[test]
    fn the_readme_shows_every_setting_as_it_is() {
        let readme = include_str!("../../README.md");
        for (name, default, meaning) in SETTINGS {
            let default = if default.is_empty() { String::new() } else { format!("`{default}`") };
            let row = format!("| `{}` | {default} | {meaning} |", variable(name));
            assert!(readme.contains(&row), "{row}");
        }
    }
}
