//! Sockets that count what goes through them.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UdpSocket},
};

use super::book::Opened;

/// A stream of bytes; its line in the list is open until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    stream: S,
    opened: Opened,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, opened: Opened) -> Self {
        Self { stream, opened }
    }
}

impl Counted<TcpStream> {
    /// What the system has heard of it since.
    pub(crate) fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.take_error()
    }
}

impl<S: Connection> Connection for Counted<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.opened.received(buf.filled().len().saturating_sub(before));
        polled
    }
}

impl<S: AsyncWrite + Unpin> Counted<S> {
    fn count(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &polled {
            self.opened.sent(*bytes);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.count(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.count(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Datagrams to one peer.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: UdpSocket,
    opened: Opened,
}

impl Datagrams {
    pub(super) fn new(socket: UdpSocket, opened: Opened) -> Self {
        Self { socket, opened }
    }

    pub(crate) async fn send(&self, message: &[u8]) -> io::Result<usize> {
        let sent = self.socket.send(message).await?;
        self.opened.sent(sent);
        Ok(sent)
    }

    pub(crate) async fn recv(&self, into: &mut [u8]) -> io::Result<usize> {
        let received = self.socket.recv(into).await?;
        self.opened.received(received);
        Ok(received)
    }
}
