//! Settings: read once at start from the environment and, where `CLOISTER_CONFIG` names one, a TOML file.

mod read;
mod table;

use std::{
    num::NonZero,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use cloister_edge::{Limits, Network, OldestTls, TrustedHops};
use cloister_ephemeral::{RateLimit, RedisSettings};
use cloister_kernel::{ExposeSecret, SecretString};
use cloister_notify::{SmtpSecurity, SmtpSettings, VendorAgreement};
use time::{Date, macros::format_description};

pub use read::SettingsError;
pub use table::{SETTINGS, Setting, json, markdown, variable};

use read::{Given, invalid};

/// How much stands around the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// One machine, SQLite, no other service.
    Embedded,
    /// PostgreSQL, Redis, KMS and SMTP.
    Production,
}

/// How browsers' bytes reach the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TLS ends here.
    Tls,
    /// A proxy of ours ends TLS.
    BehindProxy,
    /// Nothing ends TLS: development on this machine.
    Loopback,
}

/// The listeners.
#[derive(Debug, Clone)]
pub struct ListenSettings {
    /// Clinics' sites and APIs.
    pub address: String,
    /// Metrics.
    pub internal: Option<String>,
    /// How bytes get here.
    pub transport: Transport,
    /// Certificate chain and key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The oldest version of TLS.
    pub oldest: OldestTls,
    /// Whose word on clients' addresses counts.
    pub hops: TrustedHops,
    /// Origins of registered apps.
    pub app_origins: Vec<String>,
}

/// How browsers write our addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicAddress {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// Where it is not the scheme's own.
    pub port: Option<u16>,
}

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// The URL.
    pub url: SecretString,
    /// The most connections.
    pub connections: u32,
}

/// Which key service opens data keys.
#[derive(Debug, Clone)]
pub enum KeySettings {
    /// AWS KMS.
    Aws {
        /// The region.
        region: Option<String>,
        /// Another address.
        endpoint: Option<String>,
    },
    /// A key file.
    Local {
        /// The file.
        file: PathBuf,
        /// Accepted in production in so many words.
        accepted: bool,
    },
}

/// What carries mails.
#[derive(Debug, Clone)]
pub enum MailSettings {
    /// An SMTP server, behind the agreement with whoever runs it.
    Smtp {
        /// How to reach it.
        smtp: SmtpSettings,
        /// Who runs it.
        vendor: String,
        /// The agreement.
        agreement: Option<VendorAgreement>,
    },
    /// Files in a folder.
    Folder(PathBuf),
}

/// Everything that a process is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How much stands around the process.
    pub size: Size,
    /// The listeners.
    pub listen: ListenSettings,
    /// How browsers write our addresses.
    pub public: PublicAddress,
    /// The database.
    pub database: DatabaseSettings,
    /// Redis; `None` keeps sessions in this process.
    pub redis: Option<RedisSettings>,
    /// The key service.
    pub keys: KeySettings,
    /// The most opened data keys held at once.
    pub keys_cached: u64,
    /// What carries mails; without a mail host none is sent.
    pub mail: Option<MailSettings>,
    /// File of SHA-1 hashes of breached passwords.
    pub breached_passwords: Option<PathBuf>,
    /// Password hashes at once, and waiting.
    pub hashes: (usize, usize),
    /// How often somebody may call.
    pub limits: Limits,
    /// How long `serve` still answers after it was told to stop.
    pub notice: Duration,
    /// Jobs that one worker runs at once.
    pub jobs_at_once: u16,
    /// What is logged.
    pub log: String,
}

impl Settings {
    /// Reads this process's environment and the file that `CLOISTER_CONFIG` names.
    ///
    /// # Errors
    /// The first setting that is unknown, missing or unusable, by name.
    pub fn from_environment() -> Result<Self, SettingsError> {
        let file = std::env::var_os("CLOISTER_CONFIG").map(PathBuf::from);
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self::read(file.as_deref(), variables)
    }

