use cloister_access::{Permit, action::List, resource::StaffMember};
use cloister_store::{StoreError, UnitOfWork};

async fn twice(unit: &mut UnitOfWork<'_>, permit: Permit<List, StaffMember>) -> Result<(), StoreError> {
    unit.staff(permit).await?;
    unit.staff(permit).await?;
    Ok(())
}

fn main() {}
