//! `cargo xtask conformance`: the official conformance suite of MCP against
//! the gateway, in cells:
//!
//! ```text
//! fixture-2025, fixture-2026       the fixture servers alone: the yardstick is straight
//! server-REVISION-ERA[-stdio]      the suite → proxy → agw → a fixture server of that era
//! client-2025, client-2026         the suite's servers ← the gateway's upstream client
//! authorization                    the suite's client → the gateway's sign-in
//! ```
//!
//! The suite cannot send a token, so [`proxy`] adds it. What is scored is what
//! the suite's own `requirements/REVISION.yaml` lists; a scenario that fails
//! and is not in tests/conformance-expected.txt fails the run, and so does an
//! entry there that is no longer true. Each cell has a gateway of its own, with
//! one connection, `up`, of which the suite's agent may use everything. What
//! the parts said is kept in target/conformance/CELL.

mod expected;
mod gateway;
mod proxy;
mod results;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};
use clap::Args;

use self::expected::Expected;
use self::gateway::{Background, Gateway};
use self::results::{Outcome, Scored};
use crate::{command, npm, place};

const SUITE: &str = "node_modules/@modelcontextprotocol/conformance";
/// Of one scenario, in milliseconds: many times what any of them takes.
const TIMEOUT: &str = "15000";
const DRIVER: &str = "agw-conformance-client";

#[derive(Debug, Args)]
pub(crate) struct ConformanceArgs {
    /// Run these cells alone; what is no cell's name stands for all that begin
    /// so, like `server-2026`
    #[arg(long, value_name = "CELL")]
    only: Vec<String>,
    /// Run one scenario of them, with all that the suite says of it
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// Do not build first
    #[arg(long)]
    built: bool,
}

/// What is compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// A fixture server, asked directly.
    Fixture(Era),
    Server {
        upstream: Era,
        stdio: bool,
    },
    Client,
    Authorization,
}

/// Of a fixture server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Era {
    Legacy,
    Modern,
}

#[derive(Debug)]
struct Cell {
    name: &'static str,
    revision: &'static str,
    subject: Subject,
}

impl Cell {
    /// By its name, or by the beginning of it where that is no name. None
    /// named are all but those that want an answer sooner than a child process
    /// starts on a busy machine.
    fn is_meant(&self, only: &[String]) -> bool {
        if only.is_empty() {
            let child = matches!(self.subject, Subject::Server { stdio: true, .. });
            return !child || self.revision != MODERN;
        }
        only.iter().any(|only| {
            let exact = CELLS.iter().any(|cell| cell.name == only);
            if exact { self.name == only } else { self.name.starts_with(only) }
        })
    }
}

const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

const fn server(name: &'static str, revision: &'static str, upstream: Era, stdio: bool) -> Cell {
    Cell { name, revision, subject: Subject::Server { upstream, stdio } }
}

const CELLS: &[Cell] = &[
    Cell { name: "fixture-2025", revision: LEGACY, subject: Subject::Fixture(Era::Legacy) },
    Cell { name: "fixture-2026", revision: MODERN, subject: Subject::Fixture(Era::Modern) },
    server("server-2025-legacy", LEGACY, Era::Legacy, false),
    server("server-2025-modern", LEGACY, Era::Modern, false),
    server("server-2026-legacy", MODERN, Era::Legacy, false),
    server("server-2026-modern", MODERN, Era::Modern, false),
    server("server-2025-legacy-stdio", LEGACY, Era::Legacy, true),
    server("server-2025-modern-stdio", LEGACY, Era::Modern, true),
    server("server-2026-legacy-stdio", MODERN, Era::Legacy, true),
    server("server-2026-modern-stdio", MODERN, Era::Modern, true),
    Cell { name: "client-2025", revision: LEGACY, subject: Subject::Client },
    Cell { name: "client-2026", revision: MODERN, subject: Subject::Client },
    Cell { name: "authorization", revision: MODERN, subject: Subject::Authorization },
];

/// The whole suite, as `cargo xtask test` runs it.
pub(crate) fn all() -> anyhow::Result<()> {
    conformance(&ConformanceArgs { only: Vec::new(), scenario: None, built: false })
}

pub(crate) fn conformance(args: &ConformanceArgs) -> anyhow::Result<()> {
    let chosen: Vec<&Cell> = CELLS.iter().filter(|cell| cell.is_meant(&args.only)).collect();
    ensure!(!chosen.is_empty(), "no such cell; there are {}", names());
    npm::install(&fixtures())?;
    if !args.built {
        command::run(&mut command::cargo(["build", "-p", "agw-cli"]))?;
        if chosen.iter().any(|cell| cell.subject == Subject::Client) {
            let driver = ["build", "-p", "agw-tests", "--bin", DRIVER];
            command::run(&mut command::cargo(driver))?;
        }
    }
    let expected = Expected::read(&place::root().join("tests/conformance-expected.txt"))?;
    let (mut outcomes, mut failed) = (Vec::new(), Vec::new());
    for cell in chosen {
        println!("\n--- {}", cell.name);
        let run = Run::new(cell, args.scenario.as_deref())?;
        let suite = run.suite();
        if args.scenario.is_some() {
            // The suite has said it all.
            if !suite?.success() {
                failed.push(cell.name.to_owned());
            }
            continue;
        }
        let scored = match cell.subject {
            Subject::Authorization => Scored::authorization(),
            Subject::Client => Scored::read(&requirements(cell.revision), "client")?,
            Subject::Fixture(_) | Subject::Server { .. } => {
                Scored::read(&requirements(cell.revision), "server")?
            }
        };
        if let Err(error) = suite {
            println!("IT DID NOT RUN: {error:#}");
        }
        let outcome = Outcome::read(cell.name, &run.dir.join("results"), &scored)?;
        outcome.print(&expected);
        outcomes.push(outcome);
    }
    if args.scenario.is_some() {
        return fail(&failed);
    }
    results::table(&outcomes);
    expected.judge(&outcomes)
}

