//! Running other programs so that the reader of the log can follow.

use std::path::Path;
use std::process::{Command, ExitStatus};

use anyhow::{Context as _, ensure};

use crate::place;

/// `cargo ARGS` in the repository, with the toolchain that built this program.
pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new(place::var("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(args).current_dir(place::root());
    if place::in_ci() {
        // Nothing is compiled a second time there.
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    cargo
}

/// Runs `command` to its end; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let typed = typed(command);
    println!("$ {typed}");
    let status = status(command)?;
    ensure!(status.success(), "`{typed}` failed ({status})");
    Ok(())
}

/// What `command` prints, if it can be started and succeeds.
pub(crate) fn output_if_any(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

/// Becomes `command` (on Unix), so that Ctrl-C and signals reach it directly;
/// elsewhere runs it to its end.
pub(crate) fn hand_over(command: &mut Command) -> anyhow::Result<()> {
    println!("$ {}", typed(command));
    #[cfg(unix)]
    {
        let error = std::os::unix::process::CommandExt::exec(command);
        Err(error).with_context(|| not_started(command))
    }
    #[cfg(not(unix))]
    {
        let status = status(command)?;
        ensure!(status.success(), "`{}` ended ({status})", typed(command));
        Ok(())
    }
}

fn status(command: &mut Command) -> anyhow::Result<ExitStatus> {
    command.status().with_context(|| not_started(command))
}

fn not_started(command: &Command) -> String {
    format!("cannot start {}; is it installed?", command.get_program().display())
}

/// The command as one would type it: the program by its name.
fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(program.as_os_str());
    let words = std::iter::once(name).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
