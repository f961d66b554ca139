use cloister_access::{action::Read, resource::Record};
use cloister_store::{Target, VisitUnit};

async fn read(visit: &mut VisitUnit<'_>) {
    let _ = visit.permit::<Read, Record>(Target::OwnRecord).await;
}

fn main() {}
