//! `cargo bench`: what the gateway costs, from one run on one machine.
//!
//! The upstream and the gateway are processes of their own (this binary,
//! started again), so that the gateway's CPU time can be read apart. Every
//! table shows ratios beside its numbers, because only those carry over to
//! another machine. `cargo bench -- mcp` measures one part alone: `parts`,
//! `trail`, `lists`, `calls` or `mcp`.

mod load;
mod mcp;
mod parts;
mod processes;
mod trail;

use std::time::Duration;

use load::{Client, Load};
use processes::Child;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const WARM_UP: Duration = Duration::from_secs(1);
/// For each kind of caller that lists.
const LISTS: Duration = Duration::from_secs(4);
const MEASURE: Duration = Duration::from_secs(5);

fn main() -> Result<()> {
    let role = std::env::var(processes::ROLE).ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match role.as_deref() {
        Some("upstream") => runtime.block_on(processes::upstream()),
        Some("gateway") => runtime.block_on(processes::gateway()),
        _ => runtime.block_on(measure()),
    }
}

async fn measure() -> Result<()> {
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let wants = |part: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == part);
    if wants("parts") {
        parts::decide()?;
        parts::conditions()?;
    }
    if wants("trail") {
        trail::writing().await?;
        // It waits for threads, which tasks must not.
        tokio::task::block_in_place(trail::reading)?;
    }
    if wants("lists") {
        lists().await?;
    }
    if wants("calls") {
        calls().await?;
    }
    if wants("mcp") {
        mcp::eras().await?;
        mcp::catalogues().await?;
        mcp::memory().await?;
    }
    Ok(())
}

/// Lists of tools. Conditions must not make them slower: a list evaluates none.
async fn lists() -> Result<()> {
    let upstream = Child::start("upstream", &[(processes::TOOLS, "5000")]).await?;
    let gateway = Child::start("gateway", &[]).await?;
    println!("\ntools/list over HTTP, 5,000 tools ({} s each, one connection)", LISTS.as_secs());
    println!(
        "{:>24} {:>9} {:>10} {:>10} {:>12} {:>7}",
        "grants", "lists/s", "p50 µs", "p99 µs", "CPU µs/list", "ratio"
    );
    let mut first = None;
    for (grants, token) in processes::prepare_lists(&gateway, &upstream.address).await? {
        let list = load::list(&gateway.address, &token);
        let listed = load::once(&gateway.address, &list).await?.matches("up__tool_").count();
        if listed != 5_000 {
            return Err(format!("{grants}: {listed} tools are listed").into());
        }
        Load::run(&gateway.address, &list, 1, Duration::ZERO, WARM_UP).await?;
        let before = gateway.cpu()?;
        let load = Load::run(&gateway.address, &list, 1, Duration::ZERO, LISTS).await?;
        let cpu = (gateway.cpu()? - before).as_secs_f64() * 1e6 / load.count() as f64;
        let median = load.percentile(50);
        let base = *first.get_or_insert(median);
        println!(
            "{grants:>24} {:>9.0} {median:>10.0} {:>10.0} {cpu:>12.0} {:>6.2}x",
            load.per_second(),
            load.percentile(99),
            median / base
        );
    }
    Ok(())
}

/// Calls through the gateway and straight to the same upstream.
async fn calls() -> Result<()> {
    let upstream = Child::start("upstream", &[]).await?;
    let gateway = Child::start("gateway", &[]).await?;
    let token = processes::prepare(&gateway, &upstream.address, "up.echo").await?;
    let straight = load::call(&upstream.address, &Client::Bare, "echo", None);
    let through = load::call(&gateway.address, &Client::Bare, "up__echo", Some(&token));

    println!(
        "\ntools/call over HTTP, durable intent before each forward ({} s each)",
        MEASURE.as_secs()
    );
    println!(
        "{:>11} {:>12} {:>10} {:>10} {:>12} {:>10} {:>10} {:>8} {:>14}",
        "connections",
        "straight/s",
        "p50 µs",
        "p99 µs",
        "gateway/s",
        "p50 µs",
        "p99 µs",
        "ratio",
        "CPU µs/call"
    );
    for connections in CONNECTIONS {
        let direct = Load::run(&upstream.address, &straight, connections, WARM_UP, MEASURE).await?;
        Load::run(&gateway.address, &through, connections, Duration::ZERO, WARM_UP).await?;
        let before = gateway.cpu()?;
        let load =
            Load::run(&gateway.address, &through, connections, Duration::ZERO, MEASURE).await?;
        let cpu = gateway.cpu()? - before;
        println!(
            "{:>11} {:>12.0} {:>10.0} {:>10.0} {:>12.0} {:>10.0} {:>10.0} {:>7.2}x {:>14.1}",
            connections,
            direct.per_second(),
            direct.percentile(50),
            direct.percentile(99),
            load.per_second(),
            load.percentile(50),
            load.percentile(99),
            direct.per_second() / load.per_second(),
            cpu.as_secs_f64() * 1e6 / load.count() as f64,
        );
    }
    Ok(())
}
