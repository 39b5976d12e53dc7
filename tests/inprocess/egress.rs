//! The list of outgoing connections, against what those at the other end saw.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

use agw_api::{Check, Diagnosis, Egress, EgressEntry, EgressKind, EgressProtocol, Finding};
use agw_gateway::Timeouts;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};

use super::{accounts::Post, scene::Scene, trail};
use crate::support::{InProcess, eventually, parts, upstream::Fixture};

const SOON: Duration = Duration::from_secs(15);

/// Stands before a server and counts what comes through.
struct Door {
    address: SocketAddr,
    connections: Arc<AtomicU64>,
    /// Bytes to the server, and from it.
    bytes: [Arc<AtomicU64>; 2],
}

impl Door {
    /// `None`: everything is answered with 200 and nothing else.
    async fn before(server: Option<SocketAddr>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let door = Self { address, connections: Arc::default(), bytes: Default::default() };
        let (connections, bytes) = (Arc::clone(&door.connections), door.bytes.clone());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                connections.fetch_add(1, SeqCst);
                let [there, back] = bytes.clone();
                let (from, to) = near.into_split();
                match server {
                    Some(server) => {
                        let (answers, questions) =
                            TcpStream::connect(server).await.unwrap().into_split();
                        tokio::spawn(carry(from, questions, there));
                        tokio::spawn(carry(answers, to, back));
                    }
                    None => drop(tokio::spawn(accept(from, to, there, back))),
                }
            }
        });
        door
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn saw(&self) -> (u64, u64, u64) {
        let [there, back] = &self.bytes;
        (self.connections.load(SeqCst), there.load(SeqCst), back.load(SeqCst))
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    count: Arc<AtomicU64>,
) {
    let mut piece = [0; 8_192];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        count.fetch_add(read as u64, SeqCst);
        if to.write_all(&piece[..read]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

async fn accept(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    there: Arc<AtomicU64>,
    back: Arc<AtomicU64>,
) {
    const YES: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut piece = [0; 8_192];
    let read = from.read(&mut piece).await.unwrap();
    there.fetch_add(read as u64, SeqCst);
    back.fetch_add(YES.len() as u64, SeqCst);
    to.write_all(YES).await.unwrap();
    let _ = to.shutdown().await;
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        there.fetch_add(read as u64, SeqCst);
    }
}

fn address_of(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").split('/').next().unwrap().parse().unwrap()
}

async fn listed(gateway: &InProcess) -> Egress {
    gateway.admin.get("/api/v1/egress").await.unwrap()
}

/// Those of one server, added up.
fn of(egress: &Egress, port: u16) -> (u64, u64, u64) {
    let entries = egress.entries.iter().filter(|entry| entry.port == port);
    entries.fold((0, 0, 0), |(opened, sent, received), entry| {
        (opened + entry.opened, sent + entry.sent, received + entry.received)
    })
}

#[tokio::test]
async fn every_outgoing_connection_is_listed_as_the_other_end_saw_it() {
    let post = Post::open_with(json!({"kind": "user"}), Timeouts::default()).await;
    let gateway = &post.gateway;
    // A connection, two receivers of records and a witness, each behind a door.
    let fixture = Fixture::start().await;
    let crm = Door::before(Some(address_of(&fixture.url()))).await;
    let path = fixture.url().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    gateway.connect_http("crm", &format!("{}/{path}", crm.url()), &[]).await;
    gateway.grant("ana", "crm.echo", "allow").await;
    eventually("crm is up", SOON, async || {
        gateway.rest_call(&post.ana, "crm.echo", json!({})).await.0 == 200
    })
    .await;
    let collector = Door::before(None).await;
    let siem = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let datagrams = Arc::new(Mutex::new(0_u64));
    let (siem_port, heard) = (siem.local_addr().unwrap().port(), Arc::clone(&datagrams));
    tokio::spawn(async move {
        let mut datagram = [0; 65_535];
        while let Ok(length) = siem.recv(&mut datagram).await {
            *heard.lock().unwrap() += length as u64;
        }
    });
    for (name, kind, target) in [
        ("traces", "otlp", collector.url()),
        ("siem", "syslog", format!("udp://127.0.0.1:{siem_port}")),
    ] {
        let body = json!({"name": name, "kind": kind, "target": target});
        let _: Value = gateway.admin.post("/api/v1/audit/forwards", &body).await.unwrap();
    }
    let witness = Door::before(None).await;
    trail::set(gateway, json!({"witness_url": witness.url()})).await;
    // Signing in, and calls with what was given.
    post.connect_well("root", "root@upstream").await;
    post.connect_well("ana", "ana@upstream").await;
    post.ready().await;
    post.assert_calls_as(&post.ana, "ana@upstream").await;
    gateway.rest_call(&post.ana, "crm.echo", json!({"text": "hello"})).await;
    // A program of its own.
    let server = parts::fixture("stdio_server.py");
    gateway.connect_stdio("files", &["python3", &server], &[]).await;

    let doors = [(&crm, "crm"), (&collector, "traces"), (&witness, "witness")];
    eventually("the list agrees with those at the other end", SOON, async || {
        let egress = listed(gateway).await;
        doors
            .iter()
            .all(|(door, _)| door.saw().2 > 0 && of(&egress, door.address.port()) == door.saw())
            && of(&egress, siem_port).1 == *datagrams.lock().unwrap()
    })
    .await;
    let egress = listed(gateway).await;
    for (door, name) in doors {
        let (opened, sent, received) = door.saw();
        assert!(opened > 0 && sent > 0 && received > 0, "{name}: {:?}", door.saw());
    }
    assert!(of(&egress, siem_port).1 > 0);
    // To whom each belongs; and there is nothing else.
    let mail = address_of(&post.server.base()).port();
    let expected = BTreeSet::from([
        ("connection".to_owned(), Some("crm".to_owned()), crm.address.port()),
        ("connection".to_owned(), Some("mail".to_owned()), mail),
        ("sign_in".to_owned(), Some("mail".to_owned()), mail),
        ("forward".to_owned(), Some("traces".to_owned()), collector.address.port()),
        ("forward".to_owned(), Some("siem".to_owned()), siem_port),
        ("witness".to_owned(), None, witness.address.port()),
    ]);
    let word = |entry: &EgressEntry| {
        serde_json::to_value(entry.kind).unwrap().as_str().unwrap().to_owned()
    };
    let seen = egress.entries.iter().map(|e| (word(e), e.name.clone(), e.port));
    assert_eq!(seen.collect::<BTreeSet<_>>(), expected);
    for entry in &egress.entries {
        assert_eq!((&*entry.host, entry.address.as_deref()), ("127.0.0.1", Some("127.0.0.1")));
        let udp = entry.protocol == EgressProtocol::Udp;
        assert_eq!(udp, entry.port == siem_port, "{entry:?}");
        assert!(entry.first <= entry.last && entry.first >= egress.since, "{entry:?}");
    }
    let [program] = egress.programs.as_slice() else { panic!("{:?}", egress.programs) };
    assert_eq!((&*program.connection, &*program.command), ("files", "python3"));
    // Nothing in it is a secret.
    let text = serde_json::to_string(&egress).unwrap();
    for secret in post.server.secrets() {
        assert!(!text.contains(&secret), "{text}");
    }
}

#[tokio::test]
async fn what_cannot_be_reached_is_listed_with_the_reason() {
    let scene = Scene::start().await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    scene.gateway.connect_http("gone", &format!("http://{gone}/mcp"), &[]).await;
    eventually("it was tried", SOON, async || {
        let egress = listed(&scene.gateway).await;
        egress.entries.iter().any(|e| e.name.as_deref() == Some("gone") && e.failed > 0)
    })
    .await;
    let egress = listed(&scene.gateway).await;
    let entry = egress.entries.iter().find(|e| e.name.as_deref() == Some("gone")).unwrap();
    assert_eq!((entry.opened, entry.open, entry.port), (0, 0, gone.port()));
    assert!(entry.error.as_ref().is_some_and(|error| error.contains("refused")), "{entry:?}");
    scene.gateway.stop().await;
}

fn check<'d>(diagnosis: &'d Diagnosis, id: &str) -> &'d Check {
    diagnosis.checks.iter().find(|check| check.id == id).unwrap()
}

