//! Jobs: work that is written down in the transaction that wants it, leased by a worker, and tried again.

use cloister_kernel::{JobId, TenantId};
use cloister_vault::SealedValue;
use sea_orm::{DbBackend, Value};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{PlatformStore, PlatformUnit};
use crate::{
    StoreError, database,
    statement::{Row, microseconds},
};

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::hours(6);

/// A job to be written down.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// What is to be done; the worker's handlers are registered by this word.
    pub kind: &'static str,
    /// What it is for: the purpose of the grant that the worker will act under.
    pub purpose: &'static str,
    /// In which clinic; `None` for the platform's own.
    pub tenant: Option<TenantId>,
    /// The row it is about.
    pub subject: Option<Uuid>,
    /// Not before.
    pub run_at: OffsetDateTime,
    /// A job with the same word exists at most once.
    pub dedupe_key: Option<String>,
    /// How often it is tried before it is given up.
    pub max_attempts: u16,
}

impl NewJob {
    /// A job to be run as soon as possible, tried ten times.
    pub const fn new(
        kind: &'static str,
        purpose: &'static str,
        tenant: TenantId,
        run_at: OffsetDateTime,
    ) -> Self {
        Self {
            kind,
            purpose,
            tenant: Some(tenant),
            subject: None,
            run_at,
            dedupe_key: None,
            max_attempts: 10,
        }
    }

    /// Names the row it is about.
    #[must_use]
    pub const fn about(mut self, subject: Uuid) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The statement that writes it down. It returns nothing, since `serve` may insert jobs but not read them.
    pub(crate) fn insertion(
        &self,
        id: JobId,
        input: Option<Vec<u8>>,
        now: i64,
    ) -> (&'static str, Vec<Value>) {
        let sql = "INSERT INTO jobs (id, kind, purpose, tenant_id, subject_id, input_sealed, dedupe_key, status, \
                   max_attempts, run_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', $8, $9, $10)";
        let values = vec![
            id.uuid().into(),
            self.kind.into(),
            self.purpose.into(),
            self.tenant.map(TenantId::uuid).into(),
            self.subject.into(),
            input.into(),
            self.dedupe_key.clone().into(),
            i64::from(self.max_attempts).into(),
            microseconds(self.run_at).into(),
            now.into(),
        ];
        (sql, values)
    }
}

/// A job that this worker holds until `lease_until`.
#[derive(Debug)]
pub struct LeasedJob {
    /// The job.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// What it is for.
    pub purpose: String,
    /// In which clinic.
    pub tenant: Option<TenantId>,
    /// The row it is about.
    pub subject: Option<Uuid>,
    /// How often it was leased, this time included.
    pub attempts: u16,
    /// Until when nobody else takes it.
    pub lease_until: OffsetDateTime,
    pub(crate) worker: Uuid,
    pub(crate) input: Option<SealedValue>,
}

/// Jobs of one kind whose time has come and that nobody works on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueJobs {
    /// What is to be done.
    pub kind: String,
    /// How many.
    pub count: u32,
    /// When the oldest of them was to run.
    pub oldest: OffsetDateTime,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobState {
    /// Waits for its time or a worker.
    Queued,
    /// A worker holds it.
    Leased,
    /// Done.
    Done,
    /// Given up, with the code of the last failure.
    Failed(String),
}

/// How far a job is.
#[derive(Debug, Clone)]
pub struct JobProgress {
    /// Where it stands.
    pub state: JobState,
    /// Items done.
    pub progress: i64,
    /// Items altogether, if known.
    pub total: Option<i64>,
}

impl PlatformUnit {
    /// Writes a job down with an input sealed under the platform's key, which `tenant-admin` and the worker may open.
    ///
    /// # Errors
    /// `Conflict` when its dedupe key exists.
    pub async fn enqueue(&mut self, job: NewJob, input: Option<&[u8]>) -> Result<JobId, StoreError> {
        let id = self.environment.id();
        let input = match input {
            Some(input) => Some(self.seal("jobs", "input_sealed", JobId::uuid(id), input)?),
            None => None,
        };
        let (sql, values) = job.insertion(id, input, self.now_microseconds());
        self.execute(sql, values).await?;
        Ok(id)
    }
}

