//! What is needed to create a tenant, checked as a whole so that every wrong field is named at once.

use cloister_kernel::{FieldError, Pii};
use sha2::{Digest, Sha256};

use crate::{
    colors::Colors,
    locality::{self, Locale},
    slug::Slug,
    text::{self, Email, MAX_NAME},
};

/// A request to create a tenant, as it came.
#[derive(Debug, Clone, Default)]
pub struct NewTenantRequest {
    /// The clinic's DNS label.
    pub slug: String,
    /// The clinic's name as patients know it.
    pub name: String,
    /// The region its data is placed in.
    pub region: String,
    /// Its IANA time zone.
    pub time_zone: String,
    /// The name of the person at the clinic who signs the business associate agreement.
    pub contact_name: String,
    /// That person's email.
    pub contact_email: String,
    /// The language new users see first.
    pub default_locale: String,
    /// Brand color and the color of text on it; none for the platform's own.
    pub colors: Option<(String, String)>,
}

/// A request that keeps every rule that can be checked without the database.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// The clinic's DNS label.
    pub slug: Slug,
    /// The clinic's name.
    pub name: String,
    /// The region its data is placed in.
    pub region: &'static str,
    /// Its IANA time zone.
    pub time_zone: &'static str,
    /// The contact's name.
    pub contact_name: Pii<String>,
    /// The contact's email.
    pub contact_email: Email,
    /// The language new users see first.
    pub default_locale: Locale,
    /// Brand colors.
    pub colors: Colors,
}

impl NewTenantRequest {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, each naming its field.
    pub fn check(self) -> Result<NewTenant, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut keep = |error: FieldError| errors.push(error);
        let slug = Slug::parse(&self.slug).map_err(&mut keep).ok();
        let name = text::line("name", &self.name, MAX_NAME).map_err(&mut keep).ok();
        let region = locality::region(&self.region).map_err(&mut keep).ok();
        let time_zone = locality::time_zone(&self.time_zone).map_err(&mut keep).ok();
        let contact_name = text::line("contact.name", &self.contact_name, MAX_NAME).map_err(&mut keep).ok();
        let contact_email = Email::parse("contact.email", &self.contact_email).map_err(&mut keep).ok();
        let default_locale = Locale::parse(&self.default_locale).map_err(&mut keep).ok();
        let colors = match &self.colors {
            None => Some(Colors::default()),
            Some((brand, on_brand)) => {
                Colors::parse(brand, on_brand).map_err(|found| errors.extend(found)).ok()
            }
        };
        match (slug, name, region, time_zone, contact_name, contact_email, default_locale, colors) {
            (
                Some(slug),
                Some(name),
                Some(region),
                Some(time_zone),
                Some(contact_name),
                Some(contact_email),
                Some(default_locale),
                Some(colors),
            ) => Ok(NewTenant {
                slug,
                name,
                region,
                time_zone,
                contact_name: Pii::new(contact_name),
                contact_email,
                default_locale,
                colors,
            }),
            _ => Err(errors),
        }
    }
}

impl NewTenant {
    /// A hash of everything asked for, each part length-prefixed: two requests are the same exactly when it is equal.
    pub fn request_hash(&self) -> [u8; 32] {
        let (brand, on_brand) = (self.colors.brand.to_string(), self.colors.on_brand.to_string());
        let mut hash = Sha256::new();
        for part in [
            "tenant.create",
            self.slug.as_str(),
            &self.name,
            self.region,
            self.time_zone,
            self.contact_name.expose(),
            self.contact_email.address().expose(),
            self.default_locale.as_str(),
            &brand,
            &on_brand,
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> NewTenantRequest {
        NewTenantRequest {
            slug: "lakeside".into(),
            name: "Lakeside Family Medicine".into(),
            region: "us-east-1".into(),
            time_zone: "America/Chicago".into(),
            contact_name: "Ana Lee".into(),
            contact_email: "ana.lee@example.org".into(),
            default_locale: "en".into(),
            colors: None,
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let wrong =
            NewTenantRequest { colors: Some(("red".into(), "#fff".into())), ..NewTenantRequest::default() };
        let errors = wrong.check().unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "slug",
                "name",
                "region",
                "time_zone",
                "contact.name",
                "contact.email",
                "default_locale",
                "colors.brand",
                "colors.on_brand"
            ]
        );
    }

    #[test]
    fn the_hash_changes_with_every_field_and_not_with_spelling() {
        let hash = |request: NewTenantRequest| request.check().unwrap().request_hash();
        let base = hash(request());
        assert_eq!(base, hash(NewTenantRequest { contact_email: "Ana.Lee@Example.org".into(), ..request() }));
        assert_eq!(base, hash(NewTenantRequest { name: " Lakeside Family Medicine ".into(), ..request() }));
        for other in [
            NewTenantRequest { slug: "riverside".into(), ..request() },
            NewTenantRequest { name: "Lakeside".into(), ..request() },
            NewTenantRequest { region: "us-west-2".into(), ..request() },
            NewTenantRequest { time_zone: "America/Denver".into(), ..request() },
            NewTenantRequest { contact_name: "Ana Li".into(), ..request() },
            NewTenantRequest { contact_email: "ana@example.org".into(), ..request() },
            NewTenantRequest { default_locale: "es".into(), ..request() },
            NewTenantRequest { colors: Some(("#000000".into(), "#ffffff".into())), ..request() },
        ] {
            assert_ne!(base, hash(other));
        }
    }

    #[test]
    fn personal_data_does_not_show_in_debug_output() {
        let shown = format!("{:?}", request().check().unwrap());
        assert!(!shown.contains("Ana Lee") && !shown.contains("ana.lee@"), "{shown}");
    }
}
