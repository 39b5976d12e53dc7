//! Where things lie.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The top folder of the repository.
pub(crate) fn root() -> &'static Path {
    // This crate is at src-tauri/crates/xtask.
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(3).unwrap_or(own)
}

pub(crate) fn ui() -> PathBuf {
    root().join("ui")
}

/// A program that Cargo built beside this one, in the same profile.
pub(crate) fn built(program: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(own.with_file_name(format!("{program}{}", std::env::consts::EXE_SUFFIX)))
}

/// Cargo's target folder, wherever it was moved.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program lies")?;
    let target = own.ancestors().nth(2).context("this program was not built by Cargo")?;
    Ok(target.to_owned())
}

/// A variable that is there and not empty.
pub(crate) fn var(name: impl AsRef<OsStr>) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// Whether a CI system says that it is one.
pub(crate) fn in_ci() -> bool {
    var("CI").is_some_and(|value| value != "false")
}
