//! Settings from the environment and a TOML file. Nothing is guessed: what is unknown or unreadable is refused by name.

use std::{collections::BTreeMap, path::Path, str::FromStr};

use cloister_kernel::SecretString;
use figment::{
    Figment,
    providers::{Format, Toml},
    value::{Dict, Value},
};
use zeroize::Zeroizing;

use super::table::{SETTINGS, variable};

/// Variables with our prefix that belong to the build scripts and to `cloister-admin`.
const FOREIGN: [&str; 5] = ["TEST_", "CACHE", "VENV", "CHROMIUM", "ADMIN_"];

/// A setting that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No setting has this name.
    #[error("{0} is not a setting; `cloister settings` lists them all")]
    Unknown(String),
    /// The setting is needed.
    #[error("{variable} ({name}) is needed: {reason}")]
    Missing {
        /// Its name.
        name: &'static str,
        /// Its environment variable.
        variable: String,
        /// When it is needed.
        reason: &'static str,
    },
    /// The setting cannot be used. The value is not repeated.
    #[error("{variable} ({name}) {reason}")]
    Invalid {
        /// Its name.
        name: &'static str,
        /// Its environment variable.
        variable: String,
        /// Why.
        reason: String,
    },
    /// The settings file cannot be read.
    #[error("the settings file cannot be read: {0}")]
    File(String),
}

/// What was given, by name.
#[derive(Default)]
pub(super) struct Given {
    values: BTreeMap<&'static str, Zeroizing<String>>,
}

impl Given {
    /// Reads the file first; the environment overrides it.
    pub(super) fn read(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut given = Self::default();
        if let Some(path) = file {
            if !path.is_file() {
                return Err(SettingsError::File(format!("{} is not a file", path.display())));
            }
            let dict: Dict = Figment::from(Toml::file_exact(path))
                .extract()
                .map_err(|error| SettingsError::File(error.to_string()))?;
            given.take_dict("", dict)?;
        }
        for (variable, value) in variables {
            let Some(rest) = variable.strip_prefix("CLOISTER_") else { continue };
            if FOREIGN.iter().any(|foreign| rest.starts_with(foreign)) || rest == "CONFIG" {
                continue;
            }
            given.take(&rest.to_ascii_lowercase().replace("__", "."), &variable, value)?;
        }
        Ok(given)
    }

    fn take_dict(&mut self, prefix: &str, dict: Dict) -> Result<(), SettingsError> {
        for (key, value) in dict {
            let name = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
            match value {
                Value::Dict(_, inner) => self.take_dict(&name, inner)?,
                Value::Array(_, items) => {
                    let items: Option<Vec<String>> = items.into_iter().map(plain).collect();
                    let items = items.ok_or_else(|| SettingsError::Unknown(name.clone()))?;
                    self.take(&name, &name, items.join(","))?;
                }
                other => {
                    let text = plain(other).ok_or_else(|| SettingsError::Unknown(name.clone()))?;
                    self.take(&name, &name, text)?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, name: &str, written: &str, value: String) -> Result<(), SettingsError> {
        let value = Zeroizing::new(value);
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) {
            self.values.insert(setting.name, value);
            return Ok(());
        }
        let secret =
            SETTINGS.iter().find(|setting| setting.secret && name == format!("{}_file", setting.name));
        let Some(setting) = secret else { return Err(SettingsError::Unknown(written.to_owned())) };
        let text = std::fs::read_to_string(value.as_str())
            .map_err(|error| invalid(setting.name, format!("names a file that cannot be read: {error}")))?;
        self.values.insert(setting.name, Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
        Ok(())
    }

    /// The text given or its default; `None` when both are empty.
    pub(super) fn text(&self, name: &'static str) -> Option<&str> {
        let given = self.values.get(name).map(|value| value.as_str());
        let setting = SETTINGS.iter().find(|setting| setting.name == name);
        let default = setting.map(|setting| setting.default);
        given.or(default).filter(|text| !text.is_empty())
    }

    pub(super) fn needed(&self, name: &'static str, reason: &'static str) -> Result<&str, SettingsError> {
        self.text(name).ok_or_else(|| SettingsError::Missing { name, variable: variable(name), reason })
    }

    pub(super) fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.text(name).map(|text| SecretString::from(text.to_owned()))
    }

    /// A value that is read by its type; its error is told without the value.
    pub(super) fn parsed<T: FromStr>(
        &self,
        name: &'static str,
        reason: &'static str,
    ) -> Result<Option<T>, SettingsError> {
        self.text(name).map(|text| text.parse().map_err(|_| invalid(name, reason.to_owned()))).transpose()
    }

    /// One of the listed words.
    pub(super) fn word<T: Copy>(&self, name: &'static str, words: &[(&str, T)]) -> Result<T, SettingsError> {
        let text = self.text(name).unwrap_or_default();
        words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            invalid(name, format!("must be one of: {}", known.join(", ")))
        })
    }

    /// A list separated by commas.
    pub(super) fn list(&self, name: &'static str) -> Vec<&str> {
        let text = self.text(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
    }
}

pub(super) fn invalid(name: &'static str, reason: impl Into<String>) -> SettingsError {
    SettingsError::Invalid { name, variable: variable(name), reason: reason.into() }
}

fn plain(value: Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => number.to_i128().map(|number| number.to_string()),
        _ => None,
    }
}
