//! `cargo xtask screenshots`: a picture of every screen, to look at and for
//! the docs.

use std::fs;

use anyhow::Context as _;
use clap::Args;

use crate::{npm, place, run, test};

#[derive(Debug, Args)]
pub(crate) struct ScreenshotsArgs {
    /// Put those that the README and the docs show in the place of the old ones
    #[arg(long)]
    docs: bool,
}

const STEPS: &[test::Step] = &[
    ("system packages", test::system_packages),
    ("web view", npm::build_ui),
    ("parts for tests: Python packages", test::python_packages),
    ("the gateway and the desktop app", run::build_app),
    ("pictures", pictures),
];

/// What is taken, and what it is in `src-tauri/docs`.
const IN_DOCS: &[(&str, &str)] = &[
    ("home-1280x800-light.png", "home.png"),
    ("the-grid-1280x800-light.png", "grid.png"),
    ("approvals-1280x800-light.png", "approval.png"),
    // The real window, and the real prompt.
    ("first-run-9-allowed.png", "first-call.png"),
    ("prompt.png", "prompt.png"),
];

pub(crate) fn screenshots(args: &ScreenshotsArgs) -> anyhow::Result<()> {
    test::take(STEPS)?;
    let taken = place::target()?.join("screenshots");
    println!("\nThe pictures are in {}", taken.display());
    if args.docs {
        let docs = place::root().join("src-tauri/docs");
        for (picture, name) in IN_DOCS {
            fs::copy(taken.join(picture), docs.join(name))
                .with_context(|| format!("cannot copy {picture} to {name}"))?;
        }
        println!("Those of the docs are in {}", docs.display());
    }
    Ok(())
}

/// Of every screen in a browser, and what of the real window its tests leave.
fn pictures() -> anyhow::Result<()> {
    test::cargo([
        "test",
        "-p",
        "agw-tests",
        "--",
        "--include-ignored",
        "--nocapture",
        "screens::pictures",
        "window::first_run::somebody_new",
        "window::prompt::where_notifications",
    ])
}
