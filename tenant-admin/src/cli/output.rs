//! What commands print: lines for people, JSON for programs.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use cloister_kernel::{Failure, FailureKind};
use cloister_tenancy::TenancyError;
use serde_json::{Value, json};

use crate::{
    SETTINGS, SettingsError,
    settings::{SECRETS, variable},
};

/// Why a command did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("{0}")]
    Settings(#[from] SettingsError),
    #[error("{0}")]
    Tenancy(#[from] TenancyError),
    #[error("{0}")]
    Keys(#[from] cloister_vault::LocalKeyError),
    #[error("{0}")]
    Store(#[from] cloister_store::StoreError),
    #[error("{0}")]
    Ephemeral(#[from] cloister_ephemeral::EphemeralError),
    #[error("{0}")]
    Edge(#[from] cloister_edge::EdgeError),
    #[error("put an operator token into CLOISTER_ADMIN_TOKEN")]
    NoToken,
}

impl CommandError {
    fn code(&self) -> &'static str {
        match self {
            Self::Settings(_) => "settings.unusable",
            Self::Tenancy(error) => error.code(),
            Self::Keys(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Ephemeral(error) => error.code(),
            Self::Edge(_) => "server.not_started",
            Self::NoToken => "token.missing",
        }
    }

    fn details(&self) -> &[cloister_kernel::FieldError] {
        match self {
            Self::Tenancy(error) => error.details(),
            _ => &[],
        }
    }

    fn exit(&self) -> ExitCode {
        match self {
            Self::Settings(_) | Self::NoToken => ExitCode::from(2),
            Self::Tenancy(error) if matches!(error.kind(), FailureKind::Invalid(_)) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Where a command's result goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// A value: as JSON, or its fields one a line.
    pub(crate) fn value(&self, value: &Value) {
        if self.json || !value.is_object() {
            return write(&mut io::stdout(), &format!("{value:#}"));
        }
        let mut lines = Vec::new();
        fields(value, "", &mut lines);
        write(&mut io::stdout(), &lines.join("\n"));
    }

    /// A list under `items`: as JSON, or one line of the named columns for each.
    pub(crate) fn list(&self, value: &Value, columns: &[&str]) {
        if self.json {
            return write(&mut io::stdout(), &format!("{value:#}"));
        }
        let items = value["items"].as_array().map_or(&[][..], Vec::as_slice);
        let mut lines = vec![columns.join("\t")];
        lines.extend(items.iter().map(|item| {
            let cells: Vec<String> = columns.iter().map(|column| plain(&item[*column])).collect();
            cells.join("\t")
        }));
        if let Some(cursor) = value["next_cursor"].as_str() {
            lines.push(format!("more: --cursor {cursor}"));
        }
        write(&mut io::stdout(), &lines.join("\n"));
    }

    /// The table of settings.
    pub(crate) fn settings(&self) {
        let rows = SETTINGS.iter().map(|(name, default, meaning)| {
            json!({ "name": name, "variable": variable(name), "default": default,
                "secret": SECRETS.contains(name), "meaning": meaning })
        });
        self.list(&json!({ "items": rows.collect::<Vec<_>>() }), &["variable", "default", "meaning"]);
    }

    /// A failure, on standard error.
    pub(crate) fn failure(&self, failure: &CommandError) -> ExitCode {
        let errors = failure.details();
        let text = if self.json {
            let errors: Vec<Value> = errors
                .iter()
                .map(|error| json!({ "field": error.field, "code": error.code, "reason": error.reason }))
                .collect();
            format!("{:#}", json!({ "title": failure.to_string(), "code": failure.code(), "errors": errors }))
        } else {
            let mut lines = vec![format!("cloister-admin: {failure} ({})", failure.code())];
            lines.extend(
                errors.iter().map(|error| format!("  {}: {} ({})", error.field, error.reason, error.code)),
            );
            lines.join("\n")
        };
        write(&mut io::stderr(), &text);
        failure.exit()
    }
}

fn fields(value: &Value, prefix: &str, lines: &mut Vec<String>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) => fields(value, &format!("{prefix}{name}."), lines),
            Value::Null => {}
            _ => lines.push(format!("{prefix}{name}: {}", plain(value))),
        }
    }
}

/// A value on one line, without control characters that a terminal would obey.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        Value::Object(fields) => fields.values().map(plain).collect::<Vec<_>>().join(":"),
        other => other.to_string(),
    };
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// A closed pipe is not our failure.
fn write(to: &mut dyn Write, text: &str) {
    let _ = writeln!(to, "{text}");
}
