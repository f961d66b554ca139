use cloister_access::{action::Read, resource::Record};
use cloister_store::{StoreError, Target, UnitOfWork};

async fn late(mut unit: UnitOfWork<'_>) -> Result<(), StoreError> {
    unit.commit(()).await?;
    let _ = unit.permit::<Read, Record>(Target::OwnRecord).await;
    Ok(())
}

fn main() {}
