//! The system packages that building and testing need, on Debian and Ubuntu.
//!
//! The gateway alone needs none but the C compiler that linked this program.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::{command, place};

/// To build and run the desktop app.
pub(crate) const DESKTOP: &[&str] =
    &["libwebkit2gtk-4.1-dev", "libayatana-appindicator3-dev", "librsvg2-dev"];

/// To test it in a real session: a display, a window manager, a panel with a
/// tray, notifications, a keychain and a driver for the web view.
pub(crate) const WINDOW_TESTS: &[&str] = &[
    "xvfb",
    "xauth",
    "openbox",
    "xfce4-panel",
    "dunst",
    "xdotool",
    "imagemagick",
    "webkit2gtk-driver",
    "dbus-x11",
    "gnome-keyring",
    "libsecret-tools",
    "fonts-inter",
    "fonts-dejavu-core",
    "fonts-noto-color-emoji",
    "at-spi2-core",
    "desktop-file-utils",
];

/// A browser with its driver, and a font that reads like the one on most desktops.
pub(crate) const BROWSER_TESTS: &[&str] = &["chromium", "chromium-driver", "fonts-inter"];

/// What else the tests call: Python for the official MCP client in Python, ps
/// and curl.
pub(crate) const TEST_TOOLS: &[&str] = &["python3-venv", "procps", "curl"];

/// Installs those of `lists` that are missing.
pub(crate) fn ensure(lists: &[&[&'static str]]) -> anyhow::Result<()> {
    let wanted = lists.concat();
    if !Path::new("/etc/debian_version").exists() {
        println!(
            "Only Debian's and Ubuntu's packages are known here. Going on as if this system had \
             what these stand for: {}",
            wanted.join(" ")
        );
        return Ok(());
    }
    let missing = missing(&wanted);
    if missing.is_empty() {
        println!("all {} system packages are installed", wanted.len());
        return Ok(());
    }
    println!("missing system packages: {}", missing.join(" "));
    let root =
        command::output_if_any(Command::new("id").arg("-u")).is_some_and(|user| user.trim() == "0");
    let by_hand = format!(
        "install them with `{}apt-get install {}`, then start again",
        if root { "" } else { "sudo " },
        missing.join(" ")
    );
    match leave(root, place::in_ci(), io::stdin().is_terminal()) {
        Leave::Given(why) => println!("installing them ({why})"),
        Leave::Ask if yes("Install them with apt-get?")? => {}
        Leave::Ask => bail!("system packages are missing; {by_hand}"),
        Leave::Nobody => bail!("system packages are missing and there is nobody to ask; {by_hand}"),
    }
    command::run(&mut apt_get(root, &["update"]))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    command::run(apt_get(root, &install).args(missing))
}

fn missing(wanted: &[&'static str]) -> Vec<&'static str> {
    // Its exit code is 1 as soon as it has never heard of one.
    let known = Command::new("dpkg-query")
        .args(["--show", "--showformat=${Package} ${db:Status-Status}\n"])
        .args(wanted)
        .output()
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    not_installed(wanted, &known)
}

fn not_installed(wanted: &[&'static str], known: &str) -> Vec<&'static str> {
    let installed: Vec<_> =
        known.lines().filter_map(|line| line.strip_suffix(" installed")).collect();
    wanted.iter().copied().filter(|package| !installed.contains(package)).collect()
}

/// Leave to change the system.
#[derive(Debug, PartialEq, Eq)]
enum Leave {
    Given(&'static str),
    Ask,
    /// There is neither the right nor somebody to ask for it.
    Nobody,
}

fn leave(root: bool, ci: bool, terminal: bool) -> Leave {
    match (root, ci, terminal) {
        (_, true, _) => Leave::Given("CI is set"),
        (_, false, true) => Leave::Ask,
        (true, false, false) => Leave::Given("as root, with no terminal to ask at"),
        (false, false, false) => Leave::Nobody,
    }
}

fn yes(question: &str) -> anyhow::Result<bool> {
    print!("{question} [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

fn apt_get(root: bool, args: &[&str]) -> Command {
    let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
    // A fresh machine may still be busy with its own upgrades.
    words.extend(["--option", "DPkg::Lock::Timeout=300"]);
    words.extend(args);
    let sudo = match (root, place::in_ci()) {
        (true, _) => &[][..],
        (false, false) => &["sudo"],
        (false, true) => &["sudo", "--non-interactive"],
    };
    let mut words = sudo.iter().chain(&words);
    let mut command = Command::new(words.next().unwrap_or(&"env"));
    command.args(words);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_was_removed_or_is_unknown_is_missing() {
        let known = "gcc installed\nxvfb config-files\n";
        assert_eq!(not_installed(&["gcc", "xvfb", "chromium"], known), ["xvfb", "chromium"]);
    }

    #[test]
    fn a_person_at_a_terminal_is_asked_even_as_root() {
        assert_eq!(leave(true, false, true), Leave::Ask);
        assert_eq!(leave(false, false, true), Leave::Ask);
    }

    #[test]
    fn nothing_is_installed_where_nobody_can_agree() {
        assert_eq!(leave(false, false, false), Leave::Nobody);
        assert!(matches!(leave(true, false, false), Leave::Given(_)));
        assert!(matches!(leave(false, true, false), Leave::Given(_)));
    }
}
