//! A receiver over TCP that behaves well or badly.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::Value;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Manner {
    /// Reads to the end of each connection, then closes it.
    Reads,
    /// Takes connections and reads nothing.
    Deaf,
    /// Reads so many bytes of each connection, then hangs up.
    HangsUpAfter(usize),
}

pub(super) struct Sink {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    open: JoinSet<()>,
}

impl Sink {
    pub(super) async fn start() -> Self {
        let address = "127.0.0.1:0".parse().unwrap();
        let mut sink = Self { address, received: Arc::default(), open: JoinSet::new() };
        sink.come(Manner::Reads).await;
        sink
    }

    pub(super) fn target(&self) -> String {
        format!("tcp://{}", self.address)
    }

    /// Listens again, at the same address as before.
    pub(super) async fn come(&mut self, manner: Manner) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        // So that somebody who sends feels it soon.
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.bind(self.address).unwrap();
        let listener = socket.listen(64).unwrap();
        self.address = listener.local_addr().unwrap();
        let received = Arc::clone(&self.received);
        self.open.spawn(serve(listener, manner, received));
    }

    /// Is gone, with everything that it had not read.
    pub(super) async fn leave(&mut self) {
        self.open.shutdown().await;
    }

    /// Bytes of each connection, in the order that they came.
    pub(super) fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap().clone()
    }

    /// The whole JSON lines of all connections.
    pub(super) fn lines(&self) -> Vec<Value> {
        self.lines_after(0)
    }

    /// But for so many connections.
    pub(super) fn lines_after(&self, connections: usize) -> Vec<Value> {
        let mut lines = Vec::new();
        for bytes in self.received().into_iter().skip(connections) {
            let text = String::from_utf8(bytes).unwrap();
            let whole = text.rfind('\n').map_or("", |end| &text[..end]);
            let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
            lines.extend(whole.lines().map(read));
        }
        lines
    }
}

async fn serve(listener: TcpListener, manner: Manner, received: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut open = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let place = {
            let mut all = received.lock().unwrap();
            all.push(Vec::new());
            all.len() - 1
        };
        open.spawn(read(stream, manner, Arc::clone(&received), place));
    }
}

async fn read(
    mut stream: TcpStream,
    manner: Manner,
    received: Arc<Mutex<Vec<Vec<u8>>>>,
    place: usize,
) {
    let mut left = match manner {
        Manner::Reads => usize::MAX,
        Manner::Deaf => std::future::pending().await,
        Manner::HangsUpAfter(bytes) => bytes,
    };
    let mut piece = [0; 512];
    while left > 0 {
        let most = piece.len().min(left);
        match stream.read(&mut piece[..most]).await {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                received.lock().unwrap()[place].extend_from_slice(&piece[..length]);
                left -= length;
            }
        }
    }
}

/// Without what came again; a receiver can tell by the number.
pub(super) fn once(records: Vec<Value>) -> Vec<Value> {
    let mut seen = 0;
    let mut kept = Vec::new();
    for record in records {
        let seq = record["seq"].as_u64().unwrap();
        if seq > seen {
            // What comes again comes in order, too, so nothing was left out.
            assert_eq!(seq, seen + 1, "a record is missing");
            seen = seq;
            kept.push(record);
        }
    }
    kept
}