fn names() -> String {
    CELLS.iter().map(|cell| cell.name).collect::<Vec<_>>().join(", ")
}

fn fixtures() -> PathBuf {
    place::root().join("tests/fixtures")
}

fn requirements(revision: &str) -> PathBuf {
    fixtures().join(SUITE).join("requirements").join(format!("{revision}.yaml"))
}

/// `node` of the fixtures: the suite wants a newer one than Debian's.
fn node(script: &str) -> Command {
    let cpu = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let mut node = Command::new(fixtures().join(format!("node_modules/node-linux-{cpu}/bin/node")));
    node.arg(fixtures().join(script)).current_dir(fixtures());
    node
}

fn everything(era: Era, how: &str) -> Command {
    let mut server = node(match era {
        Era::Legacy => "everything-legacy.mjs",
        Era::Modern => "everything-modern.mjs",
    });
    server.arg(how);
    server
}

/// One cell, once.
struct Run<'a> {
    cell: &'a Cell,
    scenario: Option<&'a str>,
    dir: PathBuf,
}

impl<'a> Run<'a> {
    fn new(cell: &'a Cell, scenario: Option<&'a str>) -> anyhow::Result<Self> {
        let dir = place::target()?.join("conformance").join(cell.name);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot empty {}", dir.display()));
            }
            _ => {}
        }
        fs::create_dir_all(dir.join("results"))
            .with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self { cell, scenario, dir })
    }

    /// Starts what is tested and runs the suite against it.
    fn suite(&self) -> anyhow::Result<std::process::ExitStatus> {
        match self.cell.subject {
            Subject::Fixture(era) => {
                let fixture = self.fixture(era)?;
                self.ask(&["server", "--url", &fixture.line])
            }
            Subject::Server { upstream, stdio } => {
                let _fixture;
                let reached: Vec<String> = if stdio {
                    let command = everything(upstream, "stdio");
                    let argv = std::iter::once(command.get_program()).chain(command.get_args());
                    let argv = argv.map(|word| word.to_string_lossy().into_owned());
                    ["--stdio", "--"].map(str::to_owned).into_iter().chain(argv).collect()
                } else {
                    let fixture = self.fixture(upstream)?;
                    let url = fixture.line.clone();
                    _fixture = fixture;
                    vec!["--http".to_owned(), url]
                };
                let gateway = Gateway::start(&self.dir)?;
                let token = gateway.connect("up", &reached)?;
                let proxy = proxy::start(&gateway.address, &token)?;
                self.ask(&["server", "--url", &format!("http://{proxy}/mcp/up")])
            }
            Subject::Client => {
                let driver = place::built(DRIVER)?;
                ensure!(driver.exists(), "{} is not built", driver.display());
                self.ask(&["client", "--command", &driver.display().to_string()])
            }
            Subject::Authorization => self.authorization(),
        }
    }

    fn fixture(&self, era: Era) -> anyhow::Result<Background> {
        Background::start(everything(era, "http"), &self.dir.join("fixture.log"))
    }

    /// `conformance ARGS` with what all cells share.
    fn ask(&self, args: &[&str]) -> anyhow::Result<std::process::ExitStatus> {
        let mut suite = node(&format!("{SUITE}/dist/index.js"));
        suite.args(args).args(["--timeout", TIMEOUT]);
        suite.arg("--output-dir").arg(self.dir.join("results"));
        match self.scenario {
            Some(scenario) => {
                let one = ["--spec-version", self.cell.revision, "--scenario", scenario];
                suite.args(one).arg("--verbose");
            }
            None => {
                suite.args(["--requirements", self.cell.revision]);
                self.quieten(&mut suite)?;
            }
        }
        suite.status().context("cannot start the suite")
    }

    /// There, it is the suite that plays the agent; the script plays the
    /// person who signs in.
    fn authorization(&self) -> anyhow::Result<std::process::ExitStatus> {
        let gateway = Gateway::start(&self.dir)?;
        // Some tool must be there to be picked.
        let fixture = self.fixture(Era::Legacy)?;
        gateway.connect("up", &["--http".to_owned(), fixture.line.clone()])?;
        gateway.set_password()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut suite = node("authorization.mjs");
        suite.args([&format!("http://{}", gateway.address), gateway::USER, gateway::PASSWORD]);
        suite.arg(port.to_string()).arg(self.dir.join("results"));
        if let Some(scenario) = self.scenario {
            suite.args(["--verbose", "--scenario", scenario]);
        } else {
            self.quieten(&mut suite)?;
        }
        suite.status().context("cannot start the suite")
    }

    fn quieten(&self, suite: &mut Command) -> anyhow::Result<()> {
        let log = log_file(&self.dir.join("suite.log"))?;
        suite.stdout(Stdio::from(log.try_clone()?)).stderr(Stdio::from(log));
        Ok(())
    }
}

fn log_file(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

/// Stops at what a person has to look at.
fn fail(problems: &[String]) -> anyhow::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    bail!("the suite is not passed:\n  {}", problems.join("\n  "))
}
