//! How a table is described and created, so that no table can forget its isolation.
//!
//! A [`Table`] becomes DDL for PostgreSQL and for SQLite. `create_tenant_table` adds what every tenant table has:
//! `tenant_id` first in the primary key and in every unique constraint, composite foreign keys, row security
//! enabled and forced with USING and WITH CHECK, the owner role and the grants. SQLite has no row security: there
//! the repositories' own filter by tenant is the only wall.

use sea_orm_migration::{
    SchemaManager,
    sea_orm::{ConnectionTrait, DbBackend, DbErr},
};

/// The role that owns every table and runs migrations.
pub(crate) const OWNER: &str = "cloister_owner";
/// `cloister serve`.
pub(crate) const SERVE: &str = "cloister_serve";
/// `cloister work`.
pub(crate) const WORK: &str = "cloister_work";
/// `cloister-admin`.
pub(crate) const ADMIN: &str = "cloister_admin";
/// Reads events and nothing else.
pub(crate) const AUDITOR: &str = "cloister_auditor";

/// The tenant that the transaction speaks for, or NULL, which equals no tenant. A reused connection answers an
/// empty text, not NULL: hence NULLIF.
pub(crate) const TENANT_SETTING: &str = "NULLIF(current_setting('cloister.tenant', true), '')::uuid";

/// The type of a column in both databases.
#[derive(Clone, Copy)]
enum Type {
    Id,
    Text,
    Bytes,
    /// HMAC-SHA-256 or SHA-256 output.
    Digest,
    Number,
    Flag,
}

/// A column.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    of: Type,
    optional: bool,
    default: Option<&'static str>,
}

const fn column(name: &'static str, of: Type) -> Column {
    Column { name, of, optional: false, default: None }
}

/// A UUID.
pub(crate) const fn id(name: &'static str) -> Column {
    column(name, Type::Id)
}

/// A word, a code or a public text in clear.
pub(crate) const fn text(name: &'static str) -> Column {
    column(name, Type::Text)
}

/// A sealed value or a wrapped key.
pub(crate) const fn sealed(name: &'static str) -> Column {
    column(name, Type::Bytes)
}

/// 32 bytes: a blind index or a hash.
pub(crate) const fn digest(name: &'static str) -> Column {
    column(name, Type::Digest)
}

/// A whole number.
pub(crate) const fn number(name: &'static str) -> Column {
    column(name, Type::Number)
}

/// Microseconds since 1970-01-01T00:00:00Z: one spelling that sorts alike in both databases.
pub(crate) const fn moment(name: &'static str) -> Column {
    column(name, Type::Number)
}

/// True or false.
pub(crate) const fn flag(name: &'static str) -> Column {
    column(name, Type::Flag)
}

impl Column {
    /// May be NULL.
    pub(crate) const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The value of rows that do not say.
    pub(crate) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    fn definition(&self, backend: DbBackend) -> String {
        let name = self.name;
        let of = match (self.of, backend) {
            (Type::Id, DbBackend::Postgres) => "uuid",
            (Type::Bytes | Type::Digest, DbBackend::Postgres) => "bytea",
            (Type::Id | Type::Bytes | Type::Digest, _) => "blob",
            (Type::Text, _) => "text",
            (Type::Number, DbBackend::Postgres) => "bigint",
            (Type::Number, _) => "integer",
            (Type::Flag, _) => "boolean",
        };
        let optional = if self.optional { "" } else { " NOT NULL" };
        let default = self.default.map(|value| format!(" DEFAULT {value}")).unwrap_or_default();
        let check = match self.of {
            Type::Digest => format!(" CHECK (length({name}) = 32)"),
            _ => String::new(),
        };
        format!("{name} {of}{optional}{default}{check}")
    }
}

/// A foreign key to the primary key of another table; for tenant tables `tenant_id` is added on both sides.
#[derive(Clone, Copy)]
pub(crate) struct Reference {
    /// The referring column.
    pub(crate) column: &'static str,
    /// The table whose `id` it names.
    pub(crate) table: &'static str,
}

