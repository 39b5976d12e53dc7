//! How evenly the page draws: under the load of the feed, and in a large grid.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use agw_api::{AgentCreated, Client, SetupResponse};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::{
    support::{
        PASSWORD,
        chromium::Chromium,
        cli::agw,
        daemon::{Daemon, serve},
        http,
        seed::web_view,
        upstream::Fixture,
    },
    window::sign_in,
};

/// Calls a second.
const RATE: u32 = 200;
const PEOPLE: usize = 200;
const CONNECTIONS: usize = 10;
/// Of each.
const TOOLS: usize = 100;
/// The feed is full by then: no call is added without another leaving it.
const WARM_UP: Duration = Duration::from_secs(5);
const MEASURE: Duration = Duration::from_secs(10);
/// Longer than this, and a person sees it: two frames in the time of one.
const DROPPED_MS: f64 = 33.4;

/// The built gateway, with a crowd on it.
struct Crowd {
    daemon: Daemon,
    token: String,
    _dir: TempDir,
    _systems: Vec<Fixture>,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo xtask bench --window"]
async fn how_evenly_it_draws() {
    let crowd = Crowd::start().await;
    let browser = Chromium::open().await;
    browser.resize(1280, 800).await;
    browser.go(&crowd.daemon.url).await;
    sign_in(&browser.page).await;
    println!(
        "\n\nframes of the page, 1280 by 800, without a graphics card ({} s each)",
        MEASURE.as_secs()
    );
    println!(
        "{:>36} {:>8} {:>8} {:>8} {:>11} {:>9} {:>8}",
        "", "frames", "p50 ms", "p99 ms", "longest ms", "> 33 ms", "nodes"
    );
    tokio::time::sleep(WARM_UP).await;
    print("Home, nothing happens", &frames(&browser, [0, 0]).await);
    let load = Load::start(&crowd);
    tokio::time::sleep(WARM_UP).await;
    let (before, begun) = (load.answered(), Instant::now());
    let drawn = frames(&browser, [0, 0]).await;
    let rate = (load.answered() - before) as f64 / begun.elapsed().as_secs_f64();
    drop(load);
    print(&format!("Home, the feed takes {rate:.0} calls/s"), &drawn);

    browser.page.click("nav-grants").await;
    browser.page.click("grid-open-all").await;
    browser.page.matching("[data-testid='permission-grid'] [data-testid^='cell-']").await;
    let size = format!("{PEOPLE} people by {} tools", CONNECTIONS * TOOLS);
    print(&format!("{size}, scrolled down"), &frames(&browser, [0, 48]).await);
    print("the same, sideways", &frames(&browser, [12, 0]).await);
    print("the same, across and fast", &frames(&browser, [24, 120]).await);
}

/// Times between frames in milliseconds, in order, and the most nodes that the page had.
struct Frames {
    gaps: Vec<f64>,
    nodes: u64,
}

/// Looks at each frame, and scrolls the grid by so much in each, to and fro.
async fn frames(browser: &Chromium, step: [i32; 2]) -> Frames {
    let script = "const [ms, step, done] = arguments;
        const grid = document.querySelector('[data-testid=permission-grid]');
        const gaps = [];
        let before, end, nodes = 0;
        const scroll = (axis, room, index) => {
            const at = grid[axis] + step[index];
            if (at < 0 || at > room) step[index] = -step[index];
            if (step[index] !== 0) grid[axis] = at;
        };
        requestAnimationFrame(function frame(now) {
            if (before !== undefined) gaps.push(now - before);
            before = now;
            end ??= now + ms;
            if (grid) {
                scroll('scrollLeft', grid.scrollWidth - grid.clientWidth, 0);
                scroll('scrollTop', grid.scrollHeight - grid.clientHeight, 1);
            }
            nodes = Math.max(nodes, document.getElementsByTagName('*').length);
            if (now < end) requestAnimationFrame(frame);
            else done({ gaps, nodes });
        });";
    let arguments = vec![json!(MEASURE.as_millis() as u64), json!(step)];
    let seen = browser.page.run_async(script, arguments).await;
    let gaps = seen["gaps"].as_array().unwrap().iter().map(|gap| gap.as_f64().unwrap());
    let mut gaps: Vec<f64> = gaps.collect();
    gaps.sort_by(f64::total_cmp);
    Frames { gaps, nodes: seen["nodes"].as_u64().unwrap() }
}

fn print(name: &str, Frames { gaps, nodes }: &Frames) {
    let percentile = |percent: usize| gaps[(gaps.len() * percent / 100).min(gaps.len() - 1)];
    let dropped = gaps.iter().filter(|gap| **gap > DROPPED_MS).count();
    println!(
        "{name:>36} {:>8} {:>8.1} {:>8.1} {:>11.1} {:>7.2} % {nodes:>8}",
        gaps.len(),
        percentile(50),
        percentile(99),
        percentile(100),
        dropped as f64 / gaps.len() as f64 * 100.0,
    );
}

impl Crowd {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = serve(&agw(), dir.path());
        command.arg("--ui").arg(web_view());
        let daemon = Daemon::start(command).await;
        let body = json!({"admin": "root", "password": PASSWORD});
        let setup: SetupResponse =
            Client::new(dir.path()).post("/api/v1/setup", &body).await.unwrap();
        let admin = Client::new(dir.path()).with_session(setup.session.token);
        let add =
            async |path: &str, body: Value| -> Value { admin.post(path, &body).await.unwrap() };

