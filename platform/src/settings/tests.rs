use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::read(None, pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

const PRODUCTION: [(&str, &str); 4] = [
    ("CLOISTER_DATABASE__URL", "postgres://serve@db/cloister?sslmode=verify-full"),
    ("CLOISTER_REDIS__URL", "rediss://redis"),
    ("CLOISTER_TLS__CERTIFICATE", "chain.pem"),
    ("CLOISTER_TLS__KEY", "key.pem"),
];

fn with(more: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    read(&[&PRODUCTION, more].concat())
}

#[test]
fn production_is_the_default_and_needs_its_services() {
    let settings = with(&[]).unwrap();
    assert_eq!((settings.size, settings.listen.transport), (Size::Production, Transport::Tls));
    for missing in 0..PRODUCTION.len() {
        let mut pairs = PRODUCTION.to_vec();
        let (name, _) = pairs.remove(missing);
        assert!(read(&pairs).unwrap_err().to_string().contains(name.trim_end_matches("__KEY")), "{name}");
    }
}

#[test]
fn the_notice_is_in_seconds_and_bounded() {
    assert_eq!(with(&[]).unwrap().notice, Duration::ZERO);
    assert_eq!(with(&[("CLOISTER_SHUTDOWN__NOTICE", "15")]).unwrap().notice, Duration::from_secs(15));
    for wrong in ["3601", "-1", "15s"] {
        assert!(with(&[("CLOISTER_SHUTDOWN__NOTICE", wrong)]).is_err(), "{wrong}");
    }
}

#[test]
fn programs_read_the_same_table() {
    let table: serde_json::Value = serde_json::from_str(&json()).unwrap();
    let rows = table["items"].as_array().unwrap();
    assert_eq!(rows.len(), SETTINGS.len());
    let url = rows.iter().find(|row| row["variable"] == "CLOISTER_DATABASE__URL").unwrap();
    assert_eq!((url["name"].as_str(), url["secret"].as_bool()), (Some("database.url"), Some(true)));
}

#[test]
fn refusals_name_the_setting_and_keep_the_value_to_themselves() {
    for (name, value) in [
        ("CLOISTER_TRANSPORT", "plain"),
        ("CLOISTER_PUBLIC__SCHEME", "http"),
        ("CLOISTER_PUBLIC__PORT", "70000"),
        ("CLOISTER_DATABASE__URL", "mysql://secret-value"),
        ("CLOISTER_DATABASE__URL", "sqlite:///secret-value"),
        ("CLOISTER_DATABASE__URL", "postgres://serve:secret-value@db/cloister"),
        ("CLOISTER_DATABASE__URL", "postgres://serve:secret-value@db/cloister?sslmode=require"),
        ("CLOISTER_DATABASE__URL", "postgres://serve:secret-value@localhost/cloister?host=db"),
        ("CLOISTER_DATABASE__URL", "postgres://serve:secret-value@localhost.example/cloister"),
        ("CLOISTER_DATABASE__CONNECTIONS", "0"),
        ("CLOISTER_REDIS__URL", "redis://secret-value"),
        ("CLOISTER_KEYS__SERVICE", "local"),
        ("CLOISTER_KEYS__ENDPOINT", "http://kms.example"),
        ("CLOISTER_MAIL__CARRIER", "folder"),
        ("CLOISTER_PROXY__NETWORKS", "10.0.0.0"),
        ("CLOISTER_WORK__AT_ONCE", "-1"),
        ("CLOISTER_LIMITS__SIGNED_IN", "0"),
    ] {
        let text = with(&[(name, value)]).unwrap_err().to_string();
        assert!(text.contains(name), "{name}: {text}");
        assert!(!text.contains("secret-value"), "{text}");
    }
    with(&[("CLOISTER_DATABASE__URL", "postgres://serve@localhost:5432/cloister")]).unwrap();
    with(&[("CLOISTER_KEYS__ENDPOINT", "http://127.0.0.1:5000")]).unwrap();
    let behind = with(&[("CLOISTER_TRANSPORT", "behind_proxy")]).unwrap_err();
    assert!(behind.to_string().contains("CLOISTER_PROXY__NETWORKS"));
    let open = with(&[("CLOISTER_TRANSPORT", "loopback")]).unwrap_err();
    assert!(open.to_string().contains("CLOISTER_LISTEN"));
}

#[test]
fn unknown_settings_are_refused_wherever_they_stand() {
    let unknown = with(&[("CLOISTER_DATABSE__URL", "x")]).unwrap_err();
    assert!(matches!(unknown, SettingsError::Unknown(name) if name == "CLOISTER_DATABSE__URL"));
    with(&[("CLOISTER_TEST_SIZE", "embedded"), ("PATH", "/bin")]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cloister.toml");
    std::fs::write(&file, "[database]\nurl = \"postgres://a\"\nurls = \"x\"\n").unwrap();
    let error = Settings::read(Some(&file), []).unwrap_err();
    assert!(matches!(error, SettingsError::Unknown(name) if name == "database.urls"));
}

#[test]
fn a_file_gives_values_the_environment_overrides_it_and_secrets_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cloister.toml");
    let url = folder.path().join("url");
    std::fs::write(&url, "sqlite:///data/cloister.db\n").unwrap();
    let text = format!(
        "size = \"embedded\"\ntransport = \"loopback\"\nlisten = \"127.0.0.1:8080\"\n\
         [proxy]\nnetworks = [\"10.0.0.0/8\", \"fd00::/8\"]\nhops = 1\n[keys]\nservice = \"local\"\nfile = \"keys\"\n\
         [database]\nurl_file = \"{}\"\n[public]\nscheme = \"http\"\nport = 8080\n",
        url.display()
    );
    std::fs::write(&file, text).unwrap();
    let override_port = [("CLOISTER_PUBLIC__PORT".to_owned(), "9090".to_owned())];
    let settings = Settings::read(Some(&file), override_port).unwrap();
    assert_eq!(settings.public, PublicAddress { scheme: "http", port: Some(9090) });
    assert_eq!(settings.database.url.expose_secret(), "sqlite:///data/cloister.db");
    assert_eq!(settings.listen.hops.networks.len(), 2);
    assert!(settings.redis.is_none());
    assert!(!format!("{settings:?}").contains("/data/cloister.db"));
}

#[test]
fn limits_can_be_moved_and_default_to_what_the_edge_says() {
    let (usual, moved) =
        (with(&[]).unwrap().limits, with(&[("CLOISTER_LIMITS__MACHINE", "9000")]).unwrap().limits);
    assert_eq!(format!("{usual:?}"), format!("{:?}", Limits::default()));
    assert_eq!(moved.machine.calls, 9000);
    assert_eq!(moved.signed_in.calls, Limits::default().signed_in.calls);
}

#[test]
fn the_table_has_every_setting_once() {
    let mut names: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(markdown().contains("| `database.url` | `CLOISTER_DATABASE__URL` |"));
}

#[test]
fn the_readme_shows_the_table_as_it_is() {
    assert!(
        include_str!("../../../README.md").contains(&markdown()),
        "put the output of `cloister settings` into README.md"
    );
}
