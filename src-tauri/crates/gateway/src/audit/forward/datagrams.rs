//! Syslog in datagrams: UDP (RFC 5426), or the machine's own socket.
//!
//! UDP has no answer. What can be known is asked for: whether nobody listens
//! at the port. And it is sent at a pace that receivers keep up with.

use std::{io, time::Duration};

use agw_api::AuditRecord;
#[cfg(unix)]
use tokio::net::UnixDatagram;
use tokio::time::timeout;

use super::{
    in_time,
    syslog::{self, Origin},
    target::Peer,
};
use crate::{
    bounds,
    outbound::{self, Dialer},
};

/// The most that UDP over IPv4 carries.
const LONGEST: usize = 65_507;
/// Datagrams in a row, and the pause after them: 6,400 a second. A receiver's
/// buffer holds some 150 with the usual settings.
const ROW: usize = 32;
const PAUSE: Duration = Duration::from_millis(5);
/// How long it takes to hear that nobody listens.
const ECHO: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Datagrams {
    place: Place,
    dialer: Dialer,
    socket: Option<Socket>,
    origin: Origin,
    longest: usize,
    /// Records that were too long, and the last of them.
    cut: Option<(u64, u64)>,
}

#[derive(Debug)]
pub(super) enum Place {
    Udp(Peer),
    #[cfg(unix)]
    Unix(std::path::PathBuf),
}

#[derive(Debug)]
enum Socket {
    Udp(outbound::Datagrams),
    #[cfg(unix)]
    Unix(UnixDatagram),
}

impl Datagrams {
    pub(super) fn to(place: Place, dialer: Dialer) -> Self {
        Self { place, dialer, socket: None, origin: Origin::here(), longest: LONGEST, cut: None }
    }

    pub(super) fn reset(&mut self) {
        self.socket = None;
    }

    /// What became of records that were too long.
    pub(super) fn note(&self) -> Option<String> {
        self.cut.map(|(count, last)| {
            format!(
                "records that were too long for a datagram, and went without arguments, grants and details: {count}, the last one {last}; over TCP they go whole"
            )
        })
    }

    pub(super) async fn send(&mut self, records: &[AuditRecord]) -> Result<(), String> {
        let sent = in_time(bounds::FORWARD_PATIENCE, self.send_all(records)).await;
        sent.map_err(|e| self.failed(&e))
    }

    async fn send_all(&mut self, records: &[AuditRecord]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => self.place.open(&self.dialer).await?,
        };
        for (at, record) in records.iter().enumerate() {
            self.send_one(&socket, record).await?;
            if at % ROW == ROW - 1 && matches!(socket, Socket::Udp(_)) {
                tokio::time::sleep(PAUSE).await;
            }
        }
        self.socket = Some(socket);
        Ok(())
    }

    async fn send_one(&mut self, socket: &Socket, record: &AuditRecord) -> io::Result<()> {
        let message = self.origin.message(record)?;
        if message.len() <= self.longest {
            match socket.send(message.as_bytes()).await {
                // Networks may carry less than the protocol.
                Err(error) if is_too_long(&error) => {}
                sent => return sent.map(drop),
            }
        }
        let message = self.origin.message(&syslog::shortened(record))?;
        socket.send(message.as_bytes()).await?;
        let before = self.cut.map_or(0, |(count, _)| count);
        self.cut = Some((before + 1, record.seq));
        Ok(())
    }

    /// Whether somebody listens, as far as that can be known.
    pub(super) async fn confirm(&mut self) -> Result<(), String> {
        let Some(Socket::Udp(socket)) = &self.socket else { return Ok(()) };
        let mut said = [0; 16];
        match timeout(ECHO, socket.recv(&mut said)).await {
            Ok(Err(error)) => Err(self.failed(&error)),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    fn failed(&self, error: &io::Error) -> String {
        format!("cannot send to {}: {error}", self.place.shown())
    }
}

impl Place {
    async fn open(&self, dialer: &Dialer) -> io::Result<Socket> {
        match self {
            Self::Udp(peer) => dialer.udp(&peer.host, peer.port).await.map(Socket::Udp),
            #[cfg(unix)]
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Socket::Unix(socket))
            }
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Udp(Peer { host, port }) => format!("{host} at port {port}"),
            #[cfg(unix)]
            Self::Unix(path) => path.display().to_string(),
        }
    }
}

impl Socket {
    async fn send(&self, message: &[u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.send(message).await,
            #[cfg(unix)]
            Self::Unix(socket) => socket.send(message).await,
        }
    }
}

fn is_too_long(error: &io::Error) -> bool {
    #[cfg(unix)]
    let code = rustix::io::Errno::MSGSIZE.raw_os_error();
    #[cfg(not(unix))]
    let code = 10_040;
    error.raw_os_error() == Some(code)
}

#[cfg(test)]
mod tests {
    use tokio::net::UdpSocket;

    use super::*;

    fn dialer() -> Dialer {
        outbound::Outbound::new(0).unwrap().of(outbound::Owner::forward("siem"))
    }

    #[tokio::test]
    async fn a_record_that_is_too_long_goes_without_its_long_parts() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = receiver.local_addr().unwrap().port();
        let peer = Peer { host: "127.0.0.1".into(), port };
        let mut sender = Datagrams::to(Place::Udp(peer), dialer());
        let record = |seq: u64, detail: usize| -> AuditRecord {
            serde_json::from_value(serde_json::json!({
                "seq": seq, "time": "2026-11-22T09:30:00.123Z", "kind": "config",
                "user": "ana", "detail": "x".repeat(detail),
            }))
            .unwrap()
        };
        sender.send(&[record(1, 100), record(2, LONGEST), record(3, 1)]).await.unwrap();
        sender.confirm().await.unwrap();
        let mut details = Vec::new();
        for _ in 0..3 {
            let mut message = vec![0; LONGEST + 1];
            let length = receiver.recv(&mut message).await.unwrap();
            let text = str::from_utf8(&message[..length]).unwrap();
            let json = &text[text.find('{').unwrap()..];
            let got: AuditRecord = serde_json::from_str(json).unwrap();
            assert_eq!(got.user.as_deref(), Some("ana"));
            details.push(got.detail.map(|detail| detail.len()));
        }
        assert_eq!(details, [Some(100), None, Some(1)]);
        assert!(sender.note().unwrap().contains("details: 1, the last one 2;"));
        drop(receiver);
        // The first one is heard of only after it was sent.
        let heard = async {
            sender.send(&[record(4, 1)]).await?;
            sender.confirm().await
        };
        assert!(heard.await.is_err());
    }
}
