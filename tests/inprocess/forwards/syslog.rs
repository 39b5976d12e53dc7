//! Syslog, read as the RFCs say.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::{
    net::{UdpSocket, UnixDatagram},
    time::timeout,
};

use super::{super::scene::Scene, SOON, add, assert_same, calls, caught_up, sink::Sink, trail};
use crate::support::eventually;

/// RFC 5424, section 6.
struct Message {
    severity: u8,
    facility: u8,
    time: String,
    app: String,
    kind: String,
    sequence: u64,
    record: Value,
}

impl Message {
    fn read(text: &str) -> Self {
        let (priority, rest) = text.strip_prefix('<').unwrap().split_once('>').unwrap();
        let priority: u8 = priority.parse().unwrap();
        let parts: Vec<&str> = rest.splitn(7, ' ').collect();
        let [version, time, host, app, process, kind, rest] = parts[..] else { panic!("{text}") };
        assert_eq!(version, "1");
        assert!(!host.is_empty() && host.len() <= 255, "{text}");
        assert_eq!(process, std::process::id().to_string());
        let (data, json) = rest.strip_prefix('[').unwrap().split_once("] ").unwrap();
        let (id, parameter) = data.split_once(' ').unwrap();
        let sequence = parameter.strip_prefix("sequenceId=\"").unwrap().strip_suffix('"').unwrap();
        assert_eq!(id, "meta");
        Self {
            severity: priority % 8,
            facility: priority / 8,
            time: time.to_owned(),
            app: app.to_owned(),
            kind: kind.to_owned(),
            sequence: sequence.parse().unwrap(),
            record: serde_json::from_str(json).unwrap(),
        }
    }

    /// RFC 6587, section 3.4.1.
    fn read_all(mut bytes: &[u8]) -> Vec<Self> {
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let space = bytes.iter().position(|byte| *byte == b' ').unwrap();
            let length = str::from_utf8(&bytes[..space]).unwrap();
            assert!(!length.starts_with('0'));
            let end = space + 1 + length.parse::<usize>().unwrap();
            messages.push(Self::read(str::from_utf8(&bytes[space + 1..end]).unwrap()));
            bytes = &bytes[end..];
        }
        messages
    }
}

enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

/// Datagrams as they come.
struct Inbox(Arc<Mutex<Vec<String>>>);

impl Inbox {
    fn of(socket: Socket) -> Self {
        let texts: Arc<Mutex<Vec<String>>> = Arc::default();
        let into = Arc::clone(&texts);
        tokio::spawn(async move {
            let mut datagram = vec![0; 65_536];
            loop {
                let length = match &socket {
                    Socket::Udp(socket) => socket.recv(&mut datagram).await.unwrap(),
                    Socket::Unix(socket) => socket.recv(&mut datagram).await.unwrap(),
                };
                let text = str::from_utf8(&datagram[..length]).unwrap();
                into.lock().unwrap().push(text.to_owned());
            }
        });
        Self(texts)
    }

    /// Each datagram as one message, once there are as many as records.
    async fn all(&self, scene: &Scene) -> Vec<Message> {
        let count = trail(&scene.gateway).await.len();
        eventually("all are there", SOON, async || self.0.lock().unwrap().len() >= count).await;
        self.0.lock().unwrap().iter().map(|text| Message::read(text)).collect()
    }
}

/// Some of each: allowed, denied, and a tool whose name is not plain ASCII.
async fn some_calls(scene: &Scene) {
    calls(scene, 20).await;
    for tool in ["fix.other", "fix.größer\n<1>"] {
        let (status, _) = scene.gateway.rest_call(&scene.token, tool, json!({})).await;
        assert_eq!(status, 403);
    }
}

async fn assert_messages(scene: &Scene, messages: Vec<Message>) {
    for message in &messages {
        let record = &message.record;
        let denied = record["decision"] == "deny";
        assert_eq!((message.facility, message.severity), (16, if denied { 4 } else { 5 }));
        assert_eq!(message.app, "agw");
        assert_eq!(message.time, record["time"].as_str().unwrap());
        assert_eq!(message.kind, record["kind"].as_str().unwrap());
        assert_eq!(message.sequence, record["seq"].as_u64().unwrap());
    }
    assert!(messages.iter().filter(|message| message.severity == 4).count() >= 2);
    let records: Vec<Value> = messages.into_iter().map(|message| message.record).collect();
    assert_same(&records, &trail(&scene.gateway).await);
}

#[tokio::test]
async fn over_tcp_each_message_comes_with_its_length() {
    let (scene, sink) = (Scene::start().await, Sink::start().await);
    add(&scene.gateway, "siem", "syslog", &sink.target()).await;
    some_calls(&scene).await;
    caught_up(&scene.gateway, "siem").await;
    let messages = sink.received().iter().flat_map(|bytes| Message::read_all(bytes)).collect();
    assert_messages(&scene, messages).await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn over_udp_each_record_is_one_datagram() {
    let scene = Scene::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let target = format!("udp://{}", socket.local_addr().unwrap());
    some_calls(&scene).await;
    // More than a receiver's buffer holds at once.
    calls(&scene, 200).await;
    let inbox = Inbox::of(Socket::Udp(socket));
    add(&scene.gateway, "siem", "syslog", &target).await;
    caught_up(&scene.gateway, "siem").await;
    assert_messages(&scene, inbox.all(&scene).await).await;
    scene.gateway.stop().await;
}

#[tokio::test]
async fn nobody_at_a_udp_port_is_noticed_as_far_as_can_be() {
    let scene = Scene::start().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    add(&scene.gateway, "siem", "syslog", &format!("udp://{address}")).await;
    let problem = super::error(&scene.gateway, "siem").await;
    assert!(problem.contains("refused"), "{problem}");
    assert_eq!(super::forward(&scene.gateway, "siem").await.sent, 0);
    let socket = UdpSocket::bind(address).await.unwrap();
    let mut datagram = vec![0; 65_536];
    let length = timeout(SOON, socket.recv(&mut datagram)).await.unwrap().unwrap();
    assert_eq!(Message::read(str::from_utf8(&datagram[..length]).unwrap()).record["seq"], 1);
    scene.gateway.stop().await;
}

#[tokio::test]
async fn the_machines_own_log_gets_datagrams() {
    let (scene, dir) = (Scene::start().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("log");
    let socket = UnixDatagram::bind(&path).unwrap();
    add(&scene.gateway, "own", "syslog", &format!("unix://{}", path.display())).await;
    let inbox = Inbox::of(Socket::Unix(socket));
    some_calls(&scene).await;
    caught_up(&scene.gateway, "own").await;
    assert_messages(&scene, inbox.all(&scene).await).await;
    scene.gateway.stop().await;
}
