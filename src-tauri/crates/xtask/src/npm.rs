//! The npm projects: the web view in ui/ and the test parts in tests/fixtures.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::{command, place};

/// What was installed: a copy of package.json and package-lock.json. It lies
/// in node_modules, which `npm ci` deletes first, so that neither a failed
/// installation nor one made by hand is taken for this one.
const STAMP: &str = ".xtask-installed";

/// `npm ci` in `dir`, unless that was done for these very files.
pub(crate) fn install(dir: &Path) -> anyhow::Result<()> {
    let read = |name: &str| {
        let path = dir.join(name);
        fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let wanted = [read("package.json")?, read("package-lock.json")?].concat();
    let stamp = dir.join("node_modules").join(STAMP);
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("{} is up to date", dir.join("node_modules").display());
        return Ok(());
    }
    command::run(npm().args(["ci", "--no-audit", "--no-fund"]).current_dir(dir))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Runs a script of ui/package.json.
pub(crate) fn ui_script(script: &str) -> anyhow::Result<()> {
    command::run(npm().args(["run", script]).current_dir(place::ui()))
}

/// The web view's files, as the desktop app embeds and the gateway serves them.
pub(crate) fn build_ui() -> anyhow::Result<()> {
    install(&place::ui())?;
    ui_script("build")
}

fn npm() -> Command {
    // A script on Windows, which is found under its full name only.
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}
