//! The comparison of the live PostgreSQL catalogue with [`crate::catalogue`].
//!
//! Relations of extensions are left out; every other relation of every schema must be listed.

use std::collections::BTreeMap;

use cloister_kernel::{Failure, FailureKind};
use sea_orm::DbBackend;

use crate::{
    StoreError,
    catalogue::{APPEND_ONLY, BOOKKEEPING, COLUMN_READS, Grant, PLATFORM, POLICY, TENANT},
    database::Database,
    statement::Row,
};

/// How the live database differs from what this program was built for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IsolationError {
    /// This process's role is, or may become, one that row security does not bind.
    #[error("the database role may become {0}, which row security does not bind")]
    RoleBypasses(String),
    /// This process's role owns a relation, or may become its owner.
    #[error("the database role may act as the owner of {0}")]
    RoleOwns(String),
    /// A relation that is not listed.
    #[error("the relation {0} is not in the catalogue")]
    Unlisted(String),
    /// A view that reads with its owner's rights.
    #[error("the view {0} does not have security_invoker")]
    ViewWithoutInvoker(String),
    /// A function that runs with its owner's rights.
    #[error("the function {0} is SECURITY DEFINER")]
    DefinerFunction(String),
    /// A listed table that is not there.
    #[error("the table {0} is missing")]
    Missing(String),
    /// A tenant table whose row security is not both enabled and forced.
    #[error("row security of {0} is not enabled and forced")]
    NotForced(String),
    /// A tenant table whose policies are not exactly the one expected.
    #[error("the row security policy of {0} is not the expected one")]
    Policy(String),
    /// A tenant table whose primary key or a unique index does not begin with the tenant.
    #[error("a key of {0} does not begin with the tenant")]
    Key(String),
    /// A tenant table with a foreign key that does not carry the tenant.
    #[error("a foreign key of {0} does not carry the tenant")]
    ForeignKey(String),
    /// Somebody has more or fewer rights on a table than listed.
    #[error("the rights on {0} are not the listed ones")]
    Grants(String),
    /// A platform table with other columns than listed.
    #[error("the columns of {0} are not the listed ones")]
    Columns(String),
    /// A table that only grows, without the trigger that keeps it so.
    #[error("the table {0} can be changed")]
    NotAppendOnly(String),
}

impl Failure for IsolationError {
    fn code(&self) -> &'static str {
        "store.not_isolated"
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Internal
    }
}

const ROLES: &str = "SELECT rolname::text AS name FROM pg_roles \
     WHERE (rolsuper OR rolbypassrls) AND pg_has_role(current_user, oid, 'MEMBER') ORDER BY 1";

/// Everything that is neither the system's nor an extension's.
const OURS: &str = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%' \
     AND n.nspname NOT LIKE 'pg\\_temp%' \
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = x.oid AND d.deptype = 'e')";

const FUNCTIONS: &str = "SELECT x.proname::text AS name FROM pg_proc x JOIN pg_namespace n ON n.oid = x.pronamespace \
     WHERE x.prosecdef AND ";

const RELATIONS: &str = "SELECT CASE WHEN n.nspname = current_schema() THEN x.relname::text \
       ELSE n.nspname || '.' || x.relname END AS name, \
     x.relkind::text AS kind, x.relrowsecurity AS enabled, x.relforcerowsecurity AS forced, \
     pg_has_role(current_user, x.relowner, 'MEMBER') AS owned, \
     COALESCE('security_invoker=true' = ANY (x.reloptions), false) AS invoker, \
     (SELECT p.relname::text FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent \
        WHERE i.inhrelid = x.oid AND x.relispartition) AS parent, \
     (SELECT string_agg(concat_ws('|', polcmd, polpermissive, polroles::text, pg_get_expr(polqual, polrelid), \
        pg_get_expr(polwithcheck, polrelid)), ';') FROM pg_policy WHERE polrelid = x.oid) AS policies, \
     (SELECT string_agg(a.attname, ' ' ORDER BY a.attnum) FROM pg_attribute a \
        WHERE a.attrelid = x.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns, \
     (SELECT string_agg(COALESCE(r.rolname::text, 'PUBLIC') || ' ' || g.privilege_type || ' ' || a.attname, ',') \
        FROM pg_attribute a CROSS JOIN LATERAL aclexplode(a.attacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee \
        WHERE a.attrelid = x.oid) AS column_grants, \
     (SELECT count(*) FROM pg_index k JOIN pg_attribute a ON a.attrelid = x.oid AND a.attnum = k.indkey[0] \
        WHERE k.indrelid = x.oid AND k.indisprimary AND a.attname = 'tenant_id') AS keyed, \
     (SELECT count(*) FROM pg_index k LEFT JOIN pg_attribute a ON a.attrelid = x.oid AND a.attnum = k.indkey[0] \
        WHERE k.indrelid = x.oid AND k.indisunique AND a.attname IS DISTINCT FROM 'tenant_id') AS other_unique, \
     (SELECT count(*) FROM pg_constraint f WHERE f.conrelid = x.oid AND f.contype = 'f' AND NOT EXISTS (SELECT FROM \
        pg_attribute a WHERE a.attrelid = x.oid AND a.attname = 'tenant_id' AND a.attnum = ANY (f.conkey))) AS loose, \
     (SELECT count(*) FROM pg_trigger t WHERE t.tgrelid = x.oid AND t.tgenabled IN ('O', 'A') \
        AND t.tgname = x.relname || '_append_only' AND t.tgtype & 27 = 27) AS guards, \
     (SELECT string_agg(COALESCE(r.rolname::text, 'PUBLIC') || ' ' || g.privilege_type, ',') \
        FROM aclexplode(x.relacl) g LEFT JOIN pg_roles r ON r.oid = g.grantee \
        WHERE g.grantee <> x.relowner) AS grants \
     FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace WHERE x.relkind IN ('r', 'p', 'v', 'm', 'f') AND ";

