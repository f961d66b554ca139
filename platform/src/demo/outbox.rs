//! The demonstration's outbox page: the mails that would have been sent, and everybody's current TOTP code.

use std::fmt::Write;

use cloister_identity::TotpSecret;
use cloister_notify::Mailbox;
use time::OffsetDateTime;

use super::people::{PASSWORD, Seeded};

/// The page's style sheet, at `/outbox.css`.
pub(super) const STYLE: &str = include_str!("outbox.css");

/// The page. It reloads itself, since codes change every thirty seconds.
pub(super) fn page(seeded: Option<&Seeded>, mails: &[(String, Mailbox)], now: OffsetDateTime) -> String {
    let mut body = String::new();
    body.push_str(
        "<header><h1>Outbox</h1><p>What this demonstration would have sent, and what its people's phones show. \
         A real installation has no such page.</p></header><main>",
    );
    if let Some(seeded) = seeded {
        sign_ins(&mut body, seeded, now);
    }
    messages(&mut body, mails);
    body.push_str("</main>");
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Outbox · Cloister demonstration</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"refresh\" content=\"10\"><link rel=\"stylesheet\" href=\"/outbox.css\"></head>\
         <body>{body}</body></html>"
    )
}

fn sign_ins(body: &mut String, seeded: &Seeded, now: OffsetDateTime) {
    let left = 30 - now.unix_timestamp().rem_euclid(30);
    let _ = write!(
        body,
        "<section><h2>Sign-ins</h2><p>Everybody's password is <code>{}</code>. The codes hold for {left} more seconds; \
         each works once.</p>",
        escape(PASSWORD)
    );
    for clinic in &seeded.clinics {
        let _ = write!(
            body,
            "<h3>{}</h3><table><thead><tr><th scope=\"col\">Who</th><th scope=\"col\">Email</th>\
             <th scope=\"col\">Code now</th><th scope=\"col\">Where</th></tr></thead><tbody>",
            escape(&clinic.name)
        );
        for person in &clinic.people {
            let origin =
                if person.role == "patient" { &clinic.portal_origin } else { &clinic.console_origin };
            let code = TotpSecret::from_base32(&person.totp_secret).and_then(|secret| secret.code_at(now));
            let _ = write!(
                body,
                "<tr><td>{} <small>{}</small></td><td>{}</td><td><code>{}</code></td>\
                 <td><a href=\"{origin}/sign-in\">{origin}</a></td></tr>",
                escape(&person.name),
                escape(&person.role),
                escape(&person.email),
                code.unwrap_or_default(),
            );
        }
        body.push_str("</tbody></table>");
    }
    body.push_str("</section>");
}

fn messages(body: &mut String, mails: &[(String, Mailbox)]) {
    body.push_str("<section><h2>Mails</h2>");
    if mails.is_empty() {
        body.push_str("<p>Nothing was sent yet.</p>");
    }
    for (sent_at, mail) in mails {
        let _ = write!(
            body,
            "<article><h3>{}</h3><p><small>To {} · {}</small></p><pre>{}</pre></article>",
            escape(&mail.subject),
            escape(&mail.to),
            escape(sent_at),
            linked(&mail.text),
        );
    }
    body.push_str("</section>");
}

/// Escaped text with its links made clickable.
fn linked(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let escaped = escape(line);
        if line.starts_with("http://") || line.starts_with("https://") {
            lines.push(format!("<a href=\"{escaped}\">{escaped}</a>"));
        } else {
            lines.push(escaped);
        }
    }
    lines.join("\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn mails_are_shown_as_text_with_their_links_and_cannot_bring_markup() {
        let mail = Mailbox {
            to: "ana@example.org".into(),
            subject: "<script>alert(1)</script>".into(),
            text: "Hello <b>\n\nhttp://lakeside.localhost:8080/activate#token=abc\n".into(),
        };
        let page = page(None, &[("2026-03-01T12:00:00Z".into(), mail)], datetime!(2026-03-01 12:00 UTC));
        assert!(page.contains("<a href=\"http://lakeside.localhost:8080/activate#token=abc\">"));
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"));
    }
}
