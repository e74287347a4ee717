//! What the end-to-end tests share: the case folders, the stage around them and the running of programs.

#![allow(dead_code, reason = "each test binary uses its part")]

pub mod case;
pub mod normal;
pub mod peer;
pub mod process;
pub mod stage;

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository's root exists")
}

/// A Python with the reference and moto.
pub fn python() -> PathBuf {
    std::env::var_os("FRACAS_PYTHON")
        .expect("FRACAS_PYTHON is not set: run the tests through `cargo xtask test`")
        .into()
}

/// The program under test.
pub fn fracas() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_fracas"))
}
