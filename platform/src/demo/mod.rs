//! `cloister demo`: the embedded size on one machine, with two clinics that were made the real way.
//!
//! Promises: needs nothing but the two programs; data survives a restart; what it cannot do it says in plain words.

mod error;
mod outbox;
mod people;
mod readiness;
mod seed;

pub mod admin;
pub mod browser;
pub mod record_system;

use std::{
    collections::HashMap,
    io::Write,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cloister_edge::{Listener, Open, ServeSettings, Site, serve, start_logs};
use cloister_jobs::WorkerSettings;
use cloister_kernel::{CanonicalHost, Environment};
use cloister_notify::MailDirectory;
use poem::{EndpointExt, Response, Route, get, handler, http::StatusCode, web::Data};
use serde_json::Value;
use tokio::sync::watch;

use crate::{
    Platform, StartError,
    compose::{mailer, parts},
    settings::Settings,
};

pub use error::DemoError;

use admin::{AdminProgram, OperatorApi, OperatorsServer};
use people::{PASSWORD, Seeded};
use readiness::UntilSeeded;
use seed::Seeding;

const OPERATOR_EMAIL: &str = "operator@cloister.example";
const SCOPES: [&str; 5] = ["tenants:read", "tenants:write", "tenants:activate", "baa:write", "owners:invite"];
const KEPT_MAILS: usize = 500;

impl From<StartError> for DemoError {
    fn from(error: StartError) -> Self {
        Self::Start(error.to_string())
    }
}

/// Where the demonstration runs and keeps its data.
struct Place {
    port: u16,
    folder: PathBuf,
}

impl Place {
    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn database(&self) -> String {
        format!("sqlite://{}?mode=rwc", self.file("cloister.db"))
    }

    fn admin_origin(&self) -> String {
        format!("http://admin.localhost:{}", self.port + 1)
    }

    fn platform_settings(&self) -> Result<Settings, StartError> {
        let address = format!("127.0.0.1:{}", self.port);
        let port = self.port.to_string();
        let variables = [
            ("CLOISTER_SIZE", "embedded".to_owned()),
            ("CLOISTER_LISTEN", address),
            ("CLOISTER_INTERNAL_LISTEN", String::new()),
            ("CLOISTER_TRANSPORT", "loopback".to_owned()),
            ("CLOISTER_PUBLIC__SCHEME", "http".to_owned()),
            ("CLOISTER_PUBLIC__PORT", port),
            ("CLOISTER_DATABASE__URL", self.database()),
            ("CLOISTER_KEYS__SERVICE", "local".to_owned()),
            ("CLOISTER_KEYS__FILE", self.file("keys.json")),
            ("CLOISTER_MAIL__CARRIER", "folder".to_owned()),
            ("CLOISTER_MAIL__FOLDER", self.file("outbox")),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        Ok(Settings::read(None, variables)?)
    }

    fn admin_settings(&self) -> Vec<(String, String)> {
        [
            ("CLOISTER_ADMIN_LISTEN", format!("127.0.0.1:{}", self.port + 1)),
            ("CLOISTER_ADMIN_ORIGIN", self.admin_origin()),
            ("CLOISTER_ADMIN_DOMAIN", "localhost".to_owned()),
            ("CLOISTER_ADMIN_TRANSPORT", "loopback".to_owned()),
            ("CLOISTER_ADMIN_DATABASE__URL", self.database()),
            ("CLOISTER_ADMIN_KEYS__SERVICE", "local".to_owned()),
            ("CLOISTER_ADMIN_KEYS__FILE", self.file("keys.json")),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

/// What the outbox page shows.
#[derive(Clone)]
struct OutboxPage {
    seeded: Arc<RwLock<Option<Seeded>>>,
    mails: MailDirectory,
    environment: Environment,
}

#[handler]
async fn outbox_page(_open: Open, Data(page): Data<&OutboxPage>) -> Response {
    let mails = page.mails.newest_first().await.unwrap_or_default();
    let seeded = page.seeded.read().unwrap_or_else(PoisonError::into_inner).clone();
    let html = outbox::page(seeded.as_ref(), &mails, page.environment.now());
    Response::builder().content_type("text/html; charset=utf-8").body(html)
}

#[handler]
fn outbox_style(_open: Open) -> Response {
    Response::builder().content_type("text/css; charset=utf-8").body(outbox::STYLE)
}

/// Runs the demonstration until it is told to stop.
///
/// # Errors
/// Why it does not start, in words for whoever typed the command.
pub async fn demo(port: u16, folder: &Path) -> Result<(), DemoError> {
    std::fs::create_dir_all(folder)?;
    // Keys, codes and mails of made-up people: still nobody else's business on a shared machine.
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    let place = Place { port, folder: folder.canonicalize()? };
    let before = Seeded::read(&place.folder)?;
    if let Some(seeded) = before.as_ref().filter(|seeded| seeded.port != port) {
        return Err(DemoError::OtherPort(seeded.port));
    }
    if before.is_none() {
        forget_unfinished(&place.folder)?;
    }
    start_logs("error").map_err(StartError::from)?;
    let environment = Environment::system();
    let now = i64::try_from(environment.now().unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX);
    cloister_migrations::migrate(&place.database(), now)
        .await
        .map_err(|error| DemoError::Start(format!("the database: {error}")))?;

    let settings = place.platform_settings()?;
    let mails = MailDirectory::open(&place.folder.join("outbox"), KEPT_MAILS, environment.clone())?;
    let outbox = OutboxPage {
        seeded: Arc::new(RwLock::new(before.clone())),
        mails: mails.clone(),
        environment: environment.clone(),
    };
    let mut parts = parts(&settings, environment.clone()).await?;
    let outbox_host = CanonicalHost::parse("outbox.localhost").map_err(|_| DemoError::Unexpected("host"))?;
    parts.fixed_hosts = HashMap::from([(outbox_host, Site::Demonstration)]);
    let platform = Platform::assemble(parts);
    let routes = platform.routes_with(
        Route::new().at("/", get(outbox_page)).at("/outbox.css", get(outbox_style)).data(outbox.clone()),
    )?;
    let routes = UntilSeeded { routes, seeded: Arc::clone(&outbox.seeded) };
    let listener = Listener::plain(&settings.listen.address).await.map_err(StartError::from)?;
    let address = listener.address();
    let stop = crate::serve::stop_signal()?;
    let serving =
        tokio::spawn(serve(listener, ServeSettings::default(), routes, crate::serve::stopped(stop.clone())));
    let worker = platform.worker(
        mailer(&settings, environment.clone())?,
        WorkerSettings { rest: Duration::from_millis(200), ..WorkerSettings::default() },
    );
    let working = tokio::spawn({
        let stop = stop.clone();
        async move { worker.run(stop).await }
    });
    let admin = AdminProgram::beside_this_one(place.admin_settings())?;
    let (seeded, operators) = match before {
        Some(seeded) => (seeded, admin.serve(&place.folder.join("cloister-admin.log"))?),
        None => first_start(&place, &admin, mails, address, &environment).await?,
    };
    *outbox.seeded.write().unwrap_or_else(PoisonError::into_inner) = Some(seeded.clone());
    run_until_stopped(&seeded, &place, serving, working, stop, operators).await
}

/// A first start that was stopped in its middle left half of two clinics: it is made again from nothing.
fn forget_unfinished(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name == "outbox" {
            std::fs::remove_dir_all(&path)?;
        } else if name.starts_with("cloister.db") || name.starts_with("keys.json") {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Makes the clinics; gives what was made and the operators' server that still runs.
async fn first_start(
    place: &Place,
    admin: &AdminProgram,
    outbox: MailDirectory,
    address: SocketAddr,
    environment: &Environment,
) -> Result<(Seeded, OperatorsServer), DemoError> {
    admin.run(&["operator", "create", "--name", "Demo Operator", "--email", OPERATOR_EMAIL]).await?;
    let mut arguments = vec!["token", "issue", "--operator", OPERATOR_EMAIL, "--ttl", "12h"];
    for scope in SCOPES {
        arguments.extend(["--scope", scope]);
    }
    let issued = admin.run(&arguments).await?;
    let token = issued["token"].as_str().ok_or(DemoError::Unexpected("no token was issued"))?.to_owned();
    let operators = admin.serve(&place.folder.join("cloister-admin.log"))?;
    let admin_address = SocketAddr::from(([127, 0, 0, 1], place.port + 1));
    let api = OperatorApi::new(&place.admin_origin(), admin_address, token.clone())?;
    wait_for_operators(&api).await?;
    let seeding =
        Seeding { port: place.port, address, operators: api, outbox, environment: environment.clone() };
    let clinics = seeding.run(say).await?;
    let seeded = Seeded { port: place.port, clinics, operator_token: token };
    seeded.write(&place.folder)?;
    Ok((seeded, operators))
}

async fn wait_for_operators(api: &OperatorApi) -> Result<Value, DemoError> {
    let mut last = DemoError::Admin("did not start".to_owned());
    for _ in 0..150 {
        match api.call(reqwest::Method::GET, "/v1/tenants", None, None).await {
            Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => {
                return answer.ok("reading the tenants");
            }
            Ok(answer) => last = DemoError::Admin(format!("answers {}", answer.status)),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(last)
}

async fn run_until_stopped(
    seeded: &Seeded,
    place: &Place,
    serving: tokio::task::JoinHandle<()>,
    working: tokio::task::JoinHandle<()>,
    mut stop: watch::Receiver<bool>,
    mut operators: OperatorsServer,
) -> Result<(), DemoError> {
    print_sign_ins(seeded, place);
    let ended = tokio::select! {
        _ = stop.wait_for(|stopping| *stopping) => Ok(()),
        status = operators.ended() => Err(DemoError::Admin(match status {
            Ok(status) => format!("ended ({status}): see {}", place.file("cloister-admin.log")),
            Err(error) => error.to_string(),
        })),
    };
    if ended.is_ok() {
        let _ = serving.await;
        let _ = working.await;
    }
    ended
}

fn print_sign_ins(seeded: &Seeded, place: &Place) {
    say("");
    say("Ready. Everybody's password is:");
    say(&format!("    {PASSWORD}"));
    say(&format!("Current codes and mails: http://outbox.localhost:{}", place.port));
    for clinic in &seeded.clinics {
        say("");
        say(&format!("{} ({} bundles)", clinic.name, clinic.bundles));
        for person in &clinic.people {
            let origin =
                if person.role == "patient" { &clinic.portal_origin } else { &clinic.console_origin };
            say(&format!("    {:9}  {:34}  {}", person.role, person.email, origin));
        }
    }
    say("");
    say(&format!("Operators' API: {}/docs  (token in {})", place.admin_origin(), place.file("people.json")));
    say("Stop with Ctrl-C. Everything is kept; make demo-reset forgets it.");
}

#[expect(clippy::print_stdout, reason = "the demonstration tells whoever started it where to go")]
fn say(line: &str) {
    println!("{line}");
    let _ = std::io::stdout().flush();
}
