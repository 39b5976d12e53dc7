//! Stands between the suite and the gateway and adds what the suite cannot
//! send: the token.
//!
//! A request that names this proxy as its host gets the gateway's address in
//! `Host` and `Origin`. Any other host stays as it is: that is the suite trying
//! DNS rebinding, and the gateway's answer to it is what counts.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use anyhow::Context as _;

/// Longest head of a request.
const HEAD_MAX: u64 = 64 << 10;

/// Serves until this program ends; returns where.
pub(super) fn start(gateway: &str, token: &str) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port for the proxy")?;
    let own = listener.local_addr()?;
    let (gateway, token) = (gateway.to_owned(), token.to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let (gateway, token) = (gateway.clone(), token.clone());
            thread::spawn(move || relay(&client, &own.to_string(), &gateway, &token));
        }
    });
    Ok(own)
}

/// One request a connection: the gateway is asked to close it after its answer.
fn relay(client: &TcpStream, own: &str, gateway: &str, token: &str) -> io::Result<()> {
    let upstream = TcpStream::connect(gateway)?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let mut reader = BufReader::new(client.try_clone()?);
    // Bytes: what is no text must get there as it is.
    let mut head = Vec::new();
    loop {
        let start = head.len();
        reader.by_ref().take(HEAD_MAX).read_until(b'\n', &mut head)?;
        let line = head.get(start..).unwrap_or_default();
        if line.trim_ascii().is_empty() || head.len() as u64 > HEAD_MAX {
            break;
        }
    }
    (&upstream).write_all(&rewritten(&head, own, gateway, token))?;
    let mut answers = upstream.try_clone()?;
    let mut to_client = client.try_clone()?;
    let back = thread::spawn(move || {
        let copied = io::copy(&mut answers, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Both);
        copied
    });
    // A client that goes away takes its request with it.
    let sent = io::copy(&mut reader, &mut &upstream);
    let _ = upstream.shutdown(Shutdown::Both);
    let _ = back.join();
    sent.map(drop)
}

fn rewritten(head: &[u8], own: &str, gateway: &str, token: &str) -> Vec<u8> {
    let mut written = Vec::new();
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let text = String::from_utf8_lossy(line);
        let (name, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "connection" | "authorization" => {}
            "host" | "origin" if value.strip_prefix("http://").unwrap_or(value) == own => {
                let ours = value.replace(own, gateway);
                written.extend_from_slice(format!("{name}: {ours}\r\n").as_bytes());
            }
            _ if line.trim_ascii().is_empty() => {}
            _ => written.extend_from_slice(line),
        }
    }
    let added = format!("Authorization: Bearer {token}\r\nConnection: close\r\n\r\n");
    written.extend_from_slice(added.as_bytes());
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_added_and_only_its_own_host_is_rewritten() {
        let rewritten = |head: &[u8]| rewritten(head, "127.0.0.1:1", "127.0.0.1:2", "st_x");
        let head = b"POST /mcp/up HTTP/1.1\r\nHost: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\nConnection: keep-alive\r\nMcp-Name:  \xe4 \r\n\r\n";
        let wanted = b"POST /mcp/up HTTP/1.1\r\nHost: 127.0.0.1:2\r\nOrigin: http://127.0.0.1:2\r\nMcp-Name:  \xe4 \r\nAuthorization: Bearer st_x\r\nConnection: close\r\n\r\n";
        assert_eq!(rewritten(head), wanted);
        let foreign =
            b"GET / HTTP/1.1\r\nHost: evil.example.com\r\nOrigin: http://evil.example.com\r\n\r\n";
        let written = rewritten(foreign);
        assert!(written.starts_with(foreign.strip_suffix(b"\r\n").unwrap()));
    }
}
