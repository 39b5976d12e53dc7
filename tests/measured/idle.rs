//! What the app and the gateway take while nothing happens.

use std::time::Duration;

use serde_json::Value;

use super::{TICKS_PER_SECOND, stat};
use crate::{
    support::{
        PASSWORD,
        cli::agw,
        desktop::{Desktop, Driver},
    },
    window::sign_in,
};

/// From the last that happened to when nothing is left to do.
const SETTLES: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo xtask bench --window"]
async fn while_nothing_happens() {
    let mut desktop = Desktop::with_tray().await;
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let agw = agw().display().to_string();
    desktop.agw(&["connection", "add", "sample", "--stdio", "--", &agw, "sample"], "").await;
    desktop.agw(&["user", "add", "ana"], "").await;
    desktop.agw(&["grant", "ana", "sample.*", "allow"], "").await;
    let agent: Value = desktop.agw(&["agent", "add", "ana", "claude"], "").await.remove(0);
    for _ in 0..20 {
        let token = format!("{}\n", agent["token"].as_str().unwrap());
        desktop.agw(&["call", "sample.list_notes"], &token).await;
    }
    sign_in(&window).await;
    window.matching("[data-testid='feed-row']").await;

    println!("\n\nwhile nothing happens ({} s each; memory is PSS)", IDLE.as_secs());
    println!("{:>36} {:>8} {:>10}", "", "CPU %", "MiB");
    print(&desktop, "the window is open, on Home").await;
    desktop.close_window().await;
    print(&desktop, "the window is closed, the tray is there").await;
}

async fn print(desktop: &Desktop, state: &str) {
    tokio::time::sleep(SETTLES).await;
    let running = desktop.running();
    let of = |name: &str| -> Vec<u32> {
        let same = running.iter().filter(|(running, _)| running == name);
        same.map(|(_, pid)| *pid).collect()
    };
    let parts = [
        ("the app", of("ai-agent-gateway")),
        ("its page (WebKitWebProcess)", of("WebKitWebProcess")),
        ("WebKitNetworkProcess", of("WebKitNetworkProcess")),
        ("the gateway", vec![desktop.service().await.pid]),
    ];
    let ticks = |pids: &[u32]| -> u64 {
        pids.iter().map(|pid| stat(*pid)[11..13].iter().sum::<u64>()).sum()
    };
    let before: Vec<u64> = parts.iter().map(|(_, pids)| ticks(pids)).collect();
    tokio::time::sleep(IDLE).await;
    println!("{state}");
    for ((name, pids), before) in parts.iter().zip(before) {
        if pids.is_empty() {
            continue;
        }
        let cpu = (ticks(pids) - before) as f64 / TICKS_PER_SECOND / IDLE.as_secs_f64() * 100.0;
        let memory: f64 = pids.iter().map(|pid| pss(*pid)).sum();
        println!("{name:>36} {cpu:>8.2} {memory:>10.0}");
    }
}

/// MiB of its own, and its share of what it shares (proc(5), `smaps_rollup`).
fn pss(pid: u32) -> f64 {
    let memory = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = memory.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap();
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024.0
}