async fn examined(gateway: &InProcess, name: &str) -> Diagnosis {
    gateway.admin.post(&format!("/api/v1/connections/{name}/doctor"), &()).await.unwrap()
}

#[tokio::test]
async fn the_doctor_finds_the_first_step_of_a_connection_that_does_not_hold() {
    let scene = Scene::start().await;
    let gateway = &scene.gateway;
    let well = examined(gateway, "fix").await;
    let ids: Vec<&str> = well.checks.iter().map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["name", "reach", "tls", "credential", "handshake", "listing"]);
    assert!(well.checks.iter().all(|check| check.finding == Finding::Ok), "{well:?}");

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    gateway.connect_http("gone", &format!("http://{gone}/mcp"), &[]).await;
    gateway.connect_http("nowhere", "https://nowhere.invalid/mcp", &[]).await;
    // No TLS there.
    let plain = format!("https://localhost:{}/mcp", address_of(&scene.upstream.url()).port());
    gateway.connect_http("plain", &plain, &[]).await;
    gateway.connect_stdio("missing", &["/no/such/server"], &[]).await;
    for (name, step) in
        [("gone", "reach"), ("nowhere", "name"), ("plain", "tls"), ("missing", "command")]
    {
        let diagnosis = examined(gateway, name).await;
        let broken: Vec<_> =
            diagnosis.checks.iter().filter(|c| c.finding == Finding::Problem).collect();
        let [broken] = broken.as_slice() else { panic!("{name}: {diagnosis:?}") };
        assert_eq!(broken.id, step, "{name}: {diagnosis:?}");
        assert!(broken.next.is_some());
        assert_eq!(check(&diagnosis, "listing").finding, Finding::Unknown);
    }
    // What the doctor opens is in the list as the doctor's.
    let egress = listed(gateway).await;
    let mut own = egress.entries.iter().filter(|entry| entry.kind == EgressKind::Doctor);
    assert!(own.any(|entry| entry.name.as_deref() == Some("fix") && entry.open == 0));
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_doctor_says_who_has_to_sign_in() {
    let post = Post::open("user").await;
    let diagnosis = examined(&post.gateway, "mail").await;
    let found = check(&diagnosis, "sign_in");
    assert_eq!(found.finding, Finding::Problem);
    assert!(found.next.as_ref().is_some_and(|next| next.contains(&post.link())), "{found:?}");
    post.connect_well("root", "root@upstream").await;
    post.ready().await;
    let diagnosis = examined(&post.gateway, "mail").await;
    assert_eq!(check(&diagnosis, "sign_in").finding, Finding::Ok, "{diagnosis:?}");
}

#[tokio::test]
async fn the_doctor_looks_at_the_gateway_itself() {
    let gateway = InProcess::start().await;
    let diagnosis: Diagnosis = gateway.admin.get("/api/v1/doctor").await.unwrap();
    for id in ["keychain", "disk", "clock", "trail", "checkpoint", "files"] {
        assert_ne!(check(&diagnosis, id).finding, Finding::Problem, "{diagnosis:?}");
    }
    // No witness is no problem, but worth a word.
    let witness = check(&diagnosis, "witness");
    assert_eq!(witness.finding, Finding::Advice);
    assert!(witness.next.is_some());
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_owned();
    trail::set(&gateway, json!({"witness_folder": place})).await;
    drop(folder);
    gateway.add_user("ana", None).await;
    eventually("a witness that is gone is a problem", SOON, async || {
        let diagnosis: Diagnosis = gateway.admin.get("/api/v1/doctor").await.unwrap();
        check(&diagnosis, "witness").finding == Finding::Problem
    })
    .await;
    gateway.stop().await;
}
