//! The words of every message, in every language.

mod en;
mod es;

use crate::{Locale, MessageContent};

/// A message in words.
pub(crate) struct Wording {
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

/// One message as a language writes it: paragraphs, and the link that stands after them.
pub(crate) struct Letter<'a> {
    pub(crate) subject: String,
    pub(crate) paragraphs: Vec<String>,
    pub(crate) link: Option<&'a str>,
    pub(crate) closing: &'static str,
}

/// Words a message in the given language.
pub(crate) fn word(content: &MessageContent, locale: Locale) -> Wording {
    let letter = match locale {
        Locale::En => en::letter(content),
        Locale::Es => es::letter(content),
    };
    Wording { text: plain(&letter), html: hypertext(&letter, locale), subject: letter.subject }
}

fn plain(letter: &Letter<'_>) -> String {
    let mut parts = letter.paragraphs.clone();
    parts.extend(letter.link.map(str::to_owned));
    parts.push(letter.closing.to_owned());
    parts.join("\n\n") + "\n"
}

fn hypertext(letter: &Letter<'_>, locale: Locale) -> String {
    let mut body = String::new();
    for paragraph in &letter.paragraphs {
        body.push_str(&format!("<p>{}</p>", escape(paragraph)));
    }
    if let Some(link) = letter.link {
        let link = escape(link);
        body.push_str(&format!("<p><a href=\"{link}\">{link}</a></p>"));
    }
    body.push_str(&format!("<p>{}</p>", escape(letter.closing)));
    format!("<!doctype html><html lang=\"{}\"><body>{body}</body></html>", locale.as_str())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use cloister_kernel::Pii;

    use super::*;
    use crate::{Mail, MailError};

    fn invitation(clinic: &str) -> MessageContent {
        MessageContent::PatientInvitation {
            clinic: clinic.into(),
            link: "https://lakeside.example/activate#token=abc".into(),
            expires_on: "2026-07-07".into(),
        }
    }

    #[test]
    fn every_message_is_worded_in_both_languages_and_differently() {
        let link = "https://lakeside.example/activate#token=abc".to_owned();
        let (clinic, expires_on) = ("Lakeside".to_owned(), "2026-07-07".to_owned());
        for content in [
            invitation("Lakeside"),
            MessageContent::StaffInvitation {
                clinic: clinic.clone(),
                link: link.clone(),
                expires_on: expires_on.clone(),
            },
            MessageContent::OwnerInvitation { clinic: clinic.clone(), link, expires_on },
            MessageContent::OwnerClinicCode { clinic: clinic.clone(), code: "K7M2-QX9D".into() },
            MessageContent::AccountLocked { clinic, minutes: 30 },
        ] {
            let (english, spanish) = (word(&content, Locale::En), word(&content, Locale::Es));
            assert!(english.text.contains("Lakeside") && spanish.text.contains("Lakeside"));
            assert_ne!(english.subject, spanish.subject);
            assert_ne!(english.text, spanish.text);
        }
    }

    #[test]
    fn a_clinic_name_cannot_bring_markup_into_the_mail() {
        let html = word(&invitation("<img src=x> & \"Sons\""), Locale::En).html;
        assert!(html.contains("&lt;img src=x&gt; &amp; &quot;Sons&quot;"));
        assert!(!html.contains("<img"));
    }

    #[test]
    fn neither_name_nor_address_can_add_a_header() {
        let wording = word(&invitation("Lakeside\r\nBcc: eve@example.org"), Locale::En);
        let mail = Mail::new(&Pii::new("ana@example.org".into()), wording).unwrap();
        assert!(!mail.subject.expose().contains(['\r', '\n']));
        for address in
            ["a@example.org\r\nBcc: eve@example.org", "a@example.org, eve@example.org", "nobody", ""]
        {
            let wording = word(&invitation("Lakeside"), Locale::En);
            assert!(matches!(Mail::new(&Pii::new(address.into()), wording), Err(MailError::Address)));
        }
    }
}
