//! Slugs: the DNS label a clinic is known by, and what may not be one.
//!
//! A slug becomes two public host names, so two slugs that a person could take for each other must never both
//! exist. [`Slug::skeleton`] maps look-alikes to one spelling; the database holds it unique.

use std::fmt;

use cloister_kernel::FieldError;

/// Fewest characters of a slug.
pub const MIN_LENGTH: usize = 3;
/// Most characters of a slug.
pub const MAX_LENGTH: usize = 40;

/// Names that are, or could be taken for, the platform's own hosts. Look-alikes of them are refused too.
pub const RESERVED: &[&str] = &[
    "about",
    "abuse",
    "account",
    "accounts",
    "admin",
    "administrator",
    "api",
    "app",
    "apps",
    "assets",
    "audit",
    "auth",
    "autoconfig",
    "autodiscover",
    "backup",
    "billing",
    "blog",
    "cdn",
    "cloister",
    "clinic",
    "clinics",
    "console",
    "contact",
    "demo",
    "dev",
    "dns",
    "docs",
    "email",
    "example",
    "fhir",
    "ftp",
    "health",
    "healthz",
    "help",
    "hostmaster",
    "idp",
    "imap",
    "info",
    "internal",
    "invalid",
    "invite",
    "legal",
    "local",
    "localhost",
    "login",
    "logout",
    "mail",
    "metrics",
    "mta-sts",
    "mx1",
    "mx2",
    "news",
    "noc",
    "ns1",
    "ns2",
    "oauth",
    "oncall",
    "operator",
    "operators",
    "ops",
    "outbox",
    "patient",
    "patients",
    "platform",
    "pop3",
    "portal",
    "postmaster",
    "privacy",
    "prod",
    "production",
    "register",
    "root",
    "saml",
    "scim",
    "security",
    "server",
    "signin",
    "signup",
    "smtp",
    "ssl",
    "sso",
    "stage",
    "staging",
    "static",
    "status",
    "support",
    "system",
    "tenant",
    "tenants",
    "test",
    "testing",
    "tls",
    "token",
    "trust",
    "usenet",
    "uucp",
    "vpn",
    "webmail",
    "webmaster",
    "well-known",
    "wpad",
    "www",
    "www1",
    "www2",
];

/// What a console host's label ends with: `SLUG-staff`.
pub const CONSOLE_SUFFIX: &str = "-staff";

