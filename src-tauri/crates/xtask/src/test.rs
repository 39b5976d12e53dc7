//! `cargo xtask test`: every check and test, step by step, up to the first
//! that fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::{command, conformance, npm, packages, place, run};

/// `--locked` pins what it depends on, too.
const CARGO_DENY: &str = "0.20.2";

pub(crate) type Step = (&'static str, fn() -> anyhow::Result<()>);

/// Cheap ones first. The conformance suite is last: its table ends the output.
const FULL: &[Step] = &[
    ("system packages", system_packages),
    ("web view: npm packages", || npm::install(&place::ui())),
    ("web view: types", || npm::ui_script("typecheck")),
    ("web view: lint", || npm::ui_script("lint")),
    ("web view: nothing that nothing uses", || npm::ui_script("unused")),
    ("web view: tests", || npm::ui_script("test")),
    ("web view: its API client is the one generated from openapi.json", generated_client),
    ("web view: build", || npm::ui_script("build")),
    ("format", || cargo(["fmt", "--all", "--check"])),
    ("licences and sources of crates", licences_and_sources),
    ("parts for tests: npm packages", || npm::install(&fixtures())),
    ("parts for tests: Python packages", python_packages),
    ("clippy", || cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])),
    ("tests of each crate", || cargo(["test", "--workspace", "--exclude", "agw-tests"])),
    // After those, which may build `agw` with what only benchmarks switch on.
    ("the gateway and the desktop app, for the integration tests", run::build_app),
    ("integration tests", || cargo(["test", "-p", "agw-tests"])),
    ("the official conformance suite", conformance::all),
];

const FAST: &[Step] = &[
    ("web view: npm packages", || npm::install(&place::ui())),
    ("web view: types", || npm::ui_script("typecheck")),
    ("web view: tests", || npm::ui_script("test")),
    ("format", || cargo(["fmt", "--all", "--check"])),
    ("unit tests", || {
        cargo([
            "test",
            "--lib",
            "-p",
            "agw-core",
            "-p",
            "agw-vault",
            "-p",
            "agw-api",
            "-p",
            "agw-gateway",
            "-p",
            "agw-cli",
        ])
    }),
    ("integration tests with an in-process gateway", || {
        // These wait for disks, clocks and receivers.
        let slow = ["inprocess::trail", "inprocess::forwards", "permissions::crowd"];
        let skipped = slow.into_iter().flat_map(|module| ["--skip", module]);
        cargo(["test", "-p", "agw-tests", "inprocess::", "--"].into_iter().chain(skipped))
    }),
];

pub(crate) fn full() -> anyhow::Result<()> {
    take(FULL)
}

pub(crate) fn fast() -> anyhow::Result<()> {
    take(FAST)?;
    println!(
        "
NOT RUN by --fast: the web view's lint, unused parts, build and generated
client; clippy;
licences and sources of crates; documentation tests; tests of the desktop app
and of xtask; integration tests with other programs (MCP servers and clients,
the crash test, the keychain, the browser, the window, failing disks), and
those of the trail's retention, witnesses and receivers; the conformance suite.
`cargo xtask test` runs them."
    );
    Ok(())
}

pub(crate) fn take(steps: &[Step]) -> anyhow::Result<()> {
    let start = Instant::now();
    for (number, (name, step)) in steps.iter().enumerate() {
        println!("\n=== [{}/{}] {name}", number + 1, steps.len());
        let step_start = Instant::now();
        let done = step();
        let took = in_words(step_start.elapsed());
        done.with_context(|| format!("FAILED after {took}: {name}"))?;
        // Nothing after the last: what it printed is the result.
        if number + 1 < steps.len() {
            println!("=== took {took}, {} so far", in_words(start.elapsed()));
        }
    }
    Ok(())
}

fn in_words(time: Duration) -> String {
    let tenths = time.as_millis() / 100;
    match tenths / 600 {
        0 => format!("{}.{} s", tenths / 10, tenths % 10),
        minutes => format!("{minutes} min {} s", tenths % 600 / 10),
    }
}

pub(crate) fn cargo(args: impl IntoIterator<Item = &'static str>) -> anyhow::Result<()> {
    command::run(&mut command::cargo(args))
}

pub(crate) fn system_packages() -> anyhow::Result<()> {
    packages::ensure(&[
        packages::DESKTOP,
        packages::WINDOW_TESTS,
        packages::BROWSER_TESTS,
        packages::TEST_TOOLS,
    ])
}

/// That openapi.json is the one generated from the code is a unit test.
fn generated_client() -> anyhow::Result<()> {
    let path = place::ui().join("src/api/schema.d.ts");
    let read = || fs::read(&path).with_context(|| format!("cannot read {}", path.display()));
    let before = read()?;
    npm::ui_script("generate")?;
    ensure!(
        read()? == before,
        "{} was not the one that `npm run generate` makes from openapi.json; it is now: commit it",
        path.display()
    );
    Ok(())
}

fn licences_and_sources() -> anyhow::Result<()> {
    let home = place::target()?.join(format!("tools/cargo-deny-{CARGO_DENY}"));
    let program = home.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        println!("cargo-deny {CARGO_DENY} is compiled now, once: a minute or two");
        // Unoptimised, it checks in three seconds; optimised, it takes many
        // minutes to compile.
        let mut install = command::cargo(["install", "cargo-deny", "--locked", "--debug"]);
        install.args(["--version", CARGO_DENY, "--root"]).arg(&home);
        command::run(install.env("CARGO_PROFILE_DEV_DEBUG", "0"))?;
    }
    let mut deny = Command::new(program);
    deny.args(["--workspace", "--locked", "--config", ".deny.toml", "check"]);
    command::run(deny.args(["bans", "licenses", "sources"]).current_dir(place::root()))?;
    // Its database is a repository on GitHub, which CI does not reach.
    println!("NOT CHECKED: RustSec advisories; .deny.toml says how to, where GitHub is reachable");
    Ok(())
}

fn fixtures() -> PathBuf {
    place::root().join("tests/fixtures")
}

/// Two virtual environments in the target folder: the official MCP client of
/// either major version.
pub(crate) fn python_packages() -> anyhow::Result<()> {
    virtual_environment("venv", "requirements.txt")?;
    virtual_environment("venv-mcp1", "requirements-mcp1.txt")
}

fn virtual_environment(name: &str, requirements: &str) -> anyhow::Result<()> {
    let requirements = fixtures().join(requirements);
    let wanted = fs::read(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let venv = place::target()?.join(name);
    let stamp = venv.join("installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        println!("{} is up to date", venv.display());
        return Ok(());
    }
    command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let pip = ["-m", "pip", "install", "--disable-pip-version-check", "--requirement"];
    command::run(Command::new(python).args(pip).arg(&requirements))?;
    write(&stamp, &wanted)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_the_units_people_think_in() {
        assert_eq!(in_words(Duration::from_millis(12_340)), "12.3 s");
        assert_eq!(in_words(Duration::from_secs(725)), "12 min 5 s");
    }
}
