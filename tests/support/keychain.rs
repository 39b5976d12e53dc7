//! A real Secret Service of the test's own: a session bus with
//! gnome-keyring-daemon on it, away from the tester's.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use super::process::{self, Log, Part, eventually};

const INSTALL: &str = "install dbus, gnome-keyring and libsecret-tools";
/// An empty one would be refused.
const PASSWORD: &str = "keychain password";
/// How the gateway's entry can be found.
const ENTRY: [&str; 2] = ["service", "AI Agent Gateway"];

/// Nothing but the processes named here can own a name on this bus: no prompt
/// appears on the tester's screen, and a daemon that was ended stays so.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=BUS</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

pub struct Keychain {
    dir: TempDir,
    daemon: Option<Part>,
    _bus: Part,
}

impl Keychain {
    /// Unlocked, and empty.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["run", "data"] {
            DirBuilder::new().mode(0o700).create(dir.path().join(folder)).unwrap();
        }
        let config = dir.path().join("bus.conf");
        fs::write(&config, BUS.replace("BUS", &socket(dir.path()))).unwrap();
        let mut bus = Command::new("dbus-daemon");
        bus.args(["--nofork", "--print-address=1", "--config-file"]).arg(config);
        let mut bus = Part::start(INSTALL, &bus, &Log::default());
        bus.line().await;
        let mut keychain = Self { dir, daemon: None, _bus: bus };
        keychain.unlock().await;
        keychain
    }

    /// What a program needs to know to find it.
    pub fn env(&self) -> [(&'static str, String); 2] {
        let runtime = self.dir.path().join("run").display().to_string();
        let bus = format!("unix:path={}", socket(self.dir.path()));
        [("DBUS_SESSION_BUS_ADDRESS", bus), ("XDG_RUNTIME_DIR", runtime)]
    }

    pub async fn unlock(&mut self) {
        self.restart(&["--unlock"], PASSWORD).await;
    }

    /// As after signing in without the keychain's password.
    pub async fn lock(&mut self) {
        self.restart(&[], "").await;
    }

    /// As on a machine without a keychain.
    pub async fn end(&mut self) {
        self.daemon = None;
        self.owned(false).await;
    }

    async fn restart(&mut self, args: &[&str], stdin: &str) {
        self.end().await;
        let mut command = self.command("gnome-keyring-daemon");
        command.args(["--foreground", "--components=secrets"]).args(args);
        let mut daemon = Part::start(INSTALL, &command, &Log::default());
        daemon.tell(stdin);
        daemon.close_stdin();
        self.daemon = Some(daemon);
        self.owned(true).await;
    }

    /// Waits until there is a Secret Service on the bus, or none any more.
    async fn owned(&self, wanted: bool) {
        let wanted = format!("boolean {wanted}");
        eventually("the Secret Service comes or goes", async || {
            let mut ask = self.command("dbus-send");
            ask.args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"]);
            ask.args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"]);
            let answer = process::run(INSTALL, ask, "").await.expect(0);
            answer.stdout.contains(&wanted).then_some(())
        })
        .await;
    }

    /// The gateway's key, as anybody may read it who is let in.
    pub async fn key(&self) -> Option<String> {
        let mut lookup = self.command("secret-tool");
        lookup.arg("lookup").args(ENTRY);
        let said = process::run(INSTALL, lookup, "").await;
        (said.code == 0).then_some(said.stdout)
    }

    pub async fn delete_key(&self) {
        let mut clear = self.command("secret-tool");
        clear.arg("clear").args(ENTRY);
        process::run(INSTALL, clear, "").await.expect(0);
        assert_eq!(self.key().await, None);
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.env("HOME", self.dir.path()).env("XDG_DATA_HOME", self.dir.path().join("data"));
        command.envs(self.env());
        command
    }
}

fn socket(dir: &Path) -> String {
    dir.join("run/bus").display().to_string()
}
