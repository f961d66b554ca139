//! The same calls as commands, by the real binary with a key file and SQLite.

use std::{path::Path, process::Command};

use serde_json::Value;
use sqlx::Connection;

struct Host {
    folder: tempfile::TempDir,
}

struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Host {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("cloister.db").display());
        cloister_migrations::migrate(&url, 0).await.unwrap();
        Self { folder }
    }

    /// What the worker notes once the owner's account is there.
    async fn owner_activates(&self) {
        let url = format!("sqlite://{}", self.folder.path().join("cloister.db").display());
        let mut database = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query("UPDATE tenants SET owner_state = 'active'").execute(&mut database).await.unwrap();
    }

    fn run(&self, token: Option<&str>, arguments: &[&str]) -> Ended {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_cloister-admin")));
        command
            .env_clear()
            .env("CLOISTER_ADMIN_ORIGIN", "http://admin.localhost:8081")
            .env("CLOISTER_ADMIN_DOMAIN", "localhost")
            .env("CLOISTER_ADMIN_TRANSPORT", "loopback")
            .env("CLOISTER_ADMIN_DATABASE__URL", format!("sqlite://{}", path("cloister.db")))
            .env("CLOISTER_ADMIN_KEYS__SERVICE", "local")
            .env("CLOISTER_ADMIN_KEYS__FILE", path("keys.json"))
            .args(arguments);
        if let Some(token) = token {
            command.env("CLOISTER_ADMIN_TOKEN", token);
        }
        let output = command.output().unwrap();
        Ended {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    fn json(&self, token: Option<&str>, arguments: &[&str]) -> Value {
        let ended = self.run(token, &[&["--json"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        serde_json::from_str(&ended.out).unwrap()
    }
}

const NEW: &[&str] = &[
    "tenant",
    "create",
    "--slug",
    "lakeside",
    "--name",
    "Lakeside",
    "--region",
    "us-east-1",
    "--time-zone",
    "America/Chicago",
    "--contact-name",
    "Ana Lee",
    "--contact-email",
    "ana@lakeside.example",
    "--idempotency-key",
    "k1",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_goes_from_nothing_to_an_open_tenant() {
    let host = Host::new().await;
    let operator =
        host.json(None, &["operator", "create", "--name", "Olive Ops", "--email", "olive@platform.example"]);
    assert_eq!(operator["email"], "olive@platform.example");
    let mut issue = vec!["token", "issue", "--operator", "olive@platform.example", "--ttl", "2h"];
    for scope in cloister_tenancy::scope::Scope::ALL {
        issue.extend(["--scope", scope.as_str()]);
    }
    let issued = host.json(None, &issue);
    let token = issued["token"].as_str().unwrap();
    let tenant = host.json(Some(token), NEW);
    let id = tenant["id"].as_str().unwrap();
    assert_eq!(host.json(Some(token), NEW)["id"], tenant["id"], "the same request made nothing twice");
    assert_eq!(tenant["console_host"], "lakeside-staff.localhost");

    let refused = host.run(Some(token), &["--json", "tenant", "activate", id]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
    let problem: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(problem["code"], "tenant.not_ready");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2);

    let baa = ["--signed-on", "2024-01-31", "--expires-on", "2099-12-31", "--counterparty", "Lakeside PLLC"];
    let baa = [&["baa", "record", id][..], &baa, &["--document-reference", "contracts/1.pdf"]].concat();
    assert_eq!(host.json(Some(token), &baa)["baa"]["current"], true);
    let owner = ["owner", "invite", id, "--email", "owner@lakeside.example", "--display-name", "Dr. Lee"];
    assert!(host.json(Some(token), &owner)["job_id"].is_string());
    assert_eq!(host.run(Some(token), &["tenant", "activate", id]).code, Some(1), "the owner has no account");
    host.owner_activates().await;
    assert_eq!(host.json(Some(token), &["tenant", "activate", id])["status"], "active");
    assert_eq!(host.json(Some(token), &["tenant", "show", id])["status"], "active");
    assert_eq!(host.json(Some(token), &["tenant", "list"])["items"][0]["slug"], "lakeside");
    let plain = host.run(Some(token), &["tenant", "list", "--status", "active"]);
    assert!(plain.out.contains("lakeside\tactive"), "{}", plain.out);

    let network = |act: &'static str, more: &[&str]| {
        host.json(Some(token), &[&["tenant", "network", act, id], more].concat())
    };
    let far = ["--anonymous", "100", "--sign-in-pages", "600", "--reason", "One address for all"];
    let raised = network("raise", &[&["2001:db8:1::/48"], &far[..]].concat());
    assert_eq!((&raised["anonymous_per_minute"], &raised["expires_at"]), (&100.into(), &Value::Null));
    let for_a_time = ["203.0.113.0/24", "--expires-at", "2099-12-31T23:59:59Z"];
    let raised = network("raise", &[&for_a_time, &far[..]].concat());
    assert_eq!(raised["expires_at"], "2099-12-31T23:59:59Z");
    assert_eq!(network("list", &[])["items"].as_array().unwrap().len(), 2);
    network("lower", &["2001:db8:1::/48"]);
    let plain = host.run(Some(token), &["tenant", "network", "list", id]);
    assert!(
        plain.out.contains("203.0.113.0/24\t100\t600\t2099-12-31T23:59:59Z\tOne address"),
        "{}",
        plain.out
    );
    let above = ["--anonymous", "101", "--sign-in-pages", "600", "--reason", "More"];
    let above =
        host.run(Some(token), &[&["tenant", "network", "raise", id, "203.0.113.0/24"], &above[..]].concat());
    assert_eq!(above.code, Some(2));
    assert!(above.err.contains("anonymous_per_minute: choose 10 to 100 (limit.range)"), "{}", above.err);

    let own = |act: &'static str, more: &[&str]| {
        host.json(Some(token), &[&["tenant", "host", act, id], more].concat())
    };
    let mapped = own("map", &["Portal.Lakeside-Clinic.example", "--site", "portal"]);
    assert_eq!(
        (&mapped["host"], &mapped["primary"]),
        (&"portal.lakeside-clinic.example".into(), &false.into())
    );
    assert_eq!(own("make-primary", &["portal.lakeside-clinic.example"])["primary"], true);
    assert_eq!(host.json(Some(token), &["tenant", "show", id])["portal_host"], mapped["host"]);
    let plain = host.run(Some(token), &["tenant", "host", "list", id]);
    assert!(plain.out.contains("lakeside.localhost\tportal\tfalse"), "{}", plain.out);
    assert!(plain.out.contains("portal.lakeside-clinic.example\tportal\ttrue"), "{}", plain.out);
    let kept = host.run(Some(token), &["tenant", "host", "remove", id, "portal.lakeside-clinic.example"]);
    assert_eq!(kept.code, Some(1));
    assert!(kept.err.contains("make another one primary first"), "{}", kept.err);
    own("make-primary", &["lakeside.localhost"]);
    own("remove", &["portal.lakeside-clinic.example"]);
    assert_eq!(own("list", &[])["items"].as_array().unwrap().len(), 2);
    let reserved =
        host.run(Some(token), &["tenant", "host", "map", id, "portal.localhost", "--site", "portal"]);
    assert_eq!(reserved.code, Some(2));
    assert!(reserved.err.contains("host: the platform's domain"), "{}", reserved.err);

    let id = issued["id"].as_str().unwrap();
    assert_eq!(host.json(None, &["token", "list"])["items"][0]["id"], id);
    host.json(None, &["token", "revoke", id]);
    let ended = host.run(Some(token), &["tenant", "list"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("operator.unauthenticated"), "{}", ended.err);
    host.json(None, &["operator", "disable", "--email", "olive@platform.example"]);
    assert_eq!(host.json(None, &["operator", "list"])["items"][0]["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_commands_say_what_is_wrong() {
    let host = Host::new().await;
    let before = host.run(Some("x"), &["tenant", "list"]);
    assert!(before.err.contains("platform.no_keys"), "{}", before.err);
    host.json(None, &["operator", "create", "--name", "Olive Ops", "--email", "olive@platform.example"]);
    let issue = |more: &[&str]| {
        host.run(None, &[&["token", "issue", "--operator", "olive@platform.example"], more].concat())
    };
    for (ended, said) in [
        (host.run(None, &["tenant", "list"]), "CLOISTER_ADMIN_TOKEN"),
        (host.run(None, &["operator", "create", "--name", "", "--email", "olive"]), "email.format"),
        (issue(&["--scope", "approvals:write"]), "scope.unknown"),
        (issue(&["--scope", "tenants:read", "--ttl", "13h"]), "token.life"),
        (issue(&["--scope", "tenants:read", "--ttl", "soon"]), "12h"),
        (issue(&[]), "--scope"),
        (host.run(None, &["token", "approve"]), "unrecognized"),
        (host.run(None, &["tenant", "show", "lakeside"]), "invalid value"),
    ] {
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains(said), "{said} in {}", ended.err);
    }
    let again =
        host.run(None, &["operator", "create", "--name", "Olive", "--email", "OLIVE@platform.example"]);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("operator.exists"), "{}", again.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_the_settings_need_no_settings() {
    for arguments in [["openapi"], ["settings"]] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_cloister-admin")).env_clear().args(arguments).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty());
    }
}
