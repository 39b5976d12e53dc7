//! `kill -9` in the middle of 32 calls. Whatever the upstream received must
//! have an intent in the trail; what has no outcome must say so.
//!
//! The same campaign runs against a build that writes intents *after* the
//! forward, and must find it out: a crash test that cannot fail proves nothing.

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use agw_api::{AgentCreated, AuditRecord, Client, Connection, Grant, SetupResponse, User};
use agw_core::json;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{
    PASSWORD,
    upstream::{Fixture, Manner},
};

const IN_FLIGHT: usize = 32;
/// Rounds on the real build; on the faulty one the first find ends it.
const ROUNDS: u32 = 10;
/// Each call is held here, so that all 32 are under way at any moment.
const UPSTREAM_TAKES: Duration = Duration::from_millis(15);
const READY_WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn what_the_upstream_received_has_an_intent_after_any_kill() {
    let agw = built("agw");
    let found = campaign(&agw, None).await;
    assert!(found.calls > IN_FLIGHT, "the campaign forwarded too little: {found:?}");
    assert_eq!(found.without_intent, 0, "{found:?}");
    assert_eq!(found.open_after_restart, 0, "{found:?}");
    assert!(found.indeterminate > 0, "no kill hit a call under way: {found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_campaign_finds_intents_that_come_too_late() {
    let faulty = PathBuf::from(env!("CARGO_BIN_EXE_agw-faulty"));
    let found = campaign(&faulty, Some("intent-after-forward")).await;
    assert!(found.without_intent > 0, "the seeded fault was not found: {found:?}");
}

#[derive(Debug, Default)]
struct Found {
    calls: usize,
    without_intent: usize,
    indeterminate: usize,
    open_after_restart: usize,
}

/// Kills and restarts the service again and again, and compares the trail
/// with what the upstream saw.
async fn campaign(agw: &Path, fault: Option<&str>) -> Found {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    println!("seed {seed}");
    let mut random = Xorshift(u64::from(seed) | 1);
    let dir = tempfile::tempdir().unwrap();
    let upstream = Fixture::start().await;
    upstream.behave(Manner::Slowly(UPSTREAM_TAKES));
    let mut service = Service::start(agw, dir.path(), fault).await;
    let (admin, token) = prepare(dir.path(), &upstream).await;
    let mut found = Found::default();
    for round in 0..ROUNDS {
        let moment = Duration::from_millis(40 + random.next() % 300);
        call_and_kill(&mut service, &token, round, moment).await;
        service = Service::start(agw, dir.path(), fault).await;
        found = compare(&admin, &upstream).await;
        if fault.is_some() && found.without_intent > 0 {
            break;
        }
    }
    found
}

/// 32 callers call as fast as they can until the service is killed.
async fn call_and_kill(service: &mut Service, token: &str, round: u32, moment: Duration) {
    let callers: Vec<_> = (0..IN_FLIGHT)
        .map(|caller| {
            let address = service.url.trim_start_matches("http://").to_owned();
            let token = token.to_owned();
            tokio::spawn(async move {
                for n in 0.. {
                    let args = json!({"round": round, "caller": caller, "n": n});
                    let body = json!({"tool": "fix.echo", "args": args, "token": token});
                    if !answered(&address, &body.to_string()).await {
                        return;
                    }
                }
            })
        })
        .collect();
    tokio::time::sleep(moment).await;
    service.kill();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// Sends one call; false when the service is no longer there.
async fn answered(address: &str, body: &str) -> bool {
    let request = format!(
        "POST /mcp/tools/call HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer.starts_with("HTTP/1.1 200"))
    };
    exchange.await.unwrap_or(false)
}

async fn compare(admin: &Client, upstream: &Fixture) -> Found {
    let records = whole_trail(admin).await;
    let with_digest = |kind: &str| -> HashSet<&str> {
        let of_kind = records.iter().filter(|record| record.kind == kind);
        of_kind.filter_map(|record| record.args_digest.as_deref()).collect()
    };
    let intents = with_digest("intent");
    let received = upstream.calls();
    let digests = received.iter().map(|(_, params)| {
        let text = params["arguments"].to_string();
        json::parse(text.as_bytes()).unwrap().digest().unwrap().to_string()
    });
    let calls_with = |kind: &str| -> HashSet<&str> {
        let of_kind = records.iter().filter(|record| record.kind == kind);
        of_kind.filter_map(|record| record.call_id.as_deref()).collect()
    };
    let is = |record: &&AuditRecord| record.status.as_deref() == Some("indeterminate");
    Found {
        calls: received.len(),
        without_intent: digests.filter(|digest| !intents.contains(digest.as_str())).count(),
        indeterminate: records.iter().filter(is).count(),
        open_after_restart: calls_with("intent").difference(&calls_with("outcome")).count(),
    }
}

async fn whole_trail(admin: &Client) -> Vec<AuditRecord> {
    let mut all: Vec<AuditRecord> = Vec::new();
    loop {
        let before = all.last().map(|record| format!("&before={}", record.seq));
        let path = format!("/api/v1/audit?limit=1000{}", before.unwrap_or_default());
        let page: Vec<AuditRecord> = admin.get(&path).await.unwrap();
        if page.is_empty() {
            // Nothing is missing in between either.
            assert_eq!(all.len() as u64, all.first().unwrap().seq);
            return all;
        }
        all.extend(page);
    }
}

async fn prepare(dir: &Path, upstream: &Fixture) -> (Client, String) {
    let body = json!({"admin": "root", "password": PASSWORD});
    let setup: SetupResponse = Client::new(dir).post("/api/v1/setup", &body).await.unwrap();
    let admin = Client::new(dir).with_session(setup.session.token);
    let transport = json!({"kind": "http", "url": upstream.url()});
    let body = json!({"name": "fix", "transport": transport});
    let _: Connection = admin.post("/api/v1/connections", &body).await.unwrap();
    let _: User = admin.post("/api/v1/users", &json!({"name": "ana"})).await.unwrap();
    let grant = json!({"subject": "ana", "tool": "fix.echo", "effect": "allow"});
    let _: Grant = admin.post("/api/v1/grants", &grant).await.unwrap();
    let path = "/api/v1/users/ana/agents";
    let agent: AgentCreated = admin.post(path, &json!({"name": "claude"})).await.unwrap();
    (admin, agent.token)
}

/// A binary beside the ones that Cargo built for this test.
fn built(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_agw-faulty")).with_file_name(name);
    assert!(path.exists(), "{} is missing: run `cargo build -p agw-cli`", path.display());
    path
}

struct Service {
    child: Child,
    url: String,
}

impl Service {
    async fn start(agw: &Path, dir: &Path, fault: Option<&str>) -> Self {
        let mut command = Command::new(agw);
        command.args(["serve", "--listen", "127.0.0.1:0", "--master-key"]);
        command.arg(format!("file:{}", dir.join("master.key").display()));
        command.env("AGW_DATA_DIR", dir).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(fault) = fault {
            command.env("AGW_SEEDED_FAULT", fault);
        }
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().unwrap();
        let ready = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            BufReader::new(stdout).read_line(&mut line).map(|_| line)
        });
        let line = tokio::time::timeout(READY_WITHIN, ready).await.unwrap().unwrap().unwrap();
        let url =
            line.trim().strip_prefix("agw is ready at ").unwrap_or_else(|| panic!("{line:?}"));
        let service = Self { url: url.to_owned(), child };
        service.enforcing(dir).await;
        service
    }

    /// The connection comes up a moment after the service.
    async fn enforcing(&self, dir: &Path) {
        let begun = Instant::now();
        let health = || async { Client::new(dir).get::<agw_api::Health>("/api/v1/health").await };
        while health().await.is_err() {
            assert!(begun.elapsed() < READY_WITHIN, "the service does not answer");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// SIGKILL: no chance to write anything.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