/// What a role may do with a table: the words of GRANT.
pub(crate) type Grant = (&'static str, &'static str);

/// Grants of a tenant table that `serve` and `work` read and write.
pub(crate) const DATA: &[Grant] =
    &[(SERVE, "SELECT, INSERT, UPDATE, DELETE"), (WORK, "SELECT, INSERT, UPDATE, DELETE")];

/// A table. Key, unique constraints, indexes and references are named without `tenant_id`.
#[derive(Clone, Copy)]
pub(crate) struct Table {
    /// The table's name.
    pub(crate) name: &'static str,
    /// All columns but `tenant_id` of a tenant table.
    pub(crate) columns: &'static [Column],
    /// The primary key.
    pub(crate) key: &'static [&'static str],
    /// Unique constraints.
    pub(crate) unique: &'static [&'static [&'static str]],
    /// Indexes.
    pub(crate) indexes: &'static [&'static [&'static str]],
    /// Foreign keys.
    pub(crate) references: &'static [Reference],
    /// Who may do what.
    pub(crate) grants: &'static [Grant],
}

impl Table {
    /// A table that only needs a few of its properties spelt out.
    pub(crate) const fn new(name: &'static str, columns: &'static [Column]) -> Self {
        Self { name, columns, key: &["id"], unique: &[], indexes: &[], references: &[], grants: DATA }
    }

    fn statements(&self, backend: DbBackend, tenant: bool, suffix: &str) -> Vec<String> {
        let name = self.name;
        let with_tenant = |columns: &[&str]| {
            let mut all = if tenant { vec!["tenant_id"] } else { Vec::new() };
            all.extend_from_slice(columns);
            all.join(", ")
        };
        let mut parts: Vec<String> = Vec::new();
        if tenant {
            parts.push(id("tenant_id").definition(backend));
        }
        parts.extend(self.columns.iter().map(|column| column.definition(backend)));
        parts.push(format!("PRIMARY KEY ({})", with_tenant(self.key)));
        parts.extend(self.unique.iter().map(|unique| format!("UNIQUE ({})", with_tenant(unique))));
        parts.extend(self.references.iter().map(|reference| {
            let (here, there) = (with_tenant(&[reference.column]), with_tenant(&["id"]));
            format!("FOREIGN KEY ({here}) REFERENCES {} ({there})", reference.table)
        }));
        let mut statements = vec![format!("CREATE TABLE {name} (\n  {}\n){suffix}", parts.join(",\n  "))];
        statements.extend(self.indexes.iter().map(|columns| {
            format!("CREATE INDEX {name}_by_{} ON {name} ({})", columns.join("_"), with_tenant(columns))
        }));
        statements
    }
}

/// Creates a table that stands outside every tenant.
pub(crate) async fn create_platform_table(manager: &SchemaManager<'_>, table: Table) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    run(manager, table.statements(backend, false, "")).await?;
    own_and_grant(manager, &table).await
}

/// Creates a table whose rows belong to tenants, isolated.
pub(crate) async fn create_tenant_table(manager: &SchemaManager<'_>, table: Table) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    run(manager, table.statements(backend, true, "")).await?;
    isolate(manager, &table).await
}

/// As [`create_tenant_table`], on PostgreSQL partitioned by month of `at`, with a default partition that takes what
/// no monthly partition does. The primary key must hold `at`.
pub(crate) async fn create_partitioned_tenant_table(
    manager: &SchemaManager<'_>,
    table: Table,
) -> Result<(), DbErr> {
    let backend = manager.get_database_backend();
    let name = table.name;
    if backend != DbBackend::Postgres {
        return create_tenant_table(manager, table).await;
    }
    run(manager, table.statements(backend, true, " PARTITION BY RANGE (at)")).await?;
    isolate(manager, &table).await?;
    let partition = format!("{name}_default");
    run(
        manager,
        vec![
            format!("CREATE TABLE {partition} PARTITION OF {name} DEFAULT"),
            format!("ALTER TABLE {partition} OWNER TO {OWNER}"),
        ],
    )
    .await?;
    run(manager, row_security(&partition)).await
}

/// Row security enabled and forced, with one policy for every command and role.
pub(crate) fn row_security(table: &str) -> Vec<String> {
    vec![
        format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY"),
        format!(
            "CREATE POLICY tenant_isolation ON {table} \
             USING (tenant_id = {TENANT_SETTING}) WITH CHECK (tenant_id = {TENANT_SETTING})"
        ),
    ]
}

/// Has PostgreSQL take a clinic to have a thousand rows in a table, or as many as the largest has. It takes the average otherwise:
/// where most clinics have a row or two, any index that begins with the clinic seems as good as the primary key, and every row of a
/// large clinic is read for one of them. Counts from the next ANALYZE on.
pub(crate) fn assume_rows_of_a_clinic(table: &str) -> String {
    format!("ALTER TABLE {table} ALTER COLUMN tenant_id SET (n_distinct = -0.001)")
}

async fn isolate(manager: &SchemaManager<'_>, table: &Table) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    run(manager, row_security(table.name)).await?;
    run(manager, vec![assume_rows_of_a_clinic(table.name)]).await?;
    own_and_grant(manager, table).await
}

async fn own_and_grant(manager: &SchemaManager<'_>, table: &Table) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let name = table.name;
    let mut statements =
        vec![format!("ALTER TABLE {name} OWNER TO {OWNER}"), format!("REVOKE ALL ON {name} FROM PUBLIC")];
    statements
        .extend(table.grants.iter().map(|(role, rights)| format!("GRANT {rights} ON {name} TO {role}")));
    run(manager, statements).await
}

/// Refuses UPDATE and DELETE (and on PostgreSQL TRUNCATE) of a table's rows, whoever asks.
pub(crate) async fn make_append_only(manager: &SchemaManager<'_>, table: &str) -> Result<(), DbErr> {
    let statements = if manager.get_database_backend() == DbBackend::Postgres {
        vec![
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = '42501'; END $$"
                .to_owned(),
            format!("ALTER FUNCTION refuse_change() OWNER TO {OWNER}"),
            format!(
                "CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} \
                 FOR EACH ROW EXECUTE FUNCTION refuse_change()"
            ),
            format!(
                "CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            ),
        ]
    } else {
        ["UPDATE", "DELETE"]
            .iter()
            .map(|command| {
                format!(
                    "CREATE TRIGGER {table}_no_{} BEFORE {command} ON {table} \
                     BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
                    command.to_lowercase()
                )
            })
            .collect()
    };
    run(manager, statements).await
}

/// Creates the group roles that are missing (no login: the deployment grants them to its own login roles), and lets
/// the owner create in this schema and the others use it.
pub(crate) async fn create_roles(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    if manager.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let mut statements: Vec<String> = [OWNER, SERVE, WORK, ADMIN, AUDITOR]
        .iter()
        .map(|role| {
            format!(
                "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN \
                 CREATE ROLE {role} NOLOGIN NOBYPASSRLS NOSUPERUSER; END IF; \
                 EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
        })
        .collect();
    statements.push(format!(
        "DO $$ BEGIN IF NOT pg_has_role(current_user, '{OWNER}', 'MEMBER') THEN \
         GRANT {OWNER} TO CURRENT_USER; END IF; END $$"
    ));
    statements.push(format!(
        "DO $$ BEGIN EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema()); \
         EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO {OWNER}', current_schema()); \
         EXECUTE format('GRANT USAGE ON SCHEMA %I TO {SERVE}, {WORK}, {ADMIN}, {AUDITOR}', current_schema()); END $$"
    ));
    run(manager, statements).await
}

/// Runs statements one after the other.
pub(crate) async fn run(manager: &SchemaManager<'_>, statements: Vec<String>) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}
