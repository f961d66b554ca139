//! TLS versions, certificates that change, metrics.

use cloister_edge::{Certificates, Listener, Measurements, OldestTls, ServeSettings, metrics_routes, serve};
use reqwest::{Certificate, Client, Version, tls::Version as Tls};

use crate::support::{App, Setup};

fn client(certificates: &Certificates, newest: Option<Tls>) -> Client {
    let root = Certificate::from_der(&certificates.leaf()).unwrap();
    let mut builder = Client::builder().tls_certs_only([root]);
    if let Some(newest) = newest {
        builder = builder.tls_version_max(newest);
    }
    builder.build().unwrap()
}

async fn app(certificates: &Certificates, oldest: OldestTls) -> App {
    let listener = Listener::tls("127.0.0.1:0", certificates, oldest).await.unwrap();
    App::with(Setup { listener: Some(listener), ..Setup::default() }).await
}

#[tokio::test]
async fn only_tls_1_3_unless_told_otherwise() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let certificates = Certificates::self_signed(&["localhost"]).unwrap();
    for (oldest, old_client_gets_in) in [(OldestTls::V1_3, false), (OldestTls::V1_2, true)] {
        let app = app(&certificates, oldest).await;
        let url = format!("https://localhost:{}/api/v1/source", app.address.port());
        let modern = client(&certificates, None).get(&url).send().await.unwrap();
        assert_eq!((modern.status().as_u16(), modern.version()), (200, Version::HTTP_2));
        let old = client(&certificates, Some(Tls::TLS_1_2)).get(&url).send().await;
        assert_eq!(old.is_ok(), old_client_gets_in, "{oldest:?} {old:?}");
    }
}

#[tokio::test]
async fn a_changed_certificate_is_served_after_a_reload_and_a_broken_one_is_not() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let directory = tempfile::tempdir().unwrap();
    let (chain, key) = (directory.path().join("chain.pem"), directory.path().join("key.pem"));
    let write = || {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(&chain, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    };
    write();
    let certificates = Certificates::from_files(&chain, &key).unwrap();
    let app = app(&certificates, OldestTls::V1_3).await;
    let url = format!("https://localhost:{}/api/v1/source", app.address.port());
    let before = client(&certificates, None);
    before.get(&url).send().await.unwrap();
    write();
    certificates.reload().unwrap();
    let after = client(&certificates, None);
    after.get(&url).send().await.unwrap();
    let leaf = certificates.leaf();
    std::fs::write(&chain, "nonsense").unwrap();
    assert!(certificates.reload().is_err());
    assert_eq!(certificates.leaf(), leaf);
    assert!(Certificates::from_files(directory.path().join("absent"), &key).is_err());
}

#[tokio::test]
async fn a_busy_port_is_said_plainly() {
    let taken = Listener::plain("127.0.0.1:0").await.unwrap();
    let address = taken.address().to_string();
    let error = Listener::plain(&address).await.map(drop).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}

#[tokio::test]
async fn metrics_name_routes_by_template_on_their_own_listener() {
    let measurements = Measurements::start().unwrap();
    let app = App::start().await;
    let id = "018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e";
    app.ask(&format!("GET /api/v1/items/{id}?limit=7"), &[], "").await;
    app.ask("GET /patients/Ana-Canary?name=Canary", &[], "").await;
    app.ask("CANARY /nothing", &[], "").await;
    assert_eq!(app.ask("GET /metrics", &[], "").await.code(), "route.not_found");
    let listener = Listener::plain("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.address());
    tokio::spawn(serve(
        listener,
        ServeSettings::default(),
        metrics_routes(measurements),
        std::future::pending(),
    ));
    let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
    assert!(text.contains(r#"route="/api/v1/items/:param0""#), "{text}");
    assert!(text.contains(r#"route="unmatched""#), "{text}");
    assert!(!text.contains(id) && !text.to_lowercase().contains("canary"), "{text}");
    assert!(text.contains("http_request_duration_seconds_bucket"), "{text}");
}
