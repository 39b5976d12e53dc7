//! `cargo bench`: what the gateway costs, from one run on one machine.
//!
//! The upstream and the gateway are processes of their own (this binary,
//! started again), so that the gateway's CPU time can be read apart. Every
//! table shows ratios beside its numbers, because only those carry over to
//! another machine.

mod load;
mod parts;
mod processes;

use std::time::Duration;

use load::Load;
use processes::Child;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CONNECTIONS: [usize; 3] = [1, 16, 64];
const WARM_UP: Duration = Duration::from_secs(1);
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
    parts::decide()?;
    parts::audit().await?;
    calls().await
}

/// Calls through the gateway and straight to the same upstream.
async fn calls() -> Result<()> {
    let upstream = Child::start("upstream", &[]).await?;
    let gateway = Child::start("gateway", &[]).await?;
    let token = processes::prepare(&gateway, &upstream.address).await?;
    let straight = load::request(&upstream.address, "echo", None);
    let through = load::request(&gateway.address, "up__echo", Some(&token));

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
