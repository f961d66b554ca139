//! The commands. What a token may do over HTTP is the same here, on the same code; what makes operators and tokens
//! exists here only, for whoever is on the machine.

mod commands;
mod output;
mod run;
mod tenant;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;

use commands::{Command, Line};
use output::Output;

/// Runs one command line and says how it ended: 0 when done, 2 when the request was wrong, 1 otherwise.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let output = Output { json: line.json };
    let outcome = match line.command {
        Command::Settings { check: true } => {
            crate::Settings::from_environment().map(drop).map_err(output::CommandError::from)
        }
        Command::Settings { check: false } => {
            output.settings();
            Ok(())
        }
        Command::Openapi => {
            output.value(&crate::api::document());
            Ok(())
        }
        command => run::execute(command, &output).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failure(&failure),
    }
}
