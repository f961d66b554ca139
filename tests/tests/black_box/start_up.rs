//! The two programs as shipped: what they refuse to start with, and that they say why.
//!
//! `CLOISTER_TEST_BINARIES` names the folder with both; the test run builds them.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use cloister_testkit::{KeyServer, Postgres, Redis, app::Size};

fn program(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os("CLOISTER_TEST_BINARIES").map(|folder| PathBuf::from(folder).join(name));
    let found = found.filter(|path| path.is_file());
    if found.is_none() {
        println!("NOT RUN: no programs (CLOISTER_TEST_BINARIES)");
    }
    found
}

fn run(name: &PathBuf, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    run_for("60", name, arguments, settings)
}

/// Ends the program after this many seconds, with status 124.
fn run_for(seconds: &str, name: &PathBuf, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    let mut command = Command::new("timeout");
    command.arg(seconds).arg(name).args(arguments);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CLOISTER_") {
            command.env_remove(name);
        }
    }
    command.envs(settings.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn both_programs_say_what_they_can_do_and_which_settings_they_take() {
    for (name, words) in [
        ("cloister", ["serve", "work", "migrate", "demo"]),
        ("cloister-admin", ["serve", "operator", "token", "tenant"]),
    ] {
        let Some(path) = program(name) else { return };
        let help = run(&path, &["--help"], &[]);
        assert!(help.status.success());
        for word in words {
            assert!(said(&help).contains(word), "{name} --help names {word}: {}", said(&help));
        }
        assert!(said(&run(&path, &["settings"], &[])).contains("DATABASE__URL"));
        let document: &[&str] = if name == "cloister" { &["openapi"] } else { &["--json", "openapi"] };
        let document = run(&path, document, &[]);
        let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
        assert!(!cloister_tests::documented(&document).is_empty());
        assert!(!run(&path, &["nonsense"], &[]).status.success());
    }
}

#[test]
fn a_wrong_setting_is_named_and_its_value_is_not_repeated() {
    let Some(cloister) = program("cloister") else { return };
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[], "CLOISTER_DATABASE__URL"),
        (&[("CLOISTER_DATABSE__URL", "canary-value")], "CLOISTER_DATABSE__URL"),
        (&[("CLOISTER_SIZE", "canary-value")], "CLOISTER_SIZE"),
        (&[("CLOISTER_DATABASE__URL", "mysql://canary-value")], "CLOISTER_DATABASE__URL"),
        (&[("CLOISTER_DATABASE__URL", "sqlite:///canary-value")], "CLOISTER_DATABASE__URL"),
    ];
    let transport = [("CLOISTER_TRANSPORT", "loopback"), ("CLOISTER_LISTEN", "127.0.0.1:0")];
    for (settings, named) in cases {
        let output = run(&cloister, &["serve"], &[settings, transport.as_slice()].concat());
        assert!(!output.status.success(), "{settings:?}");
        assert!(said(&output).contains(named), "{settings:?}: {}", said(&output));
        assert!(!said(&output).contains("canary-value"), "{settings:?}: {}", said(&output));
        assert!(!said(&output).contains("panicked"), "{}", said(&output));
    }
}

#[test]
fn serve_refuses_a_database_whose_isolation_is_not_in_force() {
    if Size::of_this_run() == Size::Embedded {
        println!("NOT RUN: SQLite has no row security (the production size runs this)");
        return;
    }
    let Some(cloister) = program("cloister") else { return };
    let (postgres, redis, keys) = (
        Postgres::given_or_started().unwrap(),
        Redis::given_or_started().unwrap(),
        KeyServer::given_or_started().unwrap(),
    );
    let database = postgres.scratch_database().unwrap();
    let migrated = run(&cloister, &["migrate"], &[("CLOISTER_DATABASE__URL", database.url())]);
    assert!(migrated.status.success(), "{}", said(&migrated));
    let again = run(&cloister, &["migrate"], &[("CLOISTER_DATABASE__URL", database.url())]);
    assert!(again.status.success(), "migrating twice is migrating once: {}", said(&again));
    let role = format!("start_{}", database.name());
    database.execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'test' IN ROLE cloister_serve")).unwrap();
    let authority = redis.authority().display().to_string();
    let serve = |url: &str, seconds: &str| {
        run_for(
            seconds,
            &cloister,
            &["serve"],
            &[
                ("CLOISTER_DATABASE__URL", url),
                ("CLOISTER_REDIS__URL", redis.url()),
                ("CLOISTER_REDIS__AUTHORITY", &authority),
                ("CLOISTER_KEYS__REGION", "us-east-1"),
                ("CLOISTER_KEYS__ENDPOINT", keys.endpoint()),
                ("CLOISTER_TRANSPORT", "loopback"),
                ("CLOISTER_PUBLIC__SCHEME", "http"),
                ("CLOISTER_LISTEN", "127.0.0.1:0"),
                ("CLOISTER_INTERNAL_LISTEN", ""),
            ],
        )
    };
    let own = database.url_for(&role, "test");
    // 124: it served until `timeout` ended it. What is refused below is refused for what was broken.
    let healthy = serve(&own, "5");
    assert_eq!(healthy.status.code(), Some(124), "{}", said(&healthy));
    for (break_it, mend_it) in [
        ("ALTER TABLE patients NO FORCE ROW LEVEL SECURITY", "ALTER TABLE patients FORCE ROW LEVEL SECURITY"),
        (
            "ALTER TABLE resources DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE resources ENABLE ROW LEVEL SECURITY",
        ),
        ("GRANT UPDATE ON events TO cloister_serve", "REVOKE UPDATE ON events FROM cloister_serve"),
        ("CREATE TABLE strangers (id int)", "DROP TABLE strangers"),
        ("CREATE POLICY open_house ON patients USING (true)", "DROP POLICY open_house ON patients"),
    ] {
        database.execute(break_it).unwrap();
        let output = serve(&own, "60");
        assert!(
            !output.status.success() && output.status.code() != Some(124),
            "{break_it}: {}",
            said(&output)
        );
        assert!(said(&output).contains("the database"), "{break_it}: {}", said(&output));
        database.execute(mend_it).unwrap();
    }
    let superuser = serve(database.url(), "60");
    assert!(!superuser.status.success() && superuser.status.code() != Some(124), "{}", said(&superuser));
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).unwrap();
}
