//! What the window costs: how long it takes to come, what it takes when nothing
//! happens, and how smooth it stays. `cargo xtask bench --window` runs it with
//! the programs of a release build, in a desktop and a browser of its own.
//!
//! It prints, and nothing fails because it is slow: only ratios carry over to
//! another machine.

mod frames;
mod idle;
mod start;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo xtask bench --window"]
async fn what_the_window_costs() {
    println!();
    start::measure().await;
    idle::measure().await;
    frames::measure().await;
}

/// The fields of proc(5)'s `stat` from the third on, which is the state.
fn stat(pid: u32) -> Vec<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split_whitespace().map(|field| field.parse().unwrap_or_default()).collect()
}

const TICKS_PER_SECOND: f64 = 100.0;
