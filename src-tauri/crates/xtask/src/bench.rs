//! `cargo xtask bench`: the figures of the README.

use std::ffi::OsString;

use clap::Args;

use crate::{command, npm, packages, place, test};

#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Measure the window in place of the gateway: its start, what it takes
    /// when nothing happens, and how smooth it stays under load
    #[arg(long, conflicts_with = "args")]
    window: bool,
    /// Passed on to the benchmark of the gateway
    #[arg(last = true)]
    args: Vec<OsString>,
}

pub(crate) fn bench(args: &BenchArgs) -> anyhow::Result<()> {
    if args.window { window() } else { gateway(&args.args) }
}

fn gateway(args: &[OsString]) -> anyhow::Result<()> {
    // The benchmarks belong to the root package, and that is the desktop app.
    packages::ensure(&[packages::DESKTOP])?;
    if !place::ui().join("dist/index.html").exists() {
        npm::build_ui()?;
    }
    command::run(command::cargo(["bench"]).arg("--").args(args))
}

/// The programs are those of a release; what drives them is the tests'.
fn window() -> anyhow::Result<()> {
    test::system_packages()?;
    npm::build_ui()?;
    test::cargo(["build", "--release", "-p", "agw-cli", "-p", "ai-agent-gateway"])?;
    let mut measure = command::cargo(["test", "-p", "agw-tests", "measured::"]);
    measure.args(["--", "--ignored", "--nocapture"]);
    command::run(measure.env("AGW_TEST_PROGRAMS", place::target()?.join("release")))
}
