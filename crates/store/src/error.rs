//! What can go wrong in the store, and how it is answered.

#[cfg(feature = "tenant")]
use cloister_access::Denied;
use cloister_kernel::{Failure, FailureKind, FieldError};
use cloister_vault::VaultError;
use sea_orm::{DbErr, RuntimeErr, SqlErr};

use crate::isolation::IsolationError;

/// Why the store did not do something. Nothing was released or changed, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached, has no free connection, or took too long.
    #[error("The database is not available.")]
    Unavailable(#[source] DbErr),
    /// A key could not be opened, or a stored value did not open. If it came out of `commit`, the changes and events
    /// stand and no value was released.
    #[error("{0}")]
    Keys(#[from] VaultError),
    /// The clinic has no keys yet, or there is no such clinic.
    #[error("The clinic is not ready.")]
    TenantNotReady,
    /// The clinic is a draft, which admits nobody but its owner to the activation of her account.
    #[error("The clinic's portal is not open yet.")]
    TenantNotOpen,
    /// The clinic is suspended.
    #[error("The clinic's portal is suspended.")]
    TenantSuspended,
    /// The clinic's kill switch is thrown.
    #[error("The clinic's portal is switched off.")]
    KillSwitch,
    /// The account or machine client was disabled or removed.
    #[error("The account is not active.")]
    AccountDisabled,
    /// The session or token is of an earlier revocation epoch.
    #[error("The session has ended.")]
    SessionRevoked,
    /// The clinic's policy is not among its policy versions, or does not compile.
    #[error("The clinic's access policy cannot be read.")]
    Policy,
    /// The decision was no; its event was written.
    #[cfg(feature = "tenant")]
    #[error("{0}")]
    Denied(Denied),
    /// There is no such row.
    #[error("There is no such thing here.")]
    NotFound,
    /// A row with these unique values exists already, or a row that this one names does not.
    #[error("The present state does not allow this.")]
    Conflict,
    /// The cursor is not one that this caller got for this query.
    #[error("The cursor is not valid for this list.")]
    Cursor,
    /// A permit of another clinic or caller, or one that does not name what the statement needs.
    #[error("The permit does not fit.")]
    ForeignPermit,
    /// A pending value of another unit of work was handed to `commit`. Nothing was committed.
    #[error("The value belongs to another unit of work.")]
    ForeignPending,
    /// The target and the resource type of a permit do not belong together.
    #[error("The target is not of this type.")]
    TargetMismatch,
    /// A stored row holds something that no version of the program writes.
    #[error("A stored value cannot be read.")]
    Corrupt(&'static str),
    /// The database's isolation is not in force.
    #[error("{0}")]
    Isolation(#[from] IsolationError),
    /// The lease of a job was lost to another worker.
    #[error("The job's lease has ended.")]
    LeaseLost,
    /// A task of the store was stopped in its middle.
    #[error("The operation was stopped.")]
    Stopped,
    /// The configuration cannot be used.
    #[error("The database configuration is not valid: {0}")]
    Configuration(String),
    /// The database refused a statement.
    #[error("The database refused a statement.")]
    Database(#[source] DbErr),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) =
            error.sql_err()
        {
            return Self::Conflict;
        }
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Self::Unavailable(error),
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause))
                if is_outage(cause) =>
            {
                Self::Unavailable(error)
            }
            _ => Self::Database(error),
        }
    }
}

/// Lost connections, statement, lock and idle time-outs, shut-downs, SQLite's busy, and a connection that forgot its
/// named statements.
fn is_outage(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => database.code().is_some_and(|code| {
            code.starts_with("08")
                || code.starts_with("53")
                || code.starts_with("57")
                || matches!(&*code, "25P03" | "26000" | "55P03" | "40001" | "40P01" | "5" | "261" | "517")
        }),
        _ => false,
    }
}