/// Refuses a PostgreSQL database whose isolation is not in force. Does nothing on SQLite.
pub(crate) async fn verify(database: &Database) -> Result<(), StoreError> {
    if database.backend() != DbBackend::Postgres {
        return Ok(());
    }
    if let Some(role) = database.rows(ROLES, vec![]).await?.into_iter().next() {
        return Err(IsolationError::RoleBypasses(Row::from(role).get("name")?).into());
    }
    if let Some(function) = database.rows(&format!("{FUNCTIONS}{OURS}"), vec![]).await?.into_iter().next() {
        return Err(IsolationError::DefinerFunction(Row::from(function).get("name")?).into());
    }
    let mut relations = BTreeMap::new();
    for row in database.rows(&format!("{RELATIONS}{OURS} ORDER BY 1"), vec![]).await? {
        let relation = Relation::read(&Row::from(row))?;
        relations.insert(relation.name.clone(), relation);
    }
    verify_relations(&relations)?;
    Ok(())
}

struct Relation {
    name: String,
    kind: String,
    enabled: bool,
    forced: bool,
    owned: bool,
    invoker: bool,
    parent: Option<String>,
    policies: Option<String>,
    columns: Option<String>,
    column_grants: Option<String>,
    keyed: i64,
    other_unique: i64,
    loose: i64,
    guards: i64,
    grants: Option<String>,
}

impl Relation {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            name: row.get("name")?,
            kind: row.get("kind")?,
            enabled: row.get("enabled")?,
            forced: row.get("forced")?,
            owned: row.get("owned")?,
            invoker: row.get("invoker")?,
            parent: row.get("parent")?,
            policies: row.get("policies")?,
            columns: row.get("columns")?,
            column_grants: row.get("column_grants")?,
            keyed: row.get("keyed")?,
            other_unique: row.get("other_unique")?,
            loose: row.get("loose")?,
            guards: row.get("guards")?,
            grants: row.get("grants")?,
        })
    }

    /// Whether exactly the listed rights are given, to exactly the listed roles: on the whole table, and by column.
    fn has_grants(&self, listed: &[Grant]) -> bool {
        let on_table = listed
            .iter()
            .flat_map(|(role, rights)| rights.split(' ').map(move |right| format!("{role} {right}")));
        let by_column =
            COLUMN_READS.iter().filter(|(table, ..)| *table == self.name).flat_map(|(_, role, columns)| {
                columns.split(' ').map(move |column| format!("{role} SELECT {column}"))
            });
        agree(self.grants.as_deref(), on_table.collect())
            && agree(self.column_grants.as_deref(), by_column.collect())
    }

    fn verify_tenant_table(&self, grants: &[Grant]) -> Result<(), IsolationError> {
        let name = || self.name.clone();
        if !(self.enabled && self.forced) {
            return Err(IsolationError::NotForced(name()));
        }
        if self.policies.as_deref() != Some(&format!("*|t|{{0}}|{POLICY}|{POLICY}")) {
            return Err(IsolationError::Policy(name()));
        }
        if self.keyed != 1 || self.other_unique != 0 {
            return Err(IsolationError::Key(name()));
        }
        if self.loose != 0 {
            return Err(IsolationError::ForeignKey(name()));
        }
        if !self.has_grants(grants) {
            return Err(IsolationError::Grants(name()));
        }
        Ok(())
    }
}

/// Whether what was found, separated by commas, is what was expected, in whatever order.
fn agree(found: Option<&str>, mut expected: Vec<String>) -> bool {
    let mut found: Vec<&str> = found.iter().flat_map(|found| found.split(',')).collect();
    expected.sort_unstable();
    found.sort_unstable();
    expected == found
}

fn verify_relations(relations: &BTreeMap<String, Relation>) -> Result<(), IsolationError> {
    for relation in relations.values() {
        let name = || relation.name.clone();
        if relation.owned {
            return Err(IsolationError::RoleOwns(name()));
        }
        if let Some(table) = TENANT.iter().find(|table| table.name == relation.name) {
            relation.verify_tenant_table(table.grants)?;
        } else if let Some(table) = PLATFORM.iter().find(|table| table.name == relation.name) {
            let columns = relation.columns.as_deref().unwrap_or_default();
            if !columns.split(' ').eq(table.columns.split_whitespace()) {
                return Err(IsolationError::Columns(name()));
            }
            if !relation.has_grants(table.grants) {
                return Err(IsolationError::Grants(name()));
            }
        } else if relation.name == BOOKKEEPING {
            if !relation.has_grants(&[]) {
                return Err(IsolationError::Grants(name()));
            }
        } else if TENANT.iter().any(|table| relation.parent.as_deref() == Some(table.name)) {
            relation.verify_tenant_table(&[])?;
        } else if relation.kind == "v" && !relation.invoker {
            return Err(IsolationError::ViewWithoutInvoker(name()));
        } else {
            return Err(IsolationError::Unlisted(name()));
        }
        if APPEND_ONLY.contains(&relation.name.as_str()) && relation.guards != 1 {
            return Err(IsolationError::NotAppendOnly(name()));
        }
    }
    let listed = TENANT.iter().map(|table| table.name).chain(PLATFORM.iter().map(|table| table.name));
    for name in listed {
        if !relations.contains_key(name) {
            return Err(IsolationError::Missing(name.to_owned()));
        }
    }
    Ok(())
}
