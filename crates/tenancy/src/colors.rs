//! Brand colors, and the contrast that makes text on them readable.

use cloister_kernel::FieldError;

/// The least contrast of text on a brand color (WCAG 2.2, success criterion 1.4.3).
pub const LEAST_CONTRAST: f64 = 4.5;

/// An sRGB color, written `#rrggbb` in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color([u8; 3]);

impl Color {
    /// Reads `#rrggbb`, in either case. Names, short forms and transparency are refused.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let mut channels = [0; 3];
        hex::decode_to_slice(digits, &mut channels).ok()?;
        Some(Self(channels))
    }

    /// Relative luminance from 0 (black) to 1 (white), as WCAG 2.2 defines it.
    pub fn luminance(self) -> f64 {
        let linear = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// Contrast ratio with another color, from 1 to 21.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }
}

impl std::fmt::Display for Color {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#{}", hex::encode(self.0))
    }
}

/// A clinic's color and the color of text on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colors {
    /// Buttons and headers.
    pub brand: Color,
    /// Text on `brand`.
    pub on_brand: Color,
}

impl Default for Colors {
    /// A dark teal with white text, contrast 7.6.
    fn default() -> Self {
        Self { brand: Color([0x0b, 0x55, 0x63]), on_brand: Color([0xff, 0xff, 0xff]) }
    }
}

impl Colors {
    /// Reads both colors and checks that text on the brand color can be read.
    ///
    /// # Errors
    /// Each field that is no color (`color.format`), or `colors.on_brand` with `color.contrast`.
    pub fn parse(brand: &str, on_brand: &str) -> Result<Self, Vec<FieldError>> {
        let read = |field: &str, text: &str| {
            Color::parse(text).ok_or_else(|| {
                FieldError::new(field, "color.format", "write the color as # and six hexadecimal digits")
            })
        };
        match (read("colors.brand", brand), read("colors.on_brand", on_brand)) {
            (Ok(brand), Ok(on_brand)) if brand.contrast(on_brand) < LEAST_CONTRAST => {
                let contrast = (brand.contrast(on_brand) * 100.0).floor() / 100.0;
                Err(vec![FieldError::new(
                    "colors.on_brand",
                    "color.contrast",
                    format!("text on the brand color has contrast {contrast}:1; at least 4.5:1 is needed"),
                )])
            }
            (Ok(brand), Ok(on_brand)) => Ok(Self { brand, on_brand }),
            (brand, on_brand) => Err([brand.err(), on_brand.err()].into_iter().flatten().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_follows_the_published_extremes_and_the_known_grey() {
        let color = |text| Color::parse(text).unwrap();
        assert!((color("#000000").contrast(color("#ffffff")) - 21.0).abs() < 1e-9);
        assert!((color("#123456").contrast(color("#123456")) - 1.0).abs() < 1e-9);
        // #767676 is the lightest grey that passes on white, #777777 the first that fails.
        assert!(color("#767676").contrast(color("#ffffff")) >= LEAST_CONTRAST);
        assert!(color("#777777").contrast(color("#ffffff")) < LEAST_CONTRAST);
    }

    #[test]
    fn unreadable_text_is_refused_naming_the_field_whatever_the_order() {
        for (brand, on_brand) in [("#ffff00", "#ffffff"), ("#ffffff", "#ffff00"), ("#777777", "#ffffff")] {
            let errors = Colors::parse(brand, on_brand).unwrap_err();
            assert_eq!((errors[0].field.as_str(), errors[0].code), ("colors.on_brand", "color.contrast"));
        }
        assert_eq!(Colors::parse("#0B5563", "#FFFFFF").unwrap(), Colors::default());
        assert_eq!(Colors::default().brand.to_string(), "#0b5563");
    }

    #[test]
    fn only_six_hexadecimal_digits_are_a_color() {
        for text in
            ["", "#fff", "0b5563", "#0b556", "#0b55633", "#0b556g", "teal", "#0b5563;", "url(x)", "#é1234"]
        {
            let errors = Colors::parse(text, text).unwrap_err();
            let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(fields, ["colors.brand", "colors.on_brand"], "{text}");
        }
    }
}
