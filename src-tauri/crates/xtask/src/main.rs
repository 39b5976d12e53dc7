//! The project's own commands, in place of shell scripts:
//!
//! ```text
//! cargo xtask run           the gateway and its window, from a fresh clone
//! cargo xtask test          everything that must hold before a change goes in
//! cargo xtask conformance   the official conformance suite of MCP
//! cargo xtask screenshots   a picture of every screen
//! cargo xtask bench         the figures of the README
//! ```
//!
//! It depends on no crate of the gateway, so that it is built in seconds and
//! can install what those crates need to build.

mod bench;
mod command;
mod conformance;
mod npm;
mod packages;
mod place;
mod run;
mod screenshots;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Build, run and test AI Agent Gateway")]
#[command(disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing, build, and start the gateway: with its window
    /// where there is a display, otherwise for a browser
    Run(run::RunArgs),
    /// Run all checks and tests, as CI does
    Test {
        /// Only what needs neither other programs nor the desktop app; says
        /// what it leaves out
        #[arg(long)]
        fast: bool,
    },
    /// Run the official conformance suite of MCP against the gateway, in cells
    /// of suite revision and upstream era
    Conformance(conformance::ConformanceArgs),
    /// Take a picture of every screen, in light and dark and at each size
    Screenshots(screenshots::ScreenshotsArgs),
    /// Measure the gateway (`cargo bench`), or the window
    Bench(bench::BenchArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Run(args) => run::run(args),
        Task::Test { fast: false } => test::full(),
        Task::Test { fast: true } => test::fast(),
        Task::Conformance(args) => conformance::conformance(&args),
        Task::Screenshots(args) => screenshots::screenshots(&args),
        Task::Bench(args) => bench::bench(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
