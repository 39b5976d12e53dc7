//! `cargo xtask package`: the desktop app and `agw` beside it, as .deb and
//! .rpm.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::{command, npm, packages, place};

/// Tells the bundler about `agw`. It is not in tauri.conf.json, because the
/// app's build script would then want a released `agw` in every build.
const OVERLAY: &str = r#"{
  "bundle": {
    "linux": {
      "deb": { "files": { "/usr/bin/agw": "AGW" } },
      "rpm": { "files": { "/usr/bin/agw": "AGW" } }
    }
  }
}
"#;

pub(crate) fn package() -> anyhow::Result<()> {
    ensure!(
        cfg!(target_os = "linux"),
        "packages are made on Linux only so far; `cargo build --release` works everywhere"
    );
    packages::ensure(&[packages::DESKTOP, packages::PACKAGING])?;
    npm::install(&place::ui())?;
    let bundler = place::ui().join("node_modules/.bin/tauri");
    ensure!(
        bundler.exists(),
        "the bundler is missing: add it with `npm install --save-dev @tauri-apps/cli` in ui/"
    );
    npm::ui_script("build")?;
    command::run(&mut command::cargo(["build", "--release", "-p", "agw-cli"]))?;

    let target = place::target()?;
    let agw = target.join("release/agw");
    let agw = agw.to_str().context("the path of the target folder is not valid UTF-8")?;
    ensure!(!agw.contains(['"', '\\']), "the bundler cannot take a path with quotes: {agw}");
    let overlay = target.join("tauri.package.json");
    fs::write(&overlay, OVERLAY.replace("AGW", agw))
        .with_context(|| format!("cannot write {}", overlay.display()))?;

    let mut bundle = Command::new(bundler);
    bundle.args(["build", "--ci", "--bundles", "deb,rpm", "--config"]).arg(&overlay);
    // More than one package.json confuses the bundler's search.
    bundle.env("TAURI_FRONTEND_PATH", "ui").current_dir(place::root());
    command::run(&mut bundle)?;
    println!("the packages are in {}", target.join("release/bundle").display());
    Ok(())
}