    /// Reads a file, then variables, which override it.
    ///
    /// # Errors
    /// The first setting that is unknown, missing or unusable, by name.
    pub fn read(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let given = Given::read(file, variables)?;
        let size = given.word("size", &[("production", Size::Production), ("embedded", Size::Embedded)])?;
        Ok(Self {
            size,
            listen: listen(&given)?,
            public: public(&given)?,
            database: database(&given, size)?,
            redis: redis(&given, size)?,
            keys: keys(&given, size)?,
            keys_cached: number(&given, "keys.cached")?,
            mail: mail(&given, size)?,
            breached_passwords: given.text("sign_in.breached_passwords").map(PathBuf::from),
            hashes: (hashes_at_once(&given)?, number(&given, "sign_in.hashes_waiting")?),
            limits: limits(&given)?,
            notice: notice(&given)?,
            jobs_at_once: number(&given, "work.at_once")?,
            log: given.text("log").unwrap_or("info").to_owned(),
        })
    }
}

/// A process whose settings can be read without starting it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Process {
    /// `cloister serve`.
    Serve,
    /// `cloister work`.
    Work,
    /// `cloister migrate`.
    Migrate,
}

/// Reads what a process would read, and opens nothing.
///
/// # Errors
/// The first setting that is unknown, missing or unusable, by name.
pub fn check(process: Process) -> Result<(), SettingsError> {
    if process == Process::Migrate {
        return database_from_environment().map(drop);
    }
    let settings = Settings::from_environment()?;
    if process == Process::Work && settings.mail.is_none() {
        return Err(SettingsError::Missing {
            name: "mail.host",
            variable: variable("mail.host"),
            reason: "the worker sends mails",
        });
    }
    Ok(())
}

/// The database alone, for `migrate`, which needs nothing else.
///
/// # Errors
/// As [`Settings::read`].
pub fn database_from_environment() -> Result<DatabaseSettings, SettingsError> {
    let file = std::env::var_os("CLOISTER_CONFIG").map(PathBuf::from);
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let given = Given::read(file.as_deref(), variables)?;
    let size = given.word("size", &[("production", Size::Production), ("embedded", Size::Embedded)])?;
    database(&given, size)
}

/// As told, else one a core: what reads a record has its turn first, see `identity::hashing`.
fn hashes_at_once(given: &Given) -> Result<usize, SettingsError> {
    if given.text("sign_in.hashes_at_once").is_some() {
        return number(given, "sign_in.hashes_at_once");
    }
    Ok(thread::available_parallelism().map_or(1, NonZero::get))
}

fn number<T: std::str::FromStr + PartialOrd + From<u8>>(
    given: &Given,
    name: &'static str,
) -> Result<T, SettingsError> {
    let reason = "must be a whole number of at least 1";
    let number: T = given.parsed(name, reason)?.ok_or_else(|| invalid(name, reason))?;
    if number < T::from(1) { Err(invalid(name, reason)) } else { Ok(number) }
}

/// Longer than an hour is a mistake: whoever stops the process kills it long before.
fn notice(given: &Given) -> Result<Duration, SettingsError> {
    let reason = "must be a whole number of seconds of at most 3600";
    let seconds = given.parsed("shutdown.notice", reason)?.unwrap_or(0);
    if seconds > 3600 {
        return Err(invalid("shutdown.notice", reason));
    }
    Ok(Duration::from_secs(seconds))
}

/// Every limit is at least one call a minute: none can be switched off.
fn limits(given: &Given) -> Result<Limits, SettingsError> {
    let limit = |name| number(given, name).map(RateLimit::per_minute);
    Ok(Limits {
        anonymous: limit("limits.anonymous")?,
        flow_pages: limit("limits.flow_pages")?,
        signed_in: limit("limits.signed_in")?,
        bearer: limit("limits.bearer")?,
        machine: limit("limits.machine")?,
        ..Limits::default()
    })
}

