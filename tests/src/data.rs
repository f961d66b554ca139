//! Input that nobody on this project wrote: from `CLOISTER_TEST_DATA`, else beside the repository.

use std::path::PathBuf;

/// A file or folder of the test data. Prints plainly when it is absent; the suite then does not run.
pub fn test_data(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CLOISTER_TEST_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"), PathBuf::from);
    let found = root.join(path);
    if found.exists() {
        return Some(found);
    }
    note(path);
    None
}

#[expect(clippy::print_stdout, reason = "the test run counts these lines as tests that did not run")]
fn note(path: &str) {
    println!("NOT RUN: no test data ({path})");
}
