//! The command line's shape.

use clap::{Args, Parser, Subcommand};
use uuid::Uuid;

/// Creates and runs tenants, as an operator of the platform.
#[derive(Debug, Parser)]
#[command(name = "cloister-admin", version, disable_help_subcommand = true)]
pub(crate) struct Line {
    /// Print JSON, failures on standard error included.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the operators' API.
    Serve,
    /// List every setting with its default and meaning.
    Settings {
        /// Instead, read what the environment says and name what is wrong with it. Nothing is opened.
        #[arg(long)]
        check: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Operators (on the machine, without a token).
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Operators' API tokens (on the machine, without a token).
    #[command(subcommand)]
    Token(TokenCommand),
    /// Tenants (with a token in CLOISTER_ADMIN_TOKEN).
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Business associate agreements (with a token in CLOISTER_ADMIN_TOKEN).
    #[command(subcommand)]
    Baa(BaaCommand),
    /// Owners of clinics' portals (with a token in CLOISTER_ADMIN_TOKEN).
    #[command(subcommand)]
    Owner(OwnerCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum OperatorCommand {
    /// Add an operator. The first one also makes the platform's keys.
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: String,
    },
    /// List the operators.
    List,
    /// Stop an operator and revoke all tokens of his.
    Disable {
        #[arg(long)]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token to a named operator. It is shown once.
    Issue {
        /// The operator's email.
        #[arg(long)]
        operator: String,
        /// A scope such as tenants:read; may be given again.
        #[arg(long = "scope", required = true)]
        scopes: Vec<String>,
        /// Its life: seconds, or with a unit, such as 45m or 12h. An hour when not said, twelve at most.
        #[arg(long, value_parser = seconds)]
        ttl: Option<u64>,
    },
    /// List tokens.
    List {
        /// Only those of the operator with this email.
        #[arg(long)]
        operator: Option<String>,
    },
    /// Revoke a token.
    Revoke {
        /// The token's id, as listed.
        id: Uuid,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Create a tenant.
    Create(NewTenantArguments),
    /// List tenants.
    List {
        #[arg(long)]
        limit: Option<u32>,
        #[arg(long)]
        cursor: Option<String>,
        /// draft, active or suspended.
        #[arg(long)]
        status: Option<String>,
    },
    /// Show a tenant.
    Show { id: Uuid },
    /// Open a tenant to its clinic.
    Activate { id: Uuid },
    /// Networks of a tenant from which more calls are let through, such as a hospital's.
    #[command(subcommand)]
    Network(NetworkCommand),
    /// Hosts of a tenant: the two of the platform, and names that the clinic brings.
    #[command(subcommand)]
    Host(HostCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// List the networks that are raised now.
    List {
        /// The tenant's id.
        tenant: Uuid,
    },
    /// Raise what one source in a network may do. Repeating it replaces what was said before.
    Raise {
        /// The tenant's id.
        tenant: Uuid,
        /// Such as 203.0.113.0/24 or 2001:db8::/48.
        network: String,
        /// Calls without session or flow in a minute, 10 to 100.
        #[arg(long)]
        anonymous: u32,
        /// Sign-in pages in a minute, 60 to 600.
        #[arg(long)]
        sign_in_pages: u32,
        #[arg(long)]
        reason: String,
        /// Until when, such as 2026-12-31T23:59:59Z; without it until the network is lowered.
        #[arg(long)]
        expires_at: Option<String>,
    },
    /// Lower a network to what every other may do.
    Lower {
        /// The tenant's id.
        tenant: Uuid,
        /// As listed.
        network: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// List the hosts.
    List {
        /// The tenant's id.
        tenant: Uuid,
    },
    /// Map a host that the clinic brings. Repeating it changes nothing, or the site.
    Map {
        /// The tenant's id.
        tenant: Uuid,
        /// Such as portal.clinic.example.
        host: String,
        /// portal (patients) or console (staff).
        #[arg(long)]
        site: String,
    },
    /// Have links in mails built with a host, in place of the one of the same site that was primary.
    MakePrimary {
        /// The tenant's id.
        tenant: Uuid,
        /// As listed.
        host: String,
    },
    /// Remove a host that the clinic brought.
    Remove {
        /// The tenant's id.
        tenant: Uuid,
        /// As listed.
        host: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewTenantArguments {
    #[arg(long)]
    pub(crate) slug: String,
    #[arg(long)]
    pub(crate) name: String,
    #[arg(long)]
    pub(crate) region: String,
    #[arg(long)]
    pub(crate) time_zone: String,
    #[arg(long)]
    pub(crate) contact_name: String,
    #[arg(long)]
    pub(crate) contact_email: String,
    #[arg(long, default_value = "en")]
    pub(crate) locale: String,
    /// Brand color, #rrggbb.
    #[arg(long, requires = "on_brand")]
    pub(crate) brand: Option<String>,
    /// Color of text on the brand color, #rrggbb.
    #[arg(long, requires = "brand")]
    pub(crate) on_brand: Option<String>,
    /// A name of your own for this request: repeating it makes nothing twice.
    #[arg(long)]
    pub(crate) idempotency_key: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BaaCommand {
    /// Record the agreement that is in force from now on.
    Record {
        /// The tenant's id.
        tenant: Uuid,
        /// YYYY-MM-DD.
        #[arg(long)]
        signed_on: String,
        /// YYYY-MM-DD.
        #[arg(long)]
        expires_on: String,
        #[arg(long)]
        counterparty: String,
        #[arg(long)]
        document_reference: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OwnerCommand {
    /// Have the owner invited.
    Invite {
        /// The tenant's id.
        tenant: Uuid,
        #[arg(long)]
        email: String,
        #[arg(long)]
        display_name: String,
    },
}

/// Reads `90`, `90s`, `45m` or `12h` as seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "write seconds, or 45m, or 12h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Line::command().debug_assert();
    }

    #[test]
    fn lives_are_read_with_their_unit() {
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("45m"), Ok(2700));
        assert_eq!(seconds("12h"), Ok(43_200));
        for text in ["", "h", "1d", "-1h", "1.5h", "99999999999999999999h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
