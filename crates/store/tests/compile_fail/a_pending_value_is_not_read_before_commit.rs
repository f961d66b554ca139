use cloister_kernel::Phi;
use cloister_store::Pending;

fn read(pending: Pending<Phi<String>>) -> Phi<String> {
    (pending.open)()
}

fn main() {}
