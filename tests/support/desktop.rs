//! A desktop of the test's own: display, session bus, keychain, window
//! manager and, if wanted, a panel that shows tray icons.
//!
//! ```text
//! Desktop ─┬─ Xvfb, dbus-daemon, gnome-keyring-daemon, openbox, xfce4-panel
//!          ├─ WebKitWebDriver ── ai-agent-gateway ── agw serve
//!          └─ reaper: ends all of them when the test does, however it ends
//! ```
//!
//! Every process in it carries the same `AGW_DATA_DIR`, also those that
//! detach themselves or are started by the bus, so that they can be counted
//! and ended without touching anybody else's.

mod driver;
mod tray;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use agw_api::{ServiceFile, paths};
use serde_json::Value;
use tempfile::TempDir;

pub use driver::Driver;
pub use tray::Tray;

/// For anything that takes a busy machine a moment.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at something that is waited for.
pub const LOOK_EVERY: Duration = Duration::from_millis(100);
const TITLE: &str = "^AI Agent Gateway$";
/// Room for the window at its first size, its frame and a panel below.
const SCREEN: &str = "1400x900x24";

pub struct Desktop {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
    children: Vec<Child>,
    /// Ends everything once its input is closed, which also a killed test does.
    reaper: Child,
}

impl Desktop {
    /// With a panel, which is what makes tray icons and their menus live.
    pub async fn with_tray() -> Self {
        let mut desktop = Self::bare().await;
        let config = desktop.path("config/xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&config).unwrap();
        fs::write(config.join("xfce4-panel.xml"), PANEL).unwrap();
        desktop.spawn("xfce4-panel", &["--disable-wm-check"]);
        desktop
    }

    /// A display, a bus and a window manager, but nothing that shows a tray.
    pub async fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mark = format!("AGW_DATA_DIR={}", dir.path().join("agw").display());
        let reaper = Command::new("sh")
            .args(["-c", REAPER, "reaper", &mark])
            .stdin(Stdio::piped())
            // What interrupts the test must not interrupt its cleaning up.
            .process_group(0)
            .spawn()
            .expect("sh");
        let mut desktop = Self { dir, env: Vec::new(), children: Vec::new(), reaper };
        for (name, folder) in FOLDERS {
            let path = desktop.path(folder);
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            desktop.env.push((name, path.display().to_string()));
        }
        desktop.env.push(("AGW_DATA_DIR", desktop.data_dir().display().to_string()));
        desktop.env.push(("AGW_LISTEN", "127.0.0.1:0".to_owned()));

        let xvfb = ["-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"];
        let display = desktop.spawn_for_a_line("Xvfb", &xvfb);
        desktop.env.push(("DISPLAY", format!(":{display}")));
        let bus = ["--session", "--nofork", "--print-address=1"];
        let address = desktop.spawn_for_a_line("dbus-daemon", &bus);
        desktop.env.push(("DBUS_SESSION_BUS_ADDRESS", address));
        desktop.unlock_keychain().await;
        desktop.spawn("openbox", &[]);
        desktop
    }

    async fn unlock_keychain(&mut self) {
        let args = ["--foreground", "--unlock", "--components=secrets"];
        let mut command = self.command("gnome-keyring-daemon");
        let mut child = start(command.args(args).stdin(Stdio::piped()));
        // An empty password would be refused.
        child.stdin.take().unwrap().write_all(b"keychain password").unwrap();
        self.children.push(child);
        seen("keychain", async || {
            let owner = "org.freedesktop.DBus.NameHasOwner";
            let args = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", owner];
            let mut ask = self.command("dbus-send");
            ask.args(args).arg("string:org.freedesktop.secrets").stdout(Stdio::piped());
            let answer = ask.output().expect("install dbus-x11").stdout;
            String::from_utf8(answer).unwrap().contains("boolean true").then_some(())
        })
        .await;
    }

    pub fn data_dir(&self) -> PathBuf {
        self.path("agw")
    }

