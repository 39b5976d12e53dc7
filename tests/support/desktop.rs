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
mod notifications;
mod tray;

use std::{
    fs,
    os::unix::{fs::DirBuilderExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use agw_api::{ServiceFile, paths};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    cli,
    process::{self, Log, Part, Said, eventually},
};

pub use driver::Driver;
pub use notifications::Notifications;
pub use tray::Tray;

const INSTALL: &str = "install what xtask's packages.rs lists for window tests";
const TITLE: &str = "^AI Agent Gateway$";
const PROMPT: &str = "^A call waits for your answer$";
/// Room for the window at its first size, its frame and a panel below.
const SCREEN: &str = "1400x900x24";

pub struct Desktop {
    dir: TempDir,
    env: Vec<(&'static str, String)>,
    parts: Vec<Part>,
    /// What they and all that they started have printed.
    log: Log,
    /// Outlive their [`Driver`], so that the picture of a failure has a page.
    sessions: Vec<fantoccini::Client>,
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
        desktop.start("xfce4-panel", &["--disable-wm-check"]);
        desktop
    }

    /// A display, a bus and a window manager, but nothing that shows a tray.
    pub async fn bare() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let reaper = Command::new("sh")
            .args(["-c", REAPER, "reaper", &mark(dir.path())])
            .stdin(Stdio::piped())
            // What interrupts the test must not interrupt its cleaning up.
            .process_group(0)
            .spawn()
            .expect("sh");
        let path = std::env::var("PATH").unwrap();
        let data_dir = data_dir(dir.path()).display().to_string();
        let env = vec![
            ("PATH", path),
            ("LANG", "C.UTF-8".to_owned()),
            ("AGW_DATA_DIR", data_dir),
            ("AGW_LISTEN", "127.0.0.1:0".to_owned()),
        ];
        let (parts, log, sessions) = (Vec::new(), Log::default(), Vec::new());
        let mut desktop = Self { dir, env, parts, log, sessions, reaper };
        for (name, folder) in FOLDERS {
            let path = desktop.path(folder);
            fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
            desktop.env.push((name, path.display().to_string()));
        }
        // A server that ends takes the socket of its number along, also when
        // another has that by now: each gets one that was never used here.
        static USED: AtomicU32 = AtomicU32::new(0);
        let number = 100 + std::process::id() % 500 * 20 + USED.fetch_add(1, Ordering::Relaxed);
        let name = format!(":{number}");
        let xvfb = [&*name, "-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"];
        let display = desktop.start("Xvfb", &xvfb).line().await;
        desktop.env.push(("DISPLAY", format!(":{display}")));
        let bus = ["--session", "--nofork", "--print-address=1"];
        let address = desktop.start("dbus-daemon", &bus).line().await;
        desktop.env.push(("DBUS_SESSION_BUS_ADDRESS", address));
        desktop.unlock_keychain().await;
        desktop.start("openbox", &[]);
        desktop
    }

    async fn unlock_keychain(&mut self) {
        let args = ["--foreground", "--unlock", "--components=secrets"];
        let daemon = self.start("gnome-keyring-daemon", &args);
        // An empty password would be refused.
        daemon.tell("keychain password");
        daemon.close_stdin();
        let method = "org.freedesktop.DBus.NameHasOwner";
        let name = "string:org.freedesktop.secrets";
        let ask = ["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/", method, name];
        eventually("there is a keychain", async || {
            let answer = self.run("dbus-send", &ask).await;
            answer.stdout.contains("boolean true").then_some(())
        })
        .await;
    }

    pub fn bus_address(&self) -> &str {
        let found = self.env.iter().find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
        &found.unwrap().1
    }

    /// Of what the desktop and the app keep.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.dir.path().join(inside)
    }

    fn command(&self, program: impl AsRef<Path>, args: &[&str]) -> Command {
        let mut command = Command::new(program.as_ref());
        command.args(args).env_clear().envs(self.env.iter().cloned());
        command
    }

    /// Starts a program that stays.
    pub fn start(&mut self, program: impl AsRef<Path>, args: &[&str]) -> &mut Part {
        self.start_with(program, args, &[])
    }

    fn start_with(
        &mut self,
        program: impl AsRef<Path>,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> &mut Part {
        let mut command = self.command(&program, args);
        command.envs(env.iter().copied());
        let what = format!("{} ({INSTALL})", program.as_ref().display());
        self.parts.push(Part::start(&what, &command, &self.log));
        self.parts.last_mut().unwrap()
    }

    /// Runs a program to its end.
    pub async fn run(&self, program: impl AsRef<Path>, args: &[&str]) -> Said {
        let what = format!("{} ({INSTALL})", program.as_ref().display());
        process::run(&what, self.command(program, args), "").await
    }

    /// `agw` as the person at this desktop runs it.
    pub async fn agw(&self, args: &[&str], stdin: &str) -> Vec<Value> {
        let command = self.command(cli::agw(), &[&["--json"], args].concat());
        process::run(&format!("agw {}", args.join(" ")), command, stdin).await.expect(0).lines()
    }

    /// The same where it is refused: what it then says.
    pub async fn agw_refused(&self, args: &[&str], stdin: &str) -> String {
        let command = self.command(cli::agw(), &[&["--json"], args].concat());
        process::run(&format!("agw {}", args.join(" ")), command, stdin).await.expect(1).stderr
    }

    /// What the service says about itself, once it is ready.
    pub async fn service(&self) -> ServiceFile {
        let path = paths::service_file(&data_dir(self.dir.path()));
        eventually("a service is ready", async || {
            serde_json::from_slice(&fs::read(&path).ok()?).ok()
        })
        .await
    }

    /// Sends the service a signal, by its name without SIG.
    pub async fn signal(&self, name: &str) {
        let pid = self.service().await.pid.to_string();
        self.run("kill", &["-s", name, &pid]).await.expect(0);
    }

    /// Starts the app once more after its service was killed: the one that
    /// runs brings the service back. Gives what the new one says about itself.
    pub async fn bring_back(&self) -> ServiceFile {
        let before = self.service().await.pid;
        self.run(app(), &[]).await.expect(0);
        let another = async || Some(self.service().await).filter(|now| now.pid != before);
        eventually("another service is ready", another).await
    }

    /// Locks the keychain as a person does who leaves.
    pub async fn lock_keychain(&self) {
        let method = "org.freedesktop.Secret.Service.Lock";
        let login = "array:objpath:/org/freedesktop/secrets/collection/login";
        let service = ["--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"];
        let args = ["--session", "--print-reply", service[0], service[1], method, login];
        self.run("dbus-send", &args).await.expect(0);
    }

    /// The programs that run on this desktop, each with its process.
    pub fn running(&self) -> Vec<(String, u32)> {
        let mark = mark(self.dir.path());
        let carries_mark = |process: &Path| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let named = |process: &Path| {
            let program = fs::read_link(process.join("exe")).ok()?;
            let pid = process.file_name()?.to_str()?.parse().ok()?;
            Some((program.file_name()?.to_str()?.to_owned(), pid))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
        processes.filter(|process| carries_mark(process)).filter_map(|p| named(&p)).collect()
    }

    /// Waits until so many processes run this program.
    pub async fn processes(&self, program: &str, wanted: usize) {
        let count = || self.running().iter().filter(|(name, _)| *name == program).count();
        let what = format!("{wanted} processes run {program}");
        eventually(&what, async || (count() == wanted).then_some(())).await;
    }

    /// Waits until the app's window is open, or closed.
    pub async fn window(&self, open: bool) {
        let what = if open { "the window opens" } else { "the window closes" };
        eventually(what, async || (self.windows(TITLE).await.is_empty() != open).then_some(()))
            .await;
    }

    /// Closes the app's window by its key, whatever had the focus.
    pub async fn close_window(&self) {
        let windows = self.windows(TITLE).await;
        let window = windows.lines().next().expect("a window");
        self.run("xdotool", &["windowactivate", "--sync", window]).await.expect(0);
        self.press("alt+F4").await;
        self.window(false).await;
    }

    /// Waits until the prompt is open, or closed.
    pub async fn prompt(&self, open: bool) {
        let what = if open { "the prompt opens" } else { "the prompt closes" };
        eventually(what, async || (self.windows(PROMPT).await.is_empty() != open).then_some(()))
            .await;
    }

    /// The title of the window that gets the keys.
    pub async fn focused(&self) -> String {
        let said = self.run("xdotool", &["getwindowfocus", "getwindowname"]).await;
        said.stdout.trim().to_owned()
    }

    /// Where the window is and how large: x, y, width, height.
    pub async fn place(&self) -> [i32; 4] {
        let windows = self.windows(TITLE).await;
        let window = windows.lines().next().expect("a window");
        let said = self.run("xdotool", &["getwindowgeometry", "--shell", window]).await.stdout;
        let of = |name: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{said}"))
        };
        [of("X="), of("Y="), of("WIDTH="), of("HEIGHT=")]
    }

    /// Moves it as a person does.
    pub async fn move_to(&self, x: i32, y: i32) {
        let windows = self.windows(TITLE).await;
        let window = windows.lines().next().expect("a window");
        let (x, y) = (x.to_string(), y.to_string());
        self.run("xdotool", &["windowmove", window, &x, &y]).await.expect(0);
    }

    /// Presses keys as a person does: whatever has the focus gets them.
    pub async fn press(&self, keys: &str) {
        self.run("xdotool", &["key", keys]).await.expect(0);
    }

    /// Gives the page this size.
    pub async fn resize(&self, width: u32, height: u32) {
        let windows = self.windows(TITLE).await;
        let window = windows.lines().next().expect("a window");
        let (width, height) = (width.to_string(), height.to_string());
        self.run("xdotool", &["windowsize", "--sync", window, &width, &height]).await.expect(0);
    }

    /// The ids of the app's windows of this title, one a line.
    async fn windows(&self, title: &str) -> String {
        // Its exit code is 1 where there is none.
        self.run("xdotool", &["search", "--onlyvisible", "--name", title]).await.stdout
    }

    /// The whole screen, with the window's frame and the tray.
    pub async fn picture(&self, name: &str) {
        let path = screenshots().join(format!("{name}.png"));
        self.run("import", &["-window", "root", path.to_str().unwrap()]).await.expect(0);
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = screenshots().join("failed.png").display().to_string();
            let _ = self.command("import", &["-window", "root", &path]).status();
            let service = fs::read(data_dir(self.dir.path()).join("agw.log")).unwrap_or_default();
            let programs = self.log.lock().map(|log| log.clone()).unwrap_or_default();
            eprintln!("the programs:\n{}", String::from_utf8_lossy(&programs));
            eprintln!("the service:\n{}", String::from_utf8_lossy(&service));
            eprintln!("the screen: {path}");
        }
        drop(self.reaper.stdin.take());
        let ended = self.reaper.wait();
        if !std::thread::panicking() {
            assert!(ended.unwrap().success(), "still running: {:?}", self.running());
        }
    }
}

/// What `cargo build -p ai-agent-gateway` makes; it starts the `agw` beside it.
pub fn app() -> PathBuf {
    let app = cli::agw().with_file_name("ai-agent-gateway");
    let build = "cargo build -p ai-agent-gateway";
    assert!(app.is_file(), "{} is missing: build ui/, then run `{build}`", app.display());
    app
}

fn data_dir(desktop: &Path) -> PathBuf {
    desktop.join("agw")
}

fn mark(desktop: &Path) -> String {
    format!("AGW_DATA_DIR={}", data_dir(desktop).display())
}

fn screenshots() -> PathBuf {
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
