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
    let mut head = String::new();
    loop {
        let mut line = String::new();
        reader.by_ref().take(HEAD_MAX).read_line(&mut line)?;
        if line.trim_end().is_empty() || head.len() as u64 > HEAD_MAX {
            break;
        }
        head.push_str(&line);
    }
    (&upstream).write_all(rewritten(&head, own, gateway, token).as_bytes())?;
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

fn rewritten(head: &str, own: &str, gateway: &str, token: &str) -> String {
    let mut lines = head.lines();
    let mut written = format!("{}\r\n", lines.next().unwrap_or_default());
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "connection" | "authorization" => continue,
            "host" | "origin" => {
                let ours = value.strip_prefix("http://").unwrap_or(value) == own;
                let value = if ours { value.replace(own, gateway) } else { value.to_owned() };
                written.push_str(&format!("{name}: {value}\r\n"));
            }
            _ => written.push_str(&format!("{name}: {value}\r\n")),
        }
    }
    written.push_str(&format!("Authorization: Bearer {token}\r\nConnection: close\r\n\r\n"));
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_added_and_only_its_own_host_is_rewritten() {
        let head = "POST /mcp/up HTTP/1.1\r\nHost: 127.0.0.1:1\r\nOrigin: http://127.0.0.1:1\r\nConnection: keep-alive\r\n";
        assert_eq!(
            rewritten(head, "127.0.0.1:1", "127.0.0.1:2", "st_x"),
            "POST /mcp/up HTTP/1.1\r\nHost: 127.0.0.1:2\r\nOrigin: http://127.0.0.1:2\r\n\
             Authorization: Bearer st_x\r\nConnection: close\r\n\r\n"
        );
        let foreign =
            "POST / HTTP/1.1\r\nHost: evil.example.com\r\nOrigin: http://evil.example.com\r\n";
        let written = rewritten(foreign, "127.0.0.1:1", "127.0.0.1:2", "st_x");
        assert!(written.contains("Host: evil.example.com\r\nOrigin: http://evil.example.com\r\n"));
    }
}
