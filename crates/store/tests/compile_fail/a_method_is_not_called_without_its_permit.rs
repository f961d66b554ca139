use cloister_store::{StoreError, UnitOfWork};

async fn list(unit: &mut UnitOfWork<'_>) -> Result<(), StoreError> {
    unit.staff().await?;
    Ok(())
}

fn main() {}