impl PlatformStore {
    /// Leases up to `limit` due jobs of the given kinds to a worker, oldest first. A job whose lease ran out counts as
    /// due; two workers never get the same one.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn lease_jobs(
        &self,
        worker: Uuid,
        kinds: &[&str],
        lease: Duration,
        limit: u16,
    ) -> Result<Vec<LeasedJob>, StoreError> {
        if kinds.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.environment.now();
        let until = now + lease;
        let kinds_at: Vec<String> = (0..kinds.len()).map(|index| format!("${}", index + 5)).collect();
        let locking = match self.database.backend() {
            DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
            _ => "",
        };
        let sql = format!(
            "UPDATE jobs SET status = 'leased', lease_owner = $1, lease_until = $2, attempts = attempts + 1 \
             WHERE id IN (SELECT id FROM jobs WHERE kind IN ({}) AND ((status = 'queued' AND run_at <= $3) \
             OR (status = 'leased' AND lease_until < $3)) ORDER BY run_at, id LIMIT $4 {locking}) \
             RETURNING id, kind, purpose, tenant_id, subject_id, attempts, input_sealed",
            kinds_at.join(", ")
        );
        let mut values: Vec<Value> = vec![
            worker.into(),
            microseconds(until).into(),
            microseconds(now).into(),
            i64::from(limit).into(),
        ];
        values.extend(kinds.iter().map(|kind| Value::from(*kind)));
        let transaction = self.database.begin(None).await?;
        let statement = sea_orm::Statement::from_sql_and_values(self.database.backend(), sql, values);
        let rows = transaction.query_all_raw(statement).await?;
        database::commit(transaction).await?;
        rows.into_iter().map(|row| leased(&Row::from(row), worker, until)).collect()
    }

    /// What waits for a worker, by kind, and at which moment. A job whose lease ran out waits.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn due_jobs(&self) -> Result<(Vec<DueJobs>, OffsetDateTime), StoreError> {
        let now = self.environment.now();
        let sql = "SELECT kind, COUNT(*) AS waiting, MIN(run_at) AS oldest FROM jobs \
                   WHERE (status = 'queued' AND run_at <= $1) OR (status = 'leased' AND lease_until < $1) GROUP BY kind";
        let rows = self.rows(sql, vec![microseconds(now).into()]).await?;
        let due = rows.iter().map(|row| {
            let count = u32::try_from(row.get::<i64>("waiting")?).unwrap_or(u32::MAX);
            Ok(DueJobs { kind: row.get("kind")?, count, oldest: row.moment("oldest")? })
        });
        Ok((due.collect::<Result<_, StoreError>>()?, now))
    }

    /// Opens the sealed input of a leased job.
    ///
    /// # Errors
    /// `Keys`; `NotFound` when it has none.
    pub async fn job_input(&self, job: &LeasedJob) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let sealed = job.input.as_ref().ok_or(StoreError::NotFound)?;
        self.open("jobs", "input_sealed", job.id.uuid(), sealed).await
    }

    /// Keeps a lease for longer and says how far the job is.
    ///
    /// # Errors
    /// `LeaseLost` when another worker took it.
    pub async fn renew_job(
        &self,
        job: &mut LeasedJob,
        lease: Duration,
        progress: i64,
        total: Option<i64>,
    ) -> Result<(), StoreError> {
        let until = self.environment.now() + lease;
        self.change_leased(
            job,
            "lease_until = $3, progress = $4, total = $5",
            vec![microseconds(until).into(), progress.into(), total.into()],
        )
        .await?;
        job.lease_until = until;
        Ok(())
    }

    /// Marks a job as done and forgets its input.
    ///
    /// # Errors
    /// `LeaseLost` when another worker took it.
    pub async fn finish_job(&self, job: LeasedJob) -> Result<(), StoreError> {
        let now = microseconds(self.environment.now());
        self.change_leased(
            &job,
            "status = 'done', finished_at = $3, input_sealed = NULL, lease_owner = NULL, lease_until = NULL",
            vec![now.into()],
        )
        .await
    }

    /// Notes a failure: the job is tried again later (each wait twice as long, at most six hours), or given up when
    /// `again` is false or its tries are spent. Whether it is given up.
    ///
    /// # Errors
    /// `LeaseLost` when another worker took it.
    pub async fn fail_job(&self, job: LeasedJob, code: &str, again: bool) -> Result<bool, StoreError> {
        let now = self.environment.now();
        let wait = Duration::seconds(1 << job.attempts.clamp(1, 15)).min(LONGEST_WAIT);
        let sql = "UPDATE jobs SET status = CASE WHEN $3 AND attempts < max_attempts THEN 'queued' ELSE 'failed' END, \
                   finished_at = CASE WHEN $3 AND attempts < max_attempts THEN NULL ELSE $4 END, \
                   run_at = $5, failure_code = $6, lease_owner = NULL, lease_until = NULL \
                   WHERE id = $1 AND lease_owner = $2 AND status = 'leased' RETURNING status";
        let values = vec![
            job.id.uuid().into(),
            job.worker.into(),
            again.into(),
            microseconds(now).into(),
            microseconds(now + wait).into(),
            code.into(),
        ];
        let transaction = self.database.begin(None).await?;
        let statement = sea_orm::Statement::from_sql_and_values(self.database.backend(), sql, values);
        let changed = transaction.query_one_raw(statement).await?;
        database::commit(transaction).await?;
        let changed = Row::from(changed.ok_or(StoreError::LeaseLost)?);
        Ok(changed.get::<String>("status")? == "failed")
    }

    /// How far a job is; `None` when there is no such job.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn job_progress(&self, job: JobId) -> Result<Option<JobProgress>, StoreError> {
        let sql = "SELECT status, progress, total, failure_code FROM jobs WHERE id = $1";
        let Some(row) = self.row(sql, vec![job.uuid().into()]).await? else { return Ok(None) };
        let state = match row.get::<String>("status")?.as_str() {
            "queued" => JobState::Queued,
            "leased" => JobState::Leased,
            "done" => JobState::Done,
            "failed" => JobState::Failed(row.get::<Option<String>>("failure_code")?.unwrap_or_default()),
            _ => return Err(StoreError::Corrupt("jobs.status")),
        };
        Ok(Some(JobProgress { state, progress: row.get("progress")?, total: row.get("total")? }))
    }

    async fn change_leased(&self, job: &LeasedJob, change: &str, more: Vec<Value>) -> Result<(), StoreError> {
        let sql =
            format!("UPDATE jobs SET {change} WHERE id = $1 AND lease_owner = $2 AND status = 'leased'");
        let mut values: Vec<Value> = vec![job.id.uuid().into(), job.worker.into()];
        values.extend(more);
        match self.database.execute(&sql, values).await? {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(()),
        }
    }
}

fn leased(row: &Row, worker: Uuid, lease_until: OffsetDateTime) -> Result<LeasedJob, StoreError> {
    Ok(LeasedJob {
        id: JobId::from_uuid(row.get("id")?),
        kind: row.get("kind")?,
        purpose: row.get("purpose")?,
        tenant: row.get::<Option<Uuid>>("tenant_id")?.map(TenantId::from_uuid),
        subject: row.get("subject_id")?,
        attempts: u16::try_from(row.get::<i64>("attempts")?).unwrap_or(u16::MAX),
        lease_until,
        worker,
        input: row.sealed_or_none("input_sealed")?,
    })
}
