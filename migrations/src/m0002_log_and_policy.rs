//! Each clinic's audit log, which only grows, and the versions of its access policy.

use sea_orm_migration::prelude::*;

use crate::schema::{
    AUDITOR, SERVE, Table, WORK, create_partitioned_tenant_table, create_tenant_table, id, make_append_only,
    moment, number, sealed, text,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const EVENTS: Table = Table {
    key: &["at", "id"],
    indexes: &[&["patient_id", "at"], &["actor_id", "at"]],
    grants: &[(SERVE, "SELECT, INSERT"), (WORK, "SELECT, INSERT"), (AUDITOR, "SELECT")],
    ..Table::new(
        "events",
        &[
            id("id"),
            moment("at"),
            text("actor_kind"),
            id("actor_id").optional(),
            text("action"),
            text("resource_type").optional(),
            id("resource_id").optional(),
            id("patient_id").optional(),
            text("outcome"),
            text("relation").optional(),
            text("reason").optional(),
            id("session_id").optional(),
            id("request_id"),
            number("canonical_version"),
            sealed("details_sealed"),
        ],
    )
};

const POLICY_VERSIONS: Table = Table {
    key: &["policy_hash"],
    grants: &[(SERVE, "SELECT, INSERT"), (WORK, "SELECT, INSERT")],
    ..Table::new(
        "policy_versions",
        &[
            text("policy_hash"),
            text("document"),
            id("created_by").optional(),
            id("approved_by").optional(),
            moment("created_at"),
        ],
    )
};

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_partitioned_tenant_table(manager, EVENTS).await?;
        make_append_only(manager, "events").await?;
        create_tenant_table(manager, POLICY_VERSIONS).await
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
