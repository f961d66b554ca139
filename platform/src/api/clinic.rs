//! The clinic whose site this is.

use cloister_edge::Problem;
use cloister_kernel::Audience as Site;
use poem::http::StatusCode;
use poem_openapi::{Enum, Object, OpenApi, payload::Json};
use serde::Deserialize;

use super::{answers::Answer, context::Looker};

/// Which of a clinic's two sites this is.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum Audience {
    /// The patients' portal.
    Portal,
    /// The staff console.
    Console,
}

/// Languages that the sites speak.
#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
pub(crate) enum ClinicLocale {
    /// English.
    En,
    /// Spanish.
    Es,
}

/// A clinic's colors, `#rrggbb`.
#[derive(Debug, Object, Deserialize)]
pub(crate) struct ClinicColors {
    /// Buttons and headers.
    brand: String,
    /// Text on `brand`.
    on_brand: String,
}

/// The clinic as everybody may know it.
#[derive(Debug, Object)]
pub(crate) struct Clinic {
    /// Its name.
    name: String,
    /// Its DNS label.
    slug: String,
    /// Which of its sites this is.
    audience: Audience,
    /// Its colors.
    colors: ClinicColors,
    /// Where its logo is.
    logo_url: Option<String>,
    /// Its IANA time zone.
    time_zone: String,
    /// The language where a person chose none.
    default_locale: ClinicLocale,
}

pub(crate) struct ClinicApi;

#[OpenApi]
impl ClinicApi {
    /// The clinic whose site this is
    #[oai(path = "/api/v1/clinic", method = "get", operation_id = "get_clinic")]
    async fn get(&self, looker: Looker) -> Answer<Clinic> {
        let (tenant, audience) = looker.anyone.inbound.clinic()?;
        let absent = || Problem::new(StatusCode::NOT_FOUND, "route.not_found", "there is nothing here");
        let row = looker.platform.parts().store.platform().tenant(tenant).await?.ok_or_else(absent)?;
        let colors = serde_json::from_str(&row.branding)
            .map_err(|error| Problem::internal(format!("the clinic's colors: {error}")))?;
        Ok(Json(Clinic {
            name: row.name,
            slug: row.slug,
            audience: match audience {
                Site::Portal => Audience::Portal,
                Site::Console => Audience::Console,
            },
            colors,
            logo_url: None,
            time_zone: row.time_zone,
            default_locale: if row.default_locale == "es" { ClinicLocale::Es } else { ClinicLocale::En },
        }))
    }
}
