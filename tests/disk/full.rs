//! A disk that is really full: a small tmpfs.

use std::{fs::File, io::Write as _, path::Path, process::Command};

use super::outage::Scene;
use crate::support::{cli::agw, daemon};

/// Room for what the service writes in this test, and little more.
const SIZE: &str = "24m";

/// Namespaces to mount in: one of mounts is root's to make, others need one of
/// users around it.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];

/// The command in namespaces of its own, with a small disk at `dir`. The file
/// system goes when the command ends.
fn on_a_small_disk(namespaces: &[&str], command: &Command, dir: &Path) -> Command {
    let mount = format!(r#"mount -t tmpfs -o size={SIZE} none "$0" && cd "$0" && exec "$@""#);
    let mut small = Command::new("unshare");
    small.args(namespaces).args(["sh", "-c", &mount]).arg(dir);
    small.arg(command.get_program()).args(command.get_args());
    let env = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    small.envs(env);
    small
}

/// The namespaces that this machine lets us have; fails, and says what to do,
/// where there are none.
fn namespaces(dir: &Path) -> &'static [&'static str] {
    let mut said = String::new();
    for namespaces in NAMESPACES {
        let output = on_a_small_disk(namespaces, &Command::new("true"), dir).output();
        let output = output.expect("unshare, of util-linux");
        if output.status.success() {
            return namespaces;
        }
        said += &String::from_utf8_lossy(&output.stderr);
    }
    panic!(
        "this test needs a small disk of its own, and may not mount one here: {said}; run it as \
         root, or allow namespaces of users (sysctl kernel.unprivileged_userns_clone=1 \
         kernel.apparmor_restrict_unprivileged_userns=0)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let serve = daemon::serve(&agw(), dir.path());
    let command = on_a_small_disk(namespaces(dir.path()), &serve, dir.path());
    // Another namespace's files are reached by way of who lives in it.
    let inside = |service: &daemon::Daemon| {
        let root = Path::new("/proc").join(service.pid().to_string()).join("root");
        root.join(dir.path().strip_prefix("/").unwrap())
    };
    let mut scene = Scene::start(command, inside).await;
    let ballast = scene.dir().join("ballast");
    let disk = |well| if well { std::fs::remove_file(&ballast).unwrap() } else { fill(&ballast) };
    scene.survives(disk).await;
    // The disk is gone with the service.
    scene.adds_up(None).await;
}

/// Takes all the room that there is.
fn fill(path: &Path) {
    let mut file = File::create_new(path).unwrap();
    for size in [1 << 20, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
