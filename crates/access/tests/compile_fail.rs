//! What must not compile: every way around the functions that mint callers, facts and permits.

#[test]
fn authority_cannot_be_made_copied_received_or_used_for_something_else() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
