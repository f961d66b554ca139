//! Patients, the FHIR resources held for them, and how incoming resources are recognised.

use sea_orm_migration::prelude::*;

use crate::schema::{
    Reference, SERVE, Table, WORK, create_tenant_table, digest, flag, id, moment, number, sealed, text,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const PATIENT: Reference = Reference { column: "patient_id", table: "patients" };
const RESOURCE: Reference = Reference { column: "resource_id", table: "resources" };
const MACHINE_CLIENT: Reference = Reference { column: "machine_client_id", table: "machine_clients" };

const TABLES: &[Table] = &[
    Table {
        indexes: &[&["status", "created_at"]],
        ..Table::new(
            "machine_clients",
            &[
                id("id"),
                text("name"),
                text("jwks"),
                text("identifier_systems"),
                text("scopes"),
                text("status"),
                number("revocation_epoch").default("0"),
                id("created_by").optional(),
                moment("created_at"),
                moment("updated_at"),
                moment("revoked_at").optional(),
            ],
        )
    },
    Table::new(
        "patients",
        &[
            id("id"),
            text("status"),
            id("merged_into").optional(),
            sealed("demographics_sealed"),
            sealed("header_sealed"),
            digest("content_hash"),
            number("version").default("1"),
            moment("created_at"),
            moment("updated_at"),
        ],
    ),
    Table {
        key: &["patient_id", "token_index"],
        indexes: &[&["token_index"]],
        references: &[PATIENT],
        ..Table::new("patient_name_tokens", &[id("patient_id"), digest("token_index")])
    },
    Table {
        key: &["patient_id", "identifier_index"],
        indexes: &[&["identifier_index"]],
        references: &[PATIENT],
        ..Table::new(
            "patient_identifiers",
            &[id("patient_id"), digest("identifier_index"), sealed("identifier_sealed").optional()],
        )
    },
    Table {
        indexes: &[
            &["patient_id", "resource_type", "clinical_time", "id"],
            &["patient_id", "code_index", "clinical_time"],
        ],
        references: &[PATIENT, MACHINE_CLIENT],
        ..Table::new(
            "resources",
            &[
                id("id"),
                text("resource_type"),
                text("category").optional(),
                id("patient_id").optional(),
                moment("clinical_time").optional(),
                moment("received_at"),
                number("version").default("1"),
                text("status").optional(),
                digest("code_index").optional(),
                digest("content_hash"),
                sealed("body_sealed"),
                sealed("view_sealed").optional(),
                flag("deleted").default("false"),
                id("machine_client_id").optional(),
            ],
        )
    },
    Table {
        key: &["resource_id", "version"],
        references: &[RESOURCE],
        grants: &[(SERVE, "SELECT, INSERT"), (WORK, "SELECT, INSERT, UPDATE, DELETE")],
        ..Table::new(
            "resource_versions",
            &[
                id("resource_id"),
                number("version"),
                id("patient_id").optional(),
                digest("content_hash"),
                sealed("body_sealed"),
                flag("deleted").default("false"),
                moment("received_at"),
                id("machine_client_id").optional(),
                id("request_id").optional(),
            ],
        )
    },
    Table {
        key: &["machine_client_id", "identity_hash"],
        indexes: &[&["resource_id"]],
        references: &[MACHINE_CLIENT, RESOURCE],
        ..Table::new(
            "resource_identities",
            &[id("machine_client_id"), digest("identity_hash"), id("resource_id"), moment("created_at")],
        )
    },
    Table {
        key: &["practitioner_index", "patient_id", "source", "resource_id"],
        indexes: &[&["resource_id"], &["patient_id"]],
        references: &[PATIENT, RESOURCE],
        ..Table::new(
            "care_links",
            &[
                digest("practitioner_index"),
                id("patient_id"),
                text("source"),
                id("resource_id"),
                moment("created_at"),
            ],
        )
    },
    Table {
        indexes: &[&["status", "created_at", "id"], &["patient_id"]],
        references: &[MACHINE_CLIENT, PATIENT],
        ..Table::new(
            "quarantine",
            &[
                id("id"),
                id("machine_client_id"),
                text("resource_type"),
                id("resource_id").optional(),
                id("patient_id").optional(),
                text("reason"),
                digest("identity_hash").optional(),
                digest("incoming_hash"),
                sealed("incoming_sealed"),
                sealed("header_sealed").optional(),
                text("accepted_patients"),
                text("status"),
                moment("created_at"),
                moment("decided_at").optional(),
                id("decided_by").optional(),
            ],
        )
    },
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            create_tenant_table(manager, *table).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
