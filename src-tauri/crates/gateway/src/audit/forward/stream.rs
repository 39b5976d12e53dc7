//! Records over TCP.
//!
//! Neither JSON lines nor plain syslog has an answer by which a receiver says
//! what it has taken, and a write that succeeds says nothing: the bytes may
//! still wait on this machine when the receiver goes away (RFC 6587, section
//! 4.5). But TCP itself can tell. Once a second the sending side of the
//! connection is closed; a receiver that has read everything comes to the end
//! and closes its own. Only then do the records count as taken. If it went
//! away before, the connection is reset, and they are sent again.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::{Duration, timeout},
};

use super::{in_time, target::Peer};
use crate::{
    bounds,
    outbound::{Dialer, Socket},
};

/// Bytes that are written at once, each within
/// [`FORWARD_PATIENCE`](bounds::FORWARD_PATIENCE).
const CHUNK: usize = 64 << 10;
/// How long it is looked whether the receiver has hung up.
const GLANCE: Duration = Duration::from_millis(1);
/// How long a reset may take to arrive after the end that it follows: a round
/// trip.
const AFTERMATH: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct Stream {
    peer: Peer,
    dialer: Dialer,
    connection: Option<Socket>,
    /// Whether something was sent that the receiver has not confirmed.
    open: bool,
}

impl Stream {
    pub(super) fn new(peer: Peer, dialer: Dialer) -> Self {
        Self { peer, dialer, connection: None, open: false }
    }

    /// What is not confirmed is lost.
    pub(super) fn reset(&mut self) {
        self.connection = None;
        self.open = false;
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None if self.open => return Err(self.failed("send to", &hung_up())),
            None => self.connect().await?,
        };
        self.open = true;
        let sent = async {
            still_there(&mut connection).await?;
            for chunk in bytes.chunks(CHUNK) {
                in_time(bounds::FORWARD_PATIENCE, connection.write_all(chunk)).await?;
            }
            Ok(())
        };
        sent.await.map_err(|e: io::Error| self.failed("send to", &e))?;
        // Not before: a connection that breaks off in the middle is of no use.
        self.connection = Some(connection);
        Ok(())
    }

    /// Returns once the receiver has read everything.
    pub(super) async fn confirm(&mut self) -> Result<(), String> {
        if !self.open {
            return Ok(());
        }
        let confirmed = match self.connection.take() {
            Some(connection) => read_to_the_end(connection).await,
            None => Err(hung_up()),
        };
        confirmed.map_err(|e| self.failed("hear from", &e))?;
        self.open = false;
        Ok(())
    }

    async fn connect(&self) -> Result<Socket, String> {
        let connecting = self.dialer.tcp(&self.peer.host, self.peer.port);
        let connected = in_time(bounds::FORWARD_PATIENCE, connecting).await;
        connected.map_err(|e| self.failed("connect to", &e))
    }

    fn failed(&self, what: &str, error: &io::Error) -> String {
        let Peer { host, port } = &self.peer;
        format!("cannot {what} {host} at port {port}: {error}")
    }
}

fn hung_up() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "it hung up before it had read everything")
}

/// What is sent to somebody who has hung up is lost, and the write succeeds.
async fn still_there(connection: &mut Socket) -> io::Result<()> {
    let mut said = [0; 512];
    match timeout(GLANCE, connection.read(&mut said)).await {
        Ok(Ok(0)) => Err(hung_up()),
        // Nothing is expected, and nobody listens to it.
        Ok(Ok(_)) | Err(_) => Ok(()),
        Ok(Err(error)) => Err(error),
    }
}

async fn read_to_the_end(mut connection: Socket) -> io::Result<()> {
    still_there(&mut connection).await?;
    connection.shutdown().await?;
    let to_the_end = async {
        let mut said = [0; 512];
        while connection.read(&mut said).await? > 0 {}
        Ok(())
    };
    in_time(bounds::FORWARD_READING, to_the_end).await?;
    // Its end may have been on the way when the last records were sent. They
    // are answered with a reset then.
    tokio::time::sleep(AFTERMATH).await;
    connection.take_error()?.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::outbound::{Outbound, Owner};

    async fn listener() -> (TcpListener, Stream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let peer = Peer { host: "127.0.0.1".into(), port };
        let outbound = Outbound::new(0).unwrap();
        (listener, Stream::new(peer, outbound.of(Owner::forward("siem"))))
    }

    #[tokio::test]
    async fn only_the_end_that_follows_ours_is_a_yes() {
        let (listener, mut stream) = listener().await;
        stream.send(b"lost").await.unwrap();
        // Says that it is done, and has read nothing.
        let (mut silent, _) = listener.accept().await.unwrap();
        silent.shutdown().await.unwrap();
        assert!(stream.confirm().await.is_err());
        // What was sent on it is not made up for unasked.
        assert!(stream.send(b"more").await.is_err());
        stream.reset();
        let receiver = tokio::spawn(async move {
            let mut read = Vec::new();
            listener.accept().await.unwrap().0.read_to_end(&mut read).await.unwrap();
            read
        });
        stream.send(b"taken").await.unwrap();
        stream.send(b", all").await.unwrap();
        stream.confirm().await.unwrap();
        assert_eq!(receiver.await.unwrap(), b"taken, all");
    }
}
