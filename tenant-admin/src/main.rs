//! `cloister-admin`: see [`cloister_tenant_admin`].

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    // Installed first: connections to Redis and KMS ask for the process's one crypto provider.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    cloister_tenant_admin::cli::run(std::env::args_os()).await
}
