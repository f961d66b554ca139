use cloister_access::Caller;
use cloister_store::UnitOfWork;

fn forge(caller: &Caller) -> UnitOfWork<'_> {
    UnitOfWork { caller }
}

fn main() {}
