//! `cargo xtask run`: from a fresh clone to a gateway that runs.
//!
//! Where there is a display, that is the desktop app, which starts the gateway
//! itself. Where there is none, it is `agw serve` with the web view for a
//! browser, and nothing of the desktop is installed or compiled.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use clap::Args;

use crate::{command, npm, packages, place};

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Data folder of the gateway [default: AGW_DATA_DIR, else the user's
    /// folder for application data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Run the gateway alone, for a browser, even where there is a display
    #[arg(long)]
    no_window: bool,
    /// Passed on to `agw serve` or to the desktop app
    #[arg(last = true)]
    args: Vec<OsString>,
}

pub(crate) fn run(mut args: RunArgs) -> anyhow::Result<()> {
    if let Some(dir) = &mut args.data_dir {
        *dir = std::path::absolute(&dir)
            .with_context(|| format!("cannot use {} as data folder", dir.display()))?;
    }
    if !args.no_window && has_display() { with_window(&args) } else { without_window(&args) }
}

fn has_display() -> bool {
    let named = |name| place::var(name).is_some();
    cfg!(any(windows, target_os = "macos")) || named("DISPLAY") || named("WAYLAND_DISPLAY")
}

fn with_window(args: &RunArgs) -> anyhow::Result<()> {
    packages::ensure(&[packages::DESKTOP])?;
    npm::build_ui()?;
    build_app()?;
    println!(
        "
The window opens now; its first page makes the admin.
Closing it leaves the gateway running and the icon in the tray, where you can
open it again, pause all agents, or quit.
The command line of this gateway is {}.
",
        place::built("agw")?.display()
    );
    start(args, Command::new(place::built("ai-agent-gateway")?).args(&args.args))
}

/// The gateway and the desktop app, which looks for the gateway beside itself.
pub(crate) fn build_app() -> anyhow::Result<()> {
    command::run(&mut command::cargo(["build", "-p", "agw-cli", "-p", "ai-agent-gateway"]))
}

fn without_window(args: &RunArgs) -> anyhow::Result<()> {
    npm::build_ui()?;
    command::run(&mut command::cargo(["build", "-p", "agw-cli"]))?;
    let mut agw = Command::new(place::built("agw")?);
    agw.arg("serve");
    if let Some(file) = key_file(args) {
        announce_key_file(&file);
        let mut home = OsString::from("file:");
        home.push(&file);
        agw.arg("--master-key").arg(home);
    }
    println!(
        "
When the gateway is ready it prints its address: point a browser of this
machine at it. From another machine, forward the port first:
    ssh -L 7410:127.0.0.1:7410 THIS-MACHINE
Ctrl-C stops the gateway. Its command line is {}.
",
        place::built("agw")?.display()
    );
    start(args, agw.args(&args.args))
}

fn start(args: &RunArgs, program: &mut Command) -> anyhow::Result<()> {
    if let Some(dir) = &args.data_dir {
        program.env("AGW_DATA_DIR", dir);
    }
    command::hand_over(program)
}

/// The key file to choose for a gateway whose master key has no other place
/// to go: nobody chose one, there is no keychain, and the gateway is new or was
/// given that file before. Any other one knows its own.
fn key_file(args: &RunArgs) -> Option<PathBuf> {
    let chosen = place::var("AGW_MASTER_KEY").is_some()
        || args.args.iter().any(|arg| arg.to_string_lossy().starts_with("--master-key"));
    if chosen || has_keychain() {
        return None;
    }
    let dir = data_dir(args)?;
    let file = dir.join("master.key");
    (file.exists() || !dir.join("agw.db").exists()).then_some(file)
}

fn announce_key_file(file: &Path) {
    eprintln!(
        "
*** NO KEYCHAIN: THE MASTER KEY OF THIS GATEWAY IS KEPT IN A FILE ***
There is no session bus with a Secret Service here, so the key that all stored
credentials are sealed with is kept, readable for you alone, in
    {}
Whoever gets that file and the database beside it has the credentials.
To keep the key elsewhere, stop this before set-up, remove that file and start
again with AGW_MASTER_KEY=keychain, passphrase, systemd-creds or file:PATH.
",
        file.display()
    );
}

/// Whether a keychain answers. On Linux that is a Secret Service on the
/// session bus; a bus that cannot be asked is given the benefit of the doubt.
fn has_keychain() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    let has_bus = place::var("DBUS_SESSION_BUS_ADDRESS").is_some()
        || place::var("XDG_RUNTIME_DIR").is_some_and(|dir| Path::new(&dir).join("bus").exists());
    let mut names = Command::new("busctl");
    names.args(["--user", "list", "--no-legend"]);
    has_bus
        && command::output_if_any(&mut names)
            .is_none_or(|names| names.contains("org.freedesktop.secrets"))
}

/// Where `agw` keeps its data on Linux (`agw_api::paths::default_data_dir`).
fn data_dir(args: &RunArgs) -> Option<PathBuf> {
    let named = args.data_dir.clone().or_else(|| place::var("AGW_DATA_DIR").map(PathBuf::from));
    let dir = named.or_else(|| {
        let share = place::var("XDG_DATA_HOME").map(PathBuf::from);
        share
            .or_else(|| Some(Path::new(&place::var("HOME")?).join(".local/share")))
            .map(|share| share.join("agw"))
    })?;
    std::path::absolute(dir).ok()
}