        let mut systems = Vec::new();
        for connection in 0..CONNECTIONS {
            let system = Fixture::start().await;
            let tool = |n| json!({"name": format!("tool_{n}"), "description": "Does one of many things", "inputSchema": {"type": "object"}});
            system.list((0..TOOLS).map(tool).collect());
            let transport = json!({"kind": "http", "url": system.url()});
            add(
                "/api/v1/connections",
                json!({"name": format!("system{connection}"), "transport": transport}),
            )
            .await;
            systems.push(system);
        }
        let transport = json!({"kind": "stdio", "argv": [agw(), "sample"]});
        add("/api/v1/connections", json!({"name": "sample", "transport": transport})).await;
        for n in 0..PEOPLE {
            let (user, connection) = (format!("person-{n}"), n % CONNECTIONS);
            add("/api/v1/users", json!({"name": user, "team": format!("team-{}", n % 8)})).await;
            for (tool, effect) in [("*", "allow"), ("tool_1", "ask"), ("tool_2", "deny")] {
                let tool = format!("system{connection}.{tool}");
                add("/api/v1/grants", json!({"subject": user, "tool": tool, "effect": effect}))
                    .await;
            }
        }
        let grant = json!({"subject": "person-0", "tool": "sample.*", "effect": "allow"});
        add("/api/v1/grants", grant).await;
        let body = json!({"name": "claude"});
        let agent: AgentCreated = admin.post("/api/v1/users/person-0/agents", &body).await.unwrap();
        Self { daemon, token: agent.token, _dir: dir, _systems: systems }
    }
}

/// Calls the sample [`RATE`] times a second, until it is dropped.
struct Load {
    answered: Arc<AtomicUsize>,
    calls: JoinHandle<()>,
}

impl Load {
    fn start(crowd: &Crowd) -> Self {
        let url = format!("{}/mcp/tools/call", crowd.daemon.url);
        let body = json!({"tool": "sample.list_notes", "args": {}, "token": crowd.token});
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let calls = tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(1) / RATE);
            loop {
                tick.tick().await;
                let (url, body, count) = (url.clone(), body.clone(), Arc::clone(&count));
                tokio::spawn(async move {
                    let (status, _) = http::post_json(&url, &[], &body).await;
                    count.fetch_add(usize::from(status == 200), Ordering::Relaxed);
                });
            }
        });
        Self { answered, calls }
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.calls.abort();
    }
}
