//! The program `cloister`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use cloister_platform::{
    StartError, api,
    demo::demo,
    probe::{Expected, probe},
    settings,
};

/// The C library's allocator keeps what large bundles took; this one gives it back, and is quicker.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The patient portal platform.
#[derive(Debug, Parser)]
#[command(name = "cloister", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers the clinics' sites and APIs.
    Serve,
    /// Runs jobs: mails, invitations of owners.
    Work,
    /// Runs the embedded size with two clinics on this machine, made the first time it starts.
    Demo {
        /// The clinics' sites take this port, the operators' API the next one.
        #[arg(long, default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1024..65535))]
        port: u16,
        /// Where it keeps its data.
        #[arg(long, default_value = ".demo")]
        data: PathBuf,
    },
    /// Brings the database to the newest schema; needs the owner's role.
    Migrate,
    /// Prints the table of settings as Markdown.
    Settings {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
        /// Instead, read what this process would read and say what is wrong with it. Nothing is opened.
        #[arg(long, value_enum, conflicts_with = "json")]
        check: Option<Checked>,
    },
    /// Asks one URL and says whether it answers as expected; for tests of a deployment.
    Probe {
        /// Such as `https://portal.example/readyz`.
        url: String,
        /// The status that is expected, or `unreachable`.
        #[arg(long, default_value = "200")]
        expect: Expected,
        /// PEM file with the certificates to trust instead of the machine's.
        #[arg(long)]
        authority: Option<PathBuf>,
    },
    /// Prints the API's OpenAPI document.
    Openapi,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Checked {
    Serve,
    Work,
    Migrate,
}

fn checked(process: Checked) -> Result<(), StartError> {
    let process = match process {
        Checked::Serve => settings::Process::Serve,
        Checked::Work => settings::Process::Work,
        Checked::Migrate => settings::Process::Migrate,
    };
    Ok(settings::check(process)?)
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    match command {
        Command::Settings { check: Some(process), .. } => run(async move { checked(process) }),
        Command::Settings { json: true, .. } => print(&settings::json()),
        Command::Settings { .. } => print(&settings::markdown()),
        Command::Probe { url, expect, authority } => {
            run(async move { probe(&url, expect, authority.as_deref()).await })
        }
        Command::Openapi => print(&api::specification()),
        Command::Serve => run(cloister_platform::serve()),
        Command::Work => run(cloister_platform::work()),
        Command::Migrate => run(cloister_platform::migrate()),
        Command::Demo { port, data } => run(async move { demo(port, &data).await }),
    }
}

#[expect(clippy::print_stdout, reason = "printing is what these commands are for")]
fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "whoever starts the program reads why it does not start")]
fn run<E: From<StartError> + std::fmt::Display>(work: impl Future<Output = Result<(), E>>) -> ExitCode {
    // One crypto provider for the whole process, before anything speaks TLS.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("cloister: a crypto provider was installed already");
        return ExitCode::FAILURE;
    }
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| E::from(StartError::part("the runtime")(Box::new(error))))
        .and_then(|runtime| runtime.block_on(work));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloister: {error}");
            ExitCode::FAILURE
        }
    }
}
