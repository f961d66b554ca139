//! Gives the crate the digest of the migrations that are compiled into it: a template database is kept under it.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io,
};

const MIGRATIONS: &str = "../../migrations/src";

fn main() -> io::Result<()> {
    let mut sources = BTreeMap::new();
    for entry in fs::read_dir(MIGRATIONS)? {
        let entry = entry?;
        sources.insert(entry.file_name(), fs::read(entry.path())?);
    }
    let mut digest = DefaultHasher::new();
    sources.hash(&mut digest);
    println!("cargo::rerun-if-changed={MIGRATIONS}");
    println!("cargo::rustc-env=CLOISTER_MIGRATIONS_DIGEST={:016x}", digest.finish());
    Ok(())
}
