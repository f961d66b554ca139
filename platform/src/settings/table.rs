//! Every setting there is: the one list that reading, the README's table and refusals come from.

use std::fmt::Write as _;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Dotted name, as in the TOML file. In the environment: `CLOISTER_`, upper case, `__` for the dot.
    pub name: &'static str,
    /// What holds when it is not given; empty for nothing.
    pub default: &'static str,
    /// Whether it is a secret: then it can also be given as the path of a file, by the name with `_file` appended.
    pub secret: bool,
    /// What it does.
    pub meaning: &'static str,
}

const fn setting(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, secret: false, meaning }
}

const fn secret(name: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default: "", secret: true, meaning }
}

/// The table.
pub const SETTINGS: &[Setting] = &[
    setting("size", "production", "`production`, or `embedded`: one machine, SQLite, no other service."),
    setting("listen", "0.0.0.0:8443", "Address and port of the clinics' sites and APIs."),
    setting(
        "transport",
        "tls",
        "`tls`; `behind_proxy`: plain HTTP to a proxy of `proxy.networks` that ends TLS; `loopback`: plain HTTP on this \
         machine alone, for development.",
    ),
    setting(
        "internal_listen",
        "127.0.0.1:9090",
        "Address and port of `/metrics`; never expose it. Empty turns it off.",
    ),
    setting(
        "public.scheme",
        "https",
        "Scheme that browsers use: `https`, or `http` with `transport` `loopback`.",
    ),
    setting("public.port", "", "Port that browsers use, where it is not the scheme's own."),
    setting(
        "tls.certificate",
        "",
        "PEM file with the certificate chain, leaf first; read again every five minutes.",
    ),
    setting("tls.key", "", "PEM file with the certificate's private key."),
    setting("tls.oldest", "1.3", "`1.3`, or `1.2` as an explicit exception for old clients."),
    setting(
        "proxy.networks",
        "",
        "Networks that our own proxies call from, such as `10.0.0.0/8`, separated by commas.",
    ),
    setting("proxy.hops", "0", "How many of our own proxies each request passes."),
    setting(
        "app_origins",
        "",
        "Origins of registered apps that may call `/fhir` and `/oauth/token`, separated by commas.",
    ),
    secret(
        "database.url",
        "`postgres://...` (on another machine with `sslmode=verify-full`), or `sqlite:///path` with size `embedded`.",
    ),
    setting("database.connections", "16", "The most PostgreSQL connections of this process."),
    secret(
        "redis.url",
        "`rediss://...`; with size `embedded` it may be left out: then sessions live in this process.",
    ),
    setting(
        "redis.authority",
        "",
        "PEM file with the certificates to trust for Redis instead of the machine's.",
    ),
    setting("keys.service", "aws", "`aws` (KMS), or `local`: a key file."),
    setting("keys.file", "", "The key file of `keys.service` `local`."),
    setting("keys.accept_file", "false", "Accept a key file with size `production` all the same."),
    setting("keys.region", "", "AWS region; without it the SDK's own sources are asked."),
    setting("keys.endpoint", "", "Another address of KMS, such as a VPC endpoint."),
    setting("keys.cached", "10000", "The most opened data keys held at once."),
    setting("mail.carrier", "smtp", "`smtp`, or with size `embedded` `folder`: mails are kept as files."),
    setting("mail.folder", "", "The folder of `mail.carrier` `folder`."),
    setting("mail.host", "", "The SMTP server."),
    setting("mail.port", "587", "Its port."),
    setting(
        "mail.security",
        "starttls",
        "`starttls`, `implicit`, or `loopback`: no TLS, to this machine alone.",
    ),
    setting("mail.user", "", "The account at the SMTP server."),
    secret("mail.password", "Its password."),
    setting("mail.from", "", "The sender, such as `Lakeside <no-reply@portal.example>`."),
    setting("mail.vendor", "", "Who runs the SMTP server, as written in the agreement."),
    setting(
        "mail.agreement.from",
        "",
        "First day of the agreement (BAA) with that vendor. Without a current one no mail leaves.",
    ),
    setting("mail.agreement.until", "", "Last day of that agreement."),
    setting(
        "sign_in.breached_passwords",
        "",
        "File of SHA-1 hashes of breached passwords, beside the built-in list.",
    ),
    setting(
        "sign_in.hashes_at_once",
        "",
        "Password hashes computed at once (25 ms of one core and 19 MiB each), usually one a core; they yield to everything else.",
    ),
    setting(
        "sign_in.hashes_waiting",
        "256",
        "Sign-ins that may wait for their hash; the next is answered 503.",
    ),
    setting(
        "limits.anonymous",
        "10",
        "Calls a minute that one address may make at a clinic without being signed in.",
    ),
    setting(
        "limits.flow_pages",
        "60",
        "Sign-in pages that one address may open at a clinic in a minute; up to 600 more for a proof of work each.",
    ),
    setting("limits.signed_in", "100", "Calls a minute of one person, over all their sessions."),
    setting(
        "limits.bearer",
        "600",
        "Calls a minute with access tokens that one address may make at a clinic.",
    ),
    setting("limits.machine", "300", "Calls a minute of one record system."),
    setting(
        "shutdown.notice",
        "0",
        "Seconds for which `serve`, told to stop, still answers while `/readyz` says 503, so that load balancers leave first.",
    ),
    setting("work.at_once", "4", "Jobs that one worker runs at once."),
    setting("log", "info", "What is logged, as in `RUST_LOG`."),
];

/// The table as Markdown, for the README.
pub fn markdown() -> String {
    let mut text = String::from("| setting | environment | default | meaning |\n|---|---|---|---|\n");
    for setting in SETTINGS {
        let default =
            if setting.default.is_empty() { String::new() } else { format!("`{}`", setting.default) };
        let file = if setting.secret { " Secret: also as a file by its name with `_FILE`." } else { "" };
        let variable = variable(setting.name);
        let _ =
            writeln!(text, "| `{}` | `{variable}` | {default} | {}{file} |", setting.name, setting.meaning);
    }
    text
}

/// The table for programs.
pub fn json() -> String {
    let rows: Vec<serde_json::Value> = SETTINGS
        .iter()
        .map(|setting| {
            serde_json::json!({
                "name": setting.name,
                "variable": variable(setting.name),
                "default": setting.default,
                "secret": setting.secret,
                "meaning": setting.meaning,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::json!({ "items": rows }))
}

/// The environment variable of a setting.
pub fn variable(name: &str) -> String {
    format!("CLOISTER_{}", name.to_ascii_uppercase().replace('.', "__"))
}
