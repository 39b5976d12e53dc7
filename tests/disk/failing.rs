//! Errors of the disk, below SQLite.

use super::outage::Scene;
use crate::support::{
    cli::agw,
    daemon,
    shim::{Errno, Fault, Shim},
};

async fn survives(fault: Fault) {
    let dir = tempfile::tempdir().unwrap();
    let shim = Shim::new(dir.path());
    let command = || {
        let mut command = daemon::serve(&agw(), dir.path());
        shim.under(&mut command);
        command
    };
    let mut scene = Scene::start(command(), |_| dir.path().to_owned()).await;
    scene.survives(|well| shim.fail(if well { Fault::Nothing } else { fault })).await;
    scene.adds_up(Some(command())).await;
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