impl Failure for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unavailable(_) => "store.unavailable",
            Self::Keys(error) => error.code(),
            Self::TenantNotReady => "tenant.not_ready",
            Self::TenantNotOpen => "tenant.not_open",
            Self::TenantSuspended => "tenant.suspended",
            Self::KillSwitch => "tenant.switched_off",
            Self::AccountDisabled => "account.disabled",
            Self::SessionRevoked => "session.revoked",
            Self::Policy => "policy.unreadable",
            #[cfg(feature = "tenant")]
            Self::Denied(denied) => denied.code(),
            Self::NotFound => cloister_access::CONCEALED_CODE,
            Self::Conflict => "store.conflict",
            Self::Cursor => "cursor.invalid",
            Self::ForeignPermit => "store.foreign_permit",
            Self::ForeignPending => "store.foreign_pending",
            Self::TargetMismatch => "store.target_mismatch",
            Self::Corrupt(_) => "store.corrupt",
            Self::Isolation(error) => error.code(),
            Self::LeaseLost => "job.lease_lost",
            Self::Stopped => "store.stopped",
            Self::Configuration(_) => "store.configuration",
            Self::Database(_) => "store.refused",
        }
    }

    fn kind(&self) -> FailureKind {
        match self {
            Self::Unavailable(_) | Self::TenantNotReady | Self::KillSwitch | Self::Policy | Self::Stopped => {
                FailureKind::Unavailable
            }
            Self::Keys(error) => error.kind(),
            Self::TenantNotOpen | Self::TenantSuspended => FailureKind::Forbidden,
            Self::AccountDisabled | Self::SessionRevoked => FailureKind::Unauthenticated,
            #[cfg(feature = "tenant")]
            Self::Denied(denied) => denied.kind(),
            Self::NotFound => FailureKind::NotFound,
            Self::Conflict | Self::LeaseLost => FailureKind::Conflict,
            Self::Cursor => FailureKind::Invalid(vec![FieldError::new(
                "cursor",
                "cursor.invalid",
                "is not a cursor of this list",
            )]),
            Self::ForeignPermit
            | Self::ForeignPending
            | Self::TargetMismatch
            | Self::Corrupt(_)
            | Self::Isolation(_)
            | Self::Configuration(_)
            | Self::Database(_) => FailureKind::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{borrow::Cow, error::Error, fmt, io};

    use sqlx::error::{DatabaseError, ErrorKind};

    use super::*;

    /// What a database says, by its code.
    #[derive(Debug)]
    struct Told(&'static str);

    impl fmt::Display for Told {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Told {}

    impl DatabaseError for Told {
        fn message(&self) -> &str {
            "told"
        }

        fn code(&self) -> Option<Cow<'_, str>> {
            Some(Cow::Borrowed(self.0))
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    fn is_unavailable(cause: impl Fn() -> sqlx::Error) -> bool {
        let wrapped = || RuntimeErr::SqlxError(cause().into());
        let kinds =
            [DbErr::Exec(wrapped()), DbErr::Query(wrapped())].map(|error| StoreError::from(error).kind());
        assert_eq!(kinds[0], kinds[1], "whether it asked or wrote is no difference");
        kinds[0] == FailureKind::Unavailable
    }

    #[test]
    fn what_passes_by_itself_is_an_outage_and_what_does_not_is_our_fault() {
        for code in [
            "08006", "53300", "57014", "57P01", "25P03", "26000", "55P03", "40001", "40P01", "5", "261",
            "517",
        ] {
            assert!(is_unavailable(|| sqlx::Error::Database(Box::new(Told(code)))), "{code}");
        }
        for code in ["42501", "42P01", "22021", "25P02", "1", "26001"] {
            assert!(!is_unavailable(|| sqlx::Error::Database(Box::new(Told(code)))), "{code}");
        }
        assert!(is_unavailable(|| io::Error::from(io::ErrorKind::TimedOut).into()));
        assert!(is_unavailable(|| sqlx::Error::Tls("no".into())));
        assert!(is_unavailable(|| sqlx::Error::PoolTimedOut));
        assert!(is_unavailable(|| sqlx::Error::PoolClosed));
        assert!(is_unavailable(|| sqlx::Error::WorkerCrashed));
        assert!(!is_unavailable(|| sqlx::Error::RowNotFound));
        let unconnected =
            StoreError::from(DbErr::Conn(RuntimeErr::SqlxError(sqlx::Error::RowNotFound.into())));
        assert_eq!(unconnected.kind(), FailureKind::Unavailable, "without a connection nothing was asked");
    }
}
