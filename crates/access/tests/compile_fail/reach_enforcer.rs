use cloister_access::compile;

fn main() {
    let _ = compile::enforcer;
}
