//! Networks of clinics from which operators let more calls through.

use sea_orm_migration::prelude::*;

use crate::schema::{
    ADMIN, Reference, SERVE, Table, create_platform_table, id, moment, number, sealed, text,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const RAISED_NETWORKS: Table = Table {
    unique: &[&["tenant_id", "network"]],
    references: &[
        Reference { column: "tenant_id", table: "tenants" },
        Reference { column: "raised_by", table: "operators" },
    ],
    // What is counted, and not who asked for it or why.
    grants: &[
        (SERVE, "SELECT (tenant_id, network, anonymous_per_minute, sign_in_pages_per_minute, expires_at)"),
        (ADMIN, "SELECT, INSERT, UPDATE, DELETE"),
    ],
    ..Table::new(
        "raised_networks",
        &[
            id("id"),
            id("tenant_id"),
            text("network"),
            number("anonymous_per_minute"),
            number("sign_in_pages_per_minute"),
            sealed("reason_sealed"),
            moment("expires_at").optional(),
            id("raised_by"),
            moment("raised_at"),
        ],
    )
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_platform_table(manager, RAISED_NETWORKS).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
