//! Where the test data is, and how it is opened.

#[allow(dead_code, reason = "each suite uses its own part")]
pub(crate) mod labs;

use std::{
    fs::{self, File},
    io::Read,
    path::PathBuf,
};

use flate2::read::GzDecoder;

/// The folder of test data, or nothing (said plainly) where it is absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CLOISTER_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if !folder.exists() {
        println!("NOT RUN: no test data");
        return None;
    }
    Some(folder)
}

/// The files of a folder of test data with their names, unpacked if they are compressed, in order of name.
#[allow(dead_code, reason = "each suite uses its own part")]
pub(crate) fn files(name: &str) -> Vec<(String, Vec<u8>)> {
    let Some(folder) = folder(name) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), open(path)))
        .collect()
}

/// One file, unpacked if it is compressed.
#[allow(dead_code, reason = "each suite uses its own part")]
pub(crate) fn open(path: PathBuf) -> Vec<u8> {
    let mut bytes = Vec::new();
    let file = File::open(&path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    } else {
        let mut file = file;
        file.read_to_end(&mut bytes).unwrap();
    }
    bytes
}
