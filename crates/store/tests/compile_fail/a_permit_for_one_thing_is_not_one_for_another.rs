use cloister_access::{Permit, action::Read, resource::StaffMember};
use cloister_store::{StoreError, UnitOfWork};

async fn list(unit: &mut UnitOfWork<'_>, permit: Permit<Read, StaffMember>) -> Result<(), StoreError> {
    unit.staff(permit).await?;
    Ok(())
}

fn main() {}