fn listen(given: &Given) -> Result<ListenSettings, SettingsError> {
    let transport = given.word(
        "transport",
        &[
            ("tls", Transport::Tls),
            ("behind_proxy", Transport::BehindProxy),
            ("loopback", Transport::Loopback),
        ],
    )?;
    let address = given.needed("listen", "where to listen")?.to_owned();
    let is_loopback = |address: &str| {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    if transport == Transport::Loopback && !is_loopback(&address) {
        return Err(invalid("listen", "must be a loopback address with `transport` `loopback`"));
    }
    let networks = given.list("proxy.networks");
    let networks: Result<Vec<Network>, _> = networks.into_iter().map(Network::parse).collect();
    let networks = networks.map_err(|error| invalid("proxy.networks", error.to_string()))?;
    let hops = given.parsed("proxy.hops", "must be a whole number")?.unwrap_or(0);
    if transport == Transport::BehindProxy && (networks.is_empty() || hops == 0) {
        return Err(invalid("proxy.networks", "and proxy.hops are needed with `transport` `behind_proxy`"));
    }
    let certificate = match (given.text("tls.certificate"), given.text("tls.key")) {
        (Some(chain), Some(key)) => Some((PathBuf::from(chain), PathBuf::from(key))),
        (None, None) => None,
        _ => return Err(invalid("tls.certificate", "and tls.key go together")),
    };
    if transport == Transport::Tls && certificate.is_none() {
        return Err(SettingsError::Missing {
            name: "tls.certificate",
            variable: variable("tls.certificate"),
            reason: "`transport` is `tls`",
        });
    }
    Ok(ListenSettings {
        address,
        internal: given.text("internal_listen").map(str::to_owned),
        transport,
        certificate,
        oldest: given.word("tls.oldest", &[("1.3", OldestTls::V1_3), ("1.2", OldestTls::V1_2)])?,
        hops: TrustedHops { networks, hops },
        app_origins: given.list("app_origins").into_iter().map(str::to_owned).collect(),
    })
}

fn public(given: &Given) -> Result<PublicAddress, SettingsError> {
    let scheme = given.word("public.scheme", &[("https", "https"), ("http", "http")])?;
    if scheme == "http" && given.text("transport") != Some("loopback") {
        return Err(invalid("public.scheme", "may be `http` with `transport` `loopback` only"));
    }
    Ok(PublicAddress { scheme, port: given.parsed("public.port", "must be a port")? })
}

fn database(given: &Given, size: Size) -> Result<DatabaseSettings, SettingsError> {
    given.needed("database.url", "there is nothing without a database")?;
    let url = given.secret("database.url").unwrap_or_default();
    let is_postgres =
        ["postgres://", "postgresql://"].iter().any(|scheme| url.expose_secret().starts_with(scheme));
    let is_sqlite = url.expose_secret().starts_with("sqlite:");
    if !(is_postgres || is_sqlite && size == Size::Embedded) {
        return Err(invalid(
            "database.url",
            "must begin with postgres://, or with size `embedded` with sqlite:",
        ));
    }
    let clear = is_postgres && !is_on_this_machine(url.expose_secret()) && !verifies(url.expose_secret());
    if size == Size::Production && clear {
        return Err(invalid(
            "database.url",
            "needs `sslmode=verify-full` where the database is on another machine",
        ));
    }
    Ok(DatabaseSettings { url, connections: number(given, "database.connections")? })
}

/// Whether a URL leads to this machine, where nobody can listen in. One without a host leads to a socket.
fn is_on_this_machine(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        matches!(url.host_str().unwrap_or_default(), "" | "localhost" | "127.0.0.1" | "[::1]")
            && !url.query_pairs().any(|(name, _)| matches!(&*name, "host" | "hostaddr"))
    })
}

/// Whether a PostgreSQL URL demands TLS with the server's name checked.
fn verifies(url: &str) -> bool {
    let url = url::Url::parse(url).ok();
    let mut pairs = url.iter().flat_map(url::Url::query_pairs).filter(|(name, _)| *name == "sslmode");
    pairs.next().is_some_and(|(_, value)| value == "verify-full") && pairs.next().is_none()
}

