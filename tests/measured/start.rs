//! From the start of a process to the first paint of its page that shows
//! something.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{TICKS_PER_SECOND, stat};
use crate::support::{
    PASSWORD,
    desktop::{Desktop, Driver, app},
    process::eventually,
};

const STARTS: usize = 7;
/// From the end of one to the start of the next: the bus forgets it, and the
/// machine comes to rest.
const SETTLES: Duration = Duration::from_secs(1);

/// Milliseconds: from the process to when its page begins to load, and from
/// there to its first paint.
#[derive(Clone, Copy)]
struct Start {
    window: f64,
    page: f64,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo xtask bench --window"]
async fn from_the_process_to_the_first_paint() {
    let mut desktop = Desktop::bare().await;
    let empty = desktop.path("empty.html");
    std::fs::write(&empty, "<!doctype html><title>Empty</title><p>Nothing").unwrap();
    let empty = format!("file://{}", empty.display());
    println!("\n\nfrom the start of the process to the first paint (median of {STARTS})");
    println!("{:>36} {:>10} {:>9} {:>8} {:>7}", "", "window ms", "page ms", "all ms", "ratio");

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(start(&mut desktop, &mini_browser(), &["--automation", &empty]).await);
    }
    let base = print("one line of HTML (MiniBrowser)", &starts, None);

    // The first one makes the data folder.
    start(&mut desktop, &app(), &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(start(&mut desktop, &app(), &[]).await);
    }
    print("the app, at a gateway that runs", &starts, Some(base));

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let pid = desktop.service().await.pid.to_string();
        desktop.run("kill", &["-s", "TERM", &pid]).await.expect(0);
        desktop.processes("agw", 0).await;
        starts.push(start(&mut desktop, &app(), &[]).await);
    }
    print("the app, which starts the gateway", &starts, Some(base));
}

/// WebKit's own, in the package of its library.
fn mini_browser() -> PathBuf {
    let machine = std::env::consts::ARCH;
    format!("/usr/lib/{machine}-linux-gnu/webkit2gtk-4.1/MiniBrowser").into()
}

async fn start(desktop: &mut Desktop, program: &Path, args: &[&str]) -> Start {
    let window = Driver::open_program(desktop, program, args, &[]).await;
    let name = program.file_name().unwrap().to_str().unwrap();
    // The browser has an empty one for the driver, too.
    window.look_at(|url| !url.starts_with("about:")).await;
    let (_, pid) = desktop.running().into_iter().find(|(running, _)| running == name).unwrap();
    let begun = begun(pid);
    let paint = "return [performance.timeOrigin,
        performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null]";
    let (origin, page) = eventually("there is a first paint", async || {
        let painted = window.run(paint).await;
        Some((painted[0].as_f64()?, painted[1].as_f64()?))
    })
    .await;
    window.close().await;
    desktop.processes(name, 0).await;
    tokio::time::sleep(SETTLES).await;
    Start { window: origin - begun, page }
}

/// Milliseconds since 1970; to ten of them.
fn begun(pid: u32) -> f64 {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    let since_boot = stat(pid)[19] as f64 / TICKS_PER_SECOND;
    (now - uptime + since_boot) * 1e3
}

/// Returns all of it, the base of other ratios.
fn print(name: &str, starts: &[Start], base: Option<f64>) -> f64 {
    let median = |of: fn(&Start) -> f64| {
        let mut all: Vec<f64> = starts.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    let all = median(|start| start.window + start.page);
    let (window, page) = (median(|start| start.window), median(|start| start.page));
    let ratio = all / base.unwrap_or(all);
    println!("{name:>36} {window:>10.0} {page:>9.0} {all:>8.0} {ratio:>6.2}x");
    all
}