    pub fn bus_address(&self) -> &str {
        let found = self.env.iter().find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
        &found.unwrap().1
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    /// A program on this desktop; what it prints goes to a log that is shown
    /// when the test fails.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let program = program.as_ref();
        let name = program.file_name().unwrap().to_str().unwrap();
        let log = self.path(&format!("{name}.log"));
        let log = fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(program);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        for unwanted in ["SESSION_MANAGER", "WAYLAND_DISPLAY", "XAUTHORITY", "AGW_MASTER_KEY"] {
            command.env_remove(unwanted);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        command
    }

    pub fn spawn(&mut self, program: impl AsRef<Path>, args: &[&str]) {
        let mut command = self.command(program);
        command.args(args);
        self.children.push(start(&mut command));
    }

    /// Starts what says in its first line where it can be reached.
    fn spawn_for_a_line(&mut self, program: &str, args: &[&str]) -> String {
        let mut command = self.command(program);
        let mut child = start(command.args(args).stdout(Stdio::piped()));
        let line = first_line(child.stdout.take().unwrap());
        self.children.push(child);
        line.unwrap_or_else(|| panic!("{program} does not start:\n{}", self.logs()))
    }

    /// `agw` as a user of this desktop runs it; `input` is its stdin.
    pub fn agw(&self, args: &[&str], input: &str) -> Value {
        let mut command = self.command(built("agw"));
        command.arg("--json").args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = start(&mut command);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "agw {args:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Where agents call, once the service is ready.
    pub async fn service(&self) -> ServiceFile {
        let path = paths::service_file(&self.data_dir());
        seen("service", async || serde_json::from_slice(&fs::read(&path).ok()?).ok()).await
    }

    /// The programs that run on this desktop.
    pub fn running(&self) -> Vec<String> {
        let mark = format!("AGW_DATA_DIR={}", self.data_dir().display());
        let carries_mark = |process: &Path| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let name = |process: &Path| {
            let program = fs::read_link(process.join("exe")).ok()?;
            Some(program.file_name()?.to_str()?.to_owned())
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
        processes.filter(|process| carries_mark(process)).filter_map(|p| name(&p)).collect()
    }

    /// Waits until so many processes run this program.
    pub async fn processes(&self, program: &str, wanted: usize) {
        let count = || self.running().iter().filter(|name| *name == program).count();
        let what = format!("{wanted} × {program}");
        seen(&what, async || (count() == wanted).then_some(())).await;
    }

    /// Waits until the app's window is open, or closed.
    pub async fn window(&self, open: bool) {
        let what = if open { "window" } else { "end of the window" };
        seen(what, async || (self.windows().is_empty() != open).then_some(())).await;
    }

    /// Presses keys as a person does: whatever has the focus gets them.
    pub fn press(&self, keys: &str) {
        self.xdotool(&["key", keys]);
    }

    /// Gives the page this size.
    pub fn resize(&self, width: u32, height: u32) {
        let windows = self.windows();
        let window = windows.lines().next().expect("a window");
        self.xdotool(&["windowsize", "--sync", window, &width.to_string(), &height.to_string()]);
    }

    /// The ids of the app's windows, one a line.
    fn windows(&self) -> String {
        self.xdotool(&["search", "--onlyvisible", "--name", TITLE])
    }

    fn xdotool(&self, args: &[&str]) -> String {
        let output = self.command("xdotool").args(args).stdout(Stdio::piped()).output();
        String::from_utf8(output.expect("install xdotool").stdout).unwrap()
    }

    /// The whole screen, with the window's frame and the tray.
    pub fn picture(&self, name: &str) {
        let path = screenshots().join(format!("{name}.png"));
        let taken = self.command("import").args(["-window", "root"]).arg(path).status();
        assert!(taken.expect("install imagemagick").success());
    }

    /// The last lines of everything that ran here.
    fn logs(&self) -> String {
        let files = [self.dir.path().to_owned(), self.data_dir()];
        let files = files.iter().filter_map(|dir| fs::read_dir(dir).ok()).flatten().flatten();
        let mut text = String::new();
        for file in files.map(|file| file.path()).filter(|p| p.extension() == Some("log".as_ref()))
        {
            let log = String::from_utf8_lossy(&fs::read(&file).unwrap_or_default()).into_owned();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(15)..];
            if !tail.is_empty() {
                text += &format!("--- {}\n{}\n", file.display(), tail.join("\n"));
            }
        }
        text
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
            let path = screenshots().join("failed.png");
            let _ = self.command("import").args(["-window", "root"]).arg(path).status();
        }
        drop(self.reaper.stdin.take());
        let ended = self.reaper.wait();
        for child in &mut self.children {
            let _ = child.wait();
        }
        if !std::thread::panicking() {
            assert!(ended.unwrap().success(), "still running: {:?}", self.running());
        }
    }
}

/// Waits for `look` to see it; fails when it never does.
pub async fn seen<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn start(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|error| {
        panic!("{:?}: {error}; install what ARCHITECTURE.md lists for tests", command.get_program())
    })
}

fn first_line(output: ChildStdout) -> Option<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        let _ = output.read_line(&mut line);
        let _ = sender.send(line.trim().to_owned());
        // A program whose output nobody reads may end.
        let _ = output.read_to_end(&mut Vec::new());
    });
    receiver.recv_timeout(PATIENCE).ok().filter(|line| !line.is_empty())
}

/// A program of this workspace, as built last.
pub fn built(name: &str) -> PathBuf {
    let deps = std::env::current_exe().unwrap();
    let program = deps.parent().unwrap().with_file_name(name);
    let package = if name == "agw" { "agw-cli" } else { name };
    assert!(program.is_file(), "{} is missing: cargo build -p {package}", program.display());
    program
}

pub fn screenshots() -> PathBuf {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
    fs::create_dir_all(&dir).unwrap();
    dir
}

const FOLDERS: [(&str, &str); 5] = [
    ("HOME", "home"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_DATA_HOME", "data"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_RUNTIME_DIR", "runtime"),
];

/// Asks every marked process to end, and after five seconds makes it.
const REAPER: &str = r#"
cat > /dev/null
marked() { grep -lszFx -e "$1" /proc/[0-9]*/environ | grep -o '[0-9]*'; }
looks=0
while pids=$(marked "$1"); [ -n "$pids" ]; do
    case $looks in
        0) kill -TERM $pids ;;
        50 | 75) kill -KILL $pids ;;
        100) exit 1 ;;
    esac 2> /dev/null
    looks=$((looks + 1))
    sleep 0.1
done
"#;

/// One panel below with nothing but the tray; without a configuration it
/// would ask for one.
const PANEL: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=8;x=0;y=0"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="28"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="systray"/>
  </property>
</channel>
"#;
