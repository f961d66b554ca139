//! What the PostgreSQL catalogue must show: the platform's tables with their columns and grants, and the clinics'
//! tables with their grants. `serve` and `work` compare the live database with this file and refuse any difference.
//!
//! Platform tables hold what must be read before a clinic is known, or stands outside any: no PHI, and personal data
//! only sealed. A new table is added here and in a migration, each by hand, so that neither can forget it alone.

/// Rights of one role on one table, in the order SELECT, INSERT, UPDATE, DELETE, separated by one blank.
pub(crate) type Grant = (&'static str, &'static str);

/// A table outside every clinic.
pub(crate) struct PlatformTable {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static str,
    pub(crate) grants: &'static [Grant],
}

/// A table whose rows belong to clinics: row security is enabled and forced.
pub(crate) struct TenantTable {
    pub(crate) name: &'static str,
    pub(crate) grants: &'static [Grant],
}

/// The policy's expression, as PostgreSQL prints it.
pub(crate) const POLICY: &str =
    "(tenant_id = (NULLIF(current_setting('cloister.tenant'::text, true), ''::text))::uuid)";

/// Tables that only grow, by a trigger that refuses change.
pub(crate) const APPEND_ONLY: &[&str] = &["events", "platform_events"];

/// The migrations' own bookkeeping: no process has a right on it.
pub(crate) const BOOKKEEPING: &str = "seaql_migrations";

const ALL: &str = "SELECT INSERT UPDATE DELETE";
const DATA: &[Grant] = &[("cloister_serve", ALL), ("cloister_work", ALL)];

/// Rights to read some columns of a table and not the others: table, role, columns. There are no others by column.
pub(crate) const COLUMN_READS: &[(&str, &str, &str)] = &[(
    "raised_networks",
    "cloister_serve",
    "tenant_id network anonymous_per_minute sign_in_pages_per_minute expires_at",
)];

/// Every platform table.
pub(crate) const PLATFORM: &[PlatformTable] = &[
    PlatformTable {
        name: "tenants",
        columns: "id slug slug_skeleton name status region time_zone default_locale branding contact_sealed kms_key policy_hash \
                  kill_switch owner_state version created_at updated_at activated_at suspended_at",
        grants: &[("cloister_serve", "SELECT"), ("cloister_work", "SELECT UPDATE"), ("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "onboarding_steps",
        columns: "tenant_id step status attempts reference failure_code updated_at",
        grants: &[("cloister_work", "SELECT UPDATE"), ("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "hosts",
        columns: "host tenant_id audience is_primary created_at",
        grants: &[("cloister_serve", "SELECT"), ("cloister_work", "SELECT"), ("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "retired_slugs",
        columns: "slug_skeleton slug tenant_id retired_at",
        grants: &[("cloister_admin", "SELECT INSERT")],
    },
    PlatformTable {
        name: "wrapped_keys",
        columns: "owner purpose version kms_key blob created_at",
        grants: &[
            ("cloister_serve", "SELECT"),
            ("cloister_work", "SELECT INSERT UPDATE"),
            ("cloister_admin", ALL),
        ],
    },
    PlatformTable {
        name: "operators",
        columns: "id email_sealed email_index name_sealed status created_by created_at updated_at",
        grants: &[("cloister_work", "SELECT"), ("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "operator_tokens",
        columns: "id operator_id token_hash scopes created_at expires_at last_used_at revoked_at",
        grants: &[("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "baa_records",
        columns: "id tenant_id counterparty_sealed document_reference signed_on expires_on recorded_by created_at",
        grants: &[
            ("cloister_serve", "SELECT"),
            ("cloister_work", "SELECT"),
            ("cloister_admin", "SELECT INSERT"),
        ],
    },
    PlatformTable {
        name: "raised_networks",
        columns: "id tenant_id network anonymous_per_minute sign_in_pages_per_minute reason_sealed expires_at raised_by \
                  raised_at",
        grants: &[("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "jobs",
        columns: "id kind purpose tenant_id subject_id input_sealed dedupe_key status attempts max_attempts run_at \
                  lease_owner lease_until progress total failure_code created_at finished_at",
        grants: &[("cloister_serve", "INSERT"), ("cloister_work", ALL), ("cloister_admin", "SELECT INSERT")],
    },
    PlatformTable {
        name: "idempotency_records",
        columns: "operator_id idempotency_key route request_hash status resource_id created_at expires_at",
        grants: &[("cloister_admin", ALL)],
    },
    PlatformTable {
        name: "platform_events",
        columns: "id at actor_kind actor_id action resource_type resource_id outcome relation reason session_id \
                  request_id canonical_version details_sealed",
        grants: &[
            ("cloister_serve", "INSERT"),
            ("cloister_work", "SELECT INSERT"),
            ("cloister_admin", "SELECT INSERT"),
            ("cloister_auditor", "SELECT"),
        ],
    },
];

const fn data(name: &'static str) -> TenantTable {
    TenantTable { name, grants: DATA }
}

/// Every tenant table.
pub(crate) const TENANT: &[TenantTable] = &[
    TenantTable {
        name: "events",
        grants: &[
            ("cloister_serve", "SELECT INSERT"),
            ("cloister_work", "SELECT INSERT"),
            ("cloister_auditor", "SELECT"),
        ],
    },
    TenantTable {
        name: "policy_versions",
        grants: &[("cloister_serve", "SELECT INSERT"), ("cloister_work", "SELECT INSERT")],
    },
    TenantTable {
        name: "resource_versions",
        grants: &[("cloister_serve", "SELECT INSERT"), ("cloister_work", ALL)],
    },
    data("machine_clients"),
    data("patients"),
    data("patient_name_tokens"),
    data("patient_identifiers"),
    data("resources"),
    data("resource_identities"),
    data("care_links"),
    data("quarantine"),
    data("users"),
    data("role_assignments"),
    data("credentials"),
    data("recovery_codes"),
    data("attempt_counters"),
    data("invitations"),
    data("panel_members"),
    data("messages"),
];
