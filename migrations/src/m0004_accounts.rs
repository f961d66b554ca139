//! Accounts of patients and staff, their credentials, invitations and panels, and the outbox.

use sea_orm_migration::prelude::*;

use crate::schema::{Reference, Table, create_tenant_table, digest, flag, id, moment, number, sealed, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const USER: Reference = Reference { column: "user_id", table: "users" };
const PATIENT: Reference = Reference { column: "patient_id", table: "patients" };

const TABLES: &[Table] = &[
    Table {
        unique: &[&["kind", "email_index"], &["patient_id"]],
        indexes: &[&["kind", "created_at", "id"], &["practitioner_index"]],
        references: &[PATIENT],
        ..Table::new(
            "users",
            &[
                id("id"),
                text("kind"),
                text("status"),
                sealed("email_sealed"),
                digest("email_index"),
                sealed("display_name_sealed"),
                text("locale").optional(),
                id("patient_id").optional(),
                sealed("practitioner_sealed").optional(),
                digest("practitioner_index").optional(),
                flag("is_owner").default("false"),
                number("revocation_epoch").default("0"),
                moment("created_at"),
                moment("updated_at"),
                moment("last_sign_in_at").optional(),
            ],
        )
    },
    Table {
        unique: &[&["user_id", "role"]],
        references: &[USER],
        ..Table::new(
            "role_assignments",
            &[
                id("id"),
                id("user_id"),
                text("role"),
                text("status"),
                id("granted_by").optional(),
                moment("granted_at"),
                moment("revoked_at").optional(),
            ],
        )
    },
    Table {
        key: &["user_id"],
        references: &[USER],
        ..Table::new(
            "credentials",
            &[
                id("user_id"),
                sealed("password_sealed").optional(),
                moment("password_changed_at").optional(),
                sealed("totp_sealed").optional(),
                moment("totp_confirmed_at").optional(),
                number("totp_last_step").default("0"),
                moment("updated_at"),
            ],
        )
    },
    Table {
        unique: &[&["user_id", "code_index"]],
        references: &[USER],
        ..Table::new(
            "recovery_codes",
            &[
                id("id"),
                id("user_id"),
                digest("code_index"),
                moment("created_at"),
                moment("used_at").optional(),
            ],
        )
    },
    Table {
        key: &["scope", "subject_index"],
        indexes: &[&["updated_at"]],
        ..Table::new(
            "attempt_counters",
            &[
                text("scope"),
                digest("subject_index"),
                number("failures").default("0"),
                moment("window_started_at"),
                moment("locked_until").optional(),
                moment("updated_at"),
            ],
        )
    },
    Table {
        unique: &[&["token_hash"]],
        indexes: &[&["patient_id", "created_at"], &["kind", "created_at", "id"], &["email_index"]],
        references: &[PATIENT],
        ..Table::new(
            "invitations",
            &[
                id("id"),
                text("kind"),
                text("status"),
                id("patient_id").optional(),
                digest("token_hash"),
                digest("code_hash"),
                number("tries").default("0"),
                sealed("email_sealed"),
                digest("email_index"),
                sealed("display_name_sealed").optional(),
                flag("birth_date_required"),
                text("roles"),
                flag("is_owner").default("false"),
                sealed("practitioner_sealed").optional(),
                digest("practitioner_index").optional(),
                text("locale").optional(),
                id("created_by").optional(),
                moment("created_at"),
                moment("expires_at"),
                moment("settled_at").optional(),
                id("user_id").optional(),
            ],
        )
    },
    Table {
        key: &["user_id", "patient_id", "source"],
        indexes: &[&["patient_id"]],
        references: &[USER, PATIENT],
        ..Table::new(
            "panel_members",
            &[
                id("user_id"),
                id("patient_id"),
                text("source"),
                id("created_by").optional(),
                moment("created_at"),
            ],
        )
    },
    Table {
        indexes: &[&["state", "run_at"]],
        ..Table::new(
            "messages",
            &[
                id("id"),
                text("channel"),
                text("purpose"),
                text("template"),
                text("locale"),
                sealed("address_sealed"),
                sealed("parameters_sealed"),
                text("state"),
                number("attempts").default("0"),
                id("subject_id").optional(),
                text("failure_code").optional(),
                moment("created_at"),
                moment("run_at"),
                moment("sent_at").optional(),
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
