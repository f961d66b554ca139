//! The worker's way into a clinic: a leased job becomes a caller that may act for the job's purpose only.

use cloister_access::{Caller, JobGrant, JobPurpose};
use cloister_kernel::Environment;

use crate::{LeasedJob, StoreError};

impl LeasedJob {
    /// The caller that this job lets the worker be, while the lease holds.
    ///
    /// # Errors
    /// `LeaseLost` when the lease has run out; `NotFound` when the job is the platform's own; `Corrupt` when its
    /// purpose is not one that jobs have.
    pub fn caller(&self, environment: &Environment) -> Result<Caller, StoreError> {
        let at = environment.now();
        if at >= self.lease_until {
            return Err(StoreError::LeaseLost);
        }
        let tenant = self.tenant.ok_or(StoreError::NotFound)?;
        let purpose = [JobPurpose::DeliverMessage, JobPurpose::InviteOwner]
            .into_iter()
            .find(|purpose| purpose.as_str() == self.purpose)
            .ok_or(StoreError::Corrupt("jobs.purpose"))?;
        Ok(mint(JobGrant { tenant, purpose, job: self.id, request: environment.id(), at }))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that makes a caller of a leased job")]
fn mint(grant: JobGrant) -> Caller {
    Caller::from_job_grant(grant)
}
