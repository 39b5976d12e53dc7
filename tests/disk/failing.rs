//! Errors of the disk, below SQLite.

use std::process::Command;

use tempfile::TempDir;

use super::outage::Scene;
use crate::support::{
    cli::agw,
    daemon,
    shim::{Errno, Fault, Shim},
};

/// A service on a disk that can be made to fail.
struct OnBadDisk {
    dir: TempDir,
    shim: Shim,
}

impl OnBadDisk {
    async fn start() -> (Self, Scene) {
        let dir = tempfile::tempdir().unwrap();
        let shim = Shim::new(dir.path());
        let bad = Self { dir, shim };
        let scene = Scene::start(bad.command(), |_| bad.dir.path().to_owned()).await;
        (bad, scene)
    }

    fn command(&self) -> Command {
        let mut command = daemon::serve(&agw(), self.dir.path());
        self.shim.under(&mut command);
        command
    }

    fn disk(&self, fault: Fault) -> impl FnMut(bool) {
        move |well| self.shim.fail(if well { Fault::Nothing } else { fault })
    }
}

async fn survives(fault: Fault) {
    let (bad, mut scene) = OnBadDisk::start().await;
    scene.survives(bad.disk(fault)).await;
    scene.adds_up(Some(bad.command())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_are_survived() {
    survives(Fault::Writes(Errno::Eio)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn syncs_that_fail_are_survived() {
    survives(Fault::Syncs(Errno::Eio)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_half_of_a_write_is_survived() {
    survives(Fault::Writes(Errno::Enospc)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_may_only_be_read_is_survived() {
    survives(Fault::Writes(Errno::Erofs)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_disk_fails_is_survived() {
    for killed in [false, true] {
        let (bad, mut scene) = OnBadDisk::start().await;
        scene.ends_while_failing(killed, bad.disk(Fault::Writes(Errno::Eio))).await;
        scene.starts_again(bad.command()).await;
    }
}