fn redis(given: &Given, size: Size) -> Result<Option<RedisSettings>, SettingsError> {
    let Some(url) = given.secret("redis.url") else {
        if size == Size::Embedded {
            return Ok(None);
        }
        given.needed("redis.url", "`size` is `production`")?;
        return Ok(None);
    };
    if size == Size::Production && !url.expose_secret().starts_with("rediss://") {
        return Err(invalid("redis.url", "must begin with rediss:// with size `production`"));
    }
    let mut redis = RedisSettings::new(url);
    redis.trusted_certificates = given.text("redis.authority").map(PathBuf::from);
    Ok(Some(redis))
}

#[derive(Clone, Copy)]
enum Carrier {
    Smtp,
    Folder,
}

#[derive(Clone, Copy)]
enum Service {
    Aws,
    Local,
}

fn keys(given: &Given, size: Size) -> Result<KeySettings, SettingsError> {
    match given.word("keys.service", &[("aws", Service::Aws), ("local", Service::Local)])? {
        Service::Aws => {
            let endpoint = given.text("keys.endpoint").map(str::to_owned);
            let clear = endpoint
                .as_deref()
                .is_some_and(|url| !url.starts_with("https://") && !is_on_this_machine(url));
            if clear {
                let reason = "must begin with https:// where it is on another machine";
                return Err(invalid("keys.endpoint", reason));
            }
            Ok(KeySettings::Aws { region: given.text("keys.region").map(str::to_owned), endpoint })
        }
        Service::Local => {
            let accepted = given.word("keys.accept_file", &[("false", false), ("true", true)])?;
            if size == Size::Production && !accepted {
                let reason = "must be `aws` with size `production`, unless keys.accept_file is `true`";
                return Err(invalid("keys.service", reason));
            }
            let file = given.needed("keys.file", "`keys.service` is `local`")?;
            Ok(KeySettings::Local { file: PathBuf::from(file), accepted })
        }
    }
}

fn mail(given: &Given, size: Size) -> Result<Option<MailSettings>, SettingsError> {
    if let Carrier::Folder =
        given.word("mail.carrier", &[("smtp", Carrier::Smtp), ("folder", Carrier::Folder)])?
    {
        if size == Size::Production {
            return Err(invalid("mail.carrier", "must be `smtp` with size `production`"));
        }
        let folder = given.needed("mail.folder", "`mail.carrier` is `folder`")?;
        return Ok(Some(MailSettings::Folder(PathBuf::from(folder))));
    }
    let Some(host) = given.text("mail.host") else { return Ok(None) };
    let security = [
        ("starttls", SmtpSecurity::StartTls),
        ("implicit", SmtpSecurity::Implicit),
        ("loopback", SmtpSecurity::LoopbackOnly),
    ];
    let credentials = given.text("mail.user").map(str::to_owned).zip(given.secret("mail.password"));
    let smtp = SmtpSettings {
        host: host.to_owned(),
        port: given.parsed("mail.port", "must be a port")?.unwrap_or(587),
        security: given.word("mail.security", &security)?,
        credentials,
        from: given.needed("mail.from", "mail.host is given")?.to_owned(),
    };
    let vendor = given.needed("mail.vendor", "mail.host is given")?.to_owned();
    let agreement = match (day(given, "mail.agreement.from")?, day(given, "mail.agreement.until")?) {
        (Some(executed_on), Some(expires_on)) => {
            Some(VendorAgreement { vendor: vendor.clone(), executed_on, expires_on })
        }
        (None, None) => None,
        _ => return Err(invalid("mail.agreement.from", "and mail.agreement.until go together")),
    };
    Ok(Some(MailSettings::Smtp { smtp, vendor, agreement }))
}

fn day(given: &Given, name: &'static str) -> Result<Option<Date>, SettingsError> {
    let format = format_description!("[year]-[month]-[day]");
    let read =
        |text: &str| Date::parse(text, format).map_err(|_| invalid(name, "must be a day such as 2026-11-22"));
    given.text(name).map(read).transpose()
}

#[cfg(test)]
mod tests;
