//! Platform tables: what must be read before a clinic is known, or stands outside any. No PHI, no personal data in
//! clear. Columns and grants are repeated in the store's catalogue, which `serve` compares with the live database.

use sea_orm_migration::prelude::*;

use crate::schema::{
    ADMIN, Reference, SERVE, Table, WORK, create_platform_table, create_roles, digest, flag, id,
    make_append_only, moment, number, sealed, text,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const ALL: &str = "SELECT, INSERT, UPDATE, DELETE";

const TABLES: &[Table] = &[
    Table {
        unique: &[&["slug"], &["slug_skeleton"]],
        indexes: &[&["status", "id"]],
        grants: &[(SERVE, "SELECT"), (WORK, "SELECT, UPDATE"), (ADMIN, ALL)],
        ..Table::new(
            "tenants",
            &[
                id("id"),
                text("slug"),
                text("slug_skeleton"),
                text("name"),
                text("status"),
                text("region"),
                text("time_zone"),
                text("default_locale"),
                text("branding"),
                sealed("contact_sealed").optional(),
                text("kms_key").optional(),
                text("policy_hash"),
                flag("kill_switch").default("false"),
                text("owner_state").default("'none'"),
                number("version").default("1"),
                moment("created_at"),
                moment("updated_at"),
                moment("activated_at").optional(),
                moment("suspended_at").optional(),
            ],
        )
    },
    Table {
        key: &["tenant_id", "step"],
        references: &[Reference { column: "tenant_id", table: "tenants" }],
        grants: &[(WORK, "SELECT, UPDATE"), (ADMIN, ALL)],
        ..Table::new(
            "onboarding_steps",
            &[
                id("tenant_id"),
                text("step"),
                text("status"),
                number("attempts").default("0"),
                text("reference").optional(),
                text("failure_code").optional(),
                moment("updated_at"),
            ],
        )
    },
    Table {
        key: &["host"],
        indexes: &[&["tenant_id"]],
        references: &[Reference { column: "tenant_id", table: "tenants" }],
        grants: &[(SERVE, "SELECT"), (WORK, "SELECT"), (ADMIN, ALL)],
        ..Table::new(
            "hosts",
            &[
                text("host"),
                id("tenant_id"),
                text("audience"),
                flag("is_primary").default("true"),
                moment("created_at"),
            ],
        )
    },
    Table {
        key: &["slug_skeleton"],
        grants: &[(ADMIN, "SELECT, INSERT")],
        ..Table::new(
            "retired_slugs",
            &[text("slug_skeleton"), text("slug"), id("tenant_id"), moment("retired_at")],
        )
    },
    Table {
        key: &["owner", "purpose", "version"],
        grants: &[(SERVE, "SELECT"), (WORK, "SELECT, INSERT, UPDATE"), (ADMIN, ALL)],
        ..Table::new(
            "wrapped_keys",
            &[
                text("owner"),
                text("purpose"),
                number("version"),
                text("kms_key"),
                sealed("blob"),
                moment("created_at"),
            ],
        )
    },
    Table {
        unique: &[&["email_index"]],
        grants: &[(WORK, "SELECT"), (ADMIN, ALL)],
        ..Table::new(
            "operators",
            &[
                id("id"),
                sealed("email_sealed"),
                digest("email_index"),
                sealed("name_sealed"),
                text("status"),
                id("created_by").optional(),
                moment("created_at"),
                moment("updated_at"),
            ],
        )
    },
    Table {
        unique: &[&["token_hash"]],
        indexes: &[&["operator_id"]],
        references: &[Reference { column: "operator_id", table: "operators" }],
        grants: &[(ADMIN, ALL)],
        ..Table::new(
            "operator_tokens",
            &[
                id("id"),
                id("operator_id"),
                digest("token_hash"),
                text("scopes"),
                moment("created_at"),
                moment("expires_at"),
                moment("last_used_at").optional(),
                moment("revoked_at").optional(),
            ],
        )
    },
    Table {
        indexes: &[&["tenant_id", "created_at"]],
        references: &[
            Reference { column: "tenant_id", table: "tenants" },
            Reference { column: "recorded_by", table: "operators" },
        ],
        grants: &[(SERVE, "SELECT"), (WORK, "SELECT"), (ADMIN, "SELECT, INSERT")],
        ..Table::new(
            "baa_records",
            &[
                id("id"),
                id("tenant_id"),
                sealed("counterparty_sealed"),
                text("document_reference"),
                text("signed_on"),
                text("expires_on"),
                id("recorded_by"),
                moment("created_at"),
            ],
        )
    },
    Table {
        unique: &[&["dedupe_key"]],
        indexes: &[&["status", "run_at"], &["tenant_id", "created_at"]],
        grants: &[(SERVE, "INSERT"), (WORK, ALL), (ADMIN, "SELECT, INSERT")],
        ..Table::new(
            "jobs",
            &[
                id("id"),
                text("kind"),
                text("purpose"),
                id("tenant_id").optional(),
                id("subject_id").optional(),
                sealed("input_sealed").optional(),
                text("dedupe_key").optional(),
                text("status"),
                number("attempts").default("0"),
                number("max_attempts").default("10"),
                moment("run_at"),
                id("lease_owner").optional(),
                moment("lease_until").optional(),
                number("progress").default("0"),
                number("total").optional(),
                text("failure_code").optional(),
                moment("created_at"),
                moment("finished_at").optional(),
            ],
        )
    },
    Table {
        key: &["operator_id", "idempotency_key"],
        indexes: &[&["expires_at"]],
        grants: &[(ADMIN, ALL)],
        ..Table::new(
            "idempotency_records",
            &[
                id("operator_id"),
                text("idempotency_key"),
                text("route"),
                digest("request_hash"),
                number("status").optional(),
                id("resource_id").optional(),
                moment("created_at"),
                moment("expires_at"),
            ],
        )
    },
];

const PLATFORM_EVENTS: Table = Table {
    key: &["at", "id"],
    indexes: &[&["resource_id", "at"]],
    grants: &[
        (SERVE, "INSERT"),
        (WORK, "SELECT, INSERT"),
        (ADMIN, "SELECT, INSERT"),
        (crate::schema::AUDITOR, "SELECT"),
    ],
    ..Table::new(
        "platform_events",
        &[
            id("id"),
            moment("at"),
            text("actor_kind"),
            id("actor_id").optional(),
            text("action"),
            text("resource_type").optional(),
            id("resource_id").optional(),
            text("outcome"),
            text("relation").optional(),
            text("reason").optional(),
            id("session_id").optional(),
            id("request_id"),
            number("canonical_version"),
            sealed("details_sealed").optional(),
        ],
    )
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_roles(manager).await?;
        for table in TABLES {
            create_platform_table(manager, *table).await?;
        }
        create_platform_table(manager, PLATFORM_EVENTS).await?;
        make_append_only(manager, "platform_events").await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