/// A slug that keeps every rule that can be checked without the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// Checks a slug. Upper case is refused, not folded: a slug has one spelling.
    ///
    /// # Errors
    /// A [`FieldError`] on `slug` with one of the codes `slug.length`, `slug.character`, `slug.hyphen`,
    /// `slug.punycode`, `slug.digits`, `slug.suffix` or `slug.reserved`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let refuse = |code, reason: &str| Err(FieldError::new("slug", code, reason));
        if !text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-') {
            return refuse("slug.character", "use lower-case letters a to z, digits and hyphens only");
        }
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
            return refuse("slug.length", "use 3 to 40 characters");
        }
        if text.starts_with("xn--") {
            return refuse("slug.punycode", "internationalised (xn--) labels are not accepted");
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return refuse("slug.hyphen", "a hyphen stands between two other characters");
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return refuse("slug.digits", "at least one letter is needed");
        }
        let skeleton = skeleton_of(text);
        if skeleton.ends_with(&skeleton_of(CONSOLE_SUFFIX)) {
            return refuse(
                "slug.suffix",
                "the ending -staff, or one that looks like it, names staff consoles",
            );
        }
        if RESERVED.iter().any(|word| skeleton_of(word) == skeleton) {
            return refuse("slug.reserved", "this name, or one that looks like it, belongs to the platform");
        }
        Ok(Self(text.to_owned()))
    }

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling shared by everything that looks like this slug.
    pub fn skeleton(&self) -> String {
        skeleton_of(&self.0)
    }

    /// The label of the patients' portal host.
    pub fn portal_label(&self) -> &str {
        &self.0
    }

    /// The label of the staff console host.
    pub fn console_label(&self) -> String {
        format!("{}{CONSOLE_SUFFIX}", self.0)
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Folds look-alikes: hyphens vanish, digits become the letters they are drawn like, and letter pairs that read as
/// one letter become it. The letters follow Unicode's confusables (UTS 39) for ASCII, plus common leet spellings.
fn skeleton_of(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '-' => {}
            '0' => folded.push('o'),
            '1' | 'i' | 'j' => folded.push('l'),
            '2' => folded.push('z'),
            '3' => folded.push('e'),
            '4' => folded.push('a'),
            '5' => folded.push('s'),
            '6' | '8' => folded.push('b'),
            '7' => folded.push('t'),
            '9' | 'q' => folded.push('g'),
            'u' => folded.push('v'),
            other => folded.push(other),
        }
    }
    folded.replace("rn", "m").replace("vv", "w").replace("cl", "d")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        Slug::parse(text).unwrap_err().code
    }

    #[test]
    fn ordinary_names_are_accepted_and_give_two_labels() {
        for text in ["lakeside", "st-marys", "clinic24", "a1b", "zahnarzt-mueller", "riverside-pediatrics"] {
            assert_eq!(Slug::parse(text).unwrap().as_str(), text);
        }
        let slug = Slug::parse("lakeside").unwrap();
        assert_eq!(slug.portal_label(), "lakeside");
        assert_eq!(slug.console_label(), "lakeside-staff");
        let longest = "a".repeat(MAX_LENGTH);
        assert!(Slug::parse(&longest).unwrap().console_label().len() <= 63);
    }

    #[test]
    fn what_is_no_label_is_refused_by_name_of_the_rule() {
        for (text, expected) in [
            ("", "slug.length"),
            ("ab", "slug.length"),
            (&"a".repeat(41), "slug.length"),
            ("Lakeside", "slug.character"),
            ("lake side", "slug.character"),
            ("lake.side", "slug.character"),
            ("lake_side", "slug.character"),
            ("läkeside", "slug.character"),
            ("l\u{0430}keside", "slug.character"),
            ("lakeside\n", "slug.character"),
            ("-lakeside", "slug.hyphen"),
            ("lakeside-", "slug.hyphen"),
            ("lake--side", "slug.hyphen"),
            ("xn--lkeside-4za", "slug.punycode"),
            ("12345", "slug.digits"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn console_hosts_cannot_be_imitated() {
        for text in ["lakeside-staff", "lakesidestaff", "lakeside-5taff", "lakeside-st4ff", "xstaff"] {
            assert_eq!(code(text), "slug.suffix", "{text}");
        }
        assert!(Slug::parse("staffing-agency").is_ok());
    }

    #[test]
    fn reserved_names_and_their_look_alikes_are_refused() {
        for text in RESERVED {
            assert!(Slug::parse(text).is_err(), "{text}");
        }
        for text in
            ["adm1n", "4dmin", "adrnin", "a-p-i", "vvww", "0utb0x", "log1n", "ma1l", "5tatus", "a-d-m-i-n"]
        {
            assert_eq!(code(text), "slug.reserved", "{text}");
        }
        assert_eq!(code("staff"), "slug.suffix");
    }

    #[test]
    fn look_alikes_share_a_skeleton_and_different_names_do_not() {
        let skeleton = |text: &str| Slug::parse(text).unwrap().skeleton();
        for other in ["1akeside", "lake-side", "lakes1de", "lakesjde", "l4keside", "lak3side", "lakeslde"] {
            assert_eq!(skeleton("lakeside"), skeleton(other), "{other}");
        }
        assert_eq!(skeleton("modern-care"), skeleton("rnodern-care"));
        assert_eq!(skeleton("westwood"), skeleton("vvestwood"));
        assert_eq!(skeleton("cleveland"), skeleton("develand"));
        assert_eq!(skeleton("sunrise"), skeleton("svnrise"));
        for other in ["riverside", "lakesides", "lakewide", "bakeside"] {
            assert_ne!(skeleton("lakeside"), skeleton(other), "{other}");
        }
    }
}
