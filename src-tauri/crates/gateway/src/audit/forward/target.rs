//! Where records go, as an admin writes it.

use std::path::{Path, PathBuf};

use agw_api::ForwardKind;
use http::uri::Authority;

use crate::upstream;

const TARGET_MAX: usize = 1_000;
const SYSLOG_UDP: u16 = 514;
const SYSLOG_TCP: u16 = 601;

/// A target that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// JSON lines.
    File(PathBuf),
    Tcp(Peer, Framing),
    /// Syslog.
    Udp(Peer),
    /// Syslog; a socket of datagrams.
    #[cfg(unix)]
    Unix(PathBuf),
    /// What `/v1/traces` and `/v1/metrics` follow.
    Otlp(String),
}

/// How records are told apart in a stream of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// One JSON object a line.
    Lines,
    /// Syslog with octet counting (RFC 6587, section 3.4.1).
    Octets,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Peer {
    /// A name or an address, the latter without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    /// An error is a sentence for the admin.
    pub(crate) fn parse(kind: ForwardKind, text: &str) -> Result<Self, String> {
        if text.len() > TARGET_MAX || text.chars().any(char::is_control) {
            return Err(format!("a target has up to {TARGET_MAX} printable characters"));
        }
        let scheme = text.split_once("://");
        match (kind, scheme) {
            (ForwardKind::Otlp, _) => otlp(text),
            (ForwardKind::Syslog, Some(("udp", rest))) => Ok(Self::Udp(peer(rest, SYSLOG_UDP)?)),
            (ForwardKind::Syslog, Some(("tcp", rest))) => {
                Ok(Self::Tcp(peer(rest, SYSLOG_TCP)?, Framing::Octets))
            }
            #[cfg(unix)]
            (ForwardKind::Syslog, Some(("unix", path))) => absolute(path).map(Self::Unix),
            (ForwardKind::Syslog, _) => Err(format!(
                "syslog goes to udp://HOST:{SYSLOG_UDP}, tcp://HOST:{SYSLOG_TCP} or unix:///dev/log, not to {text:?}"
            )),
            (ForwardKind::JsonLines, Some(("tcp", rest))) => {
                Ok(Self::Tcp(peer(rest, 0)?, Framing::Lines))
            }
            (ForwardKind::JsonLines, Some(_)) => Err(format!(
                "JSON lines go to an absolute path or tcp://HOST:PORT, not to {text:?}"
            )),
            (ForwardKind::JsonLines, None) => absolute(text).map(Self::File),
        }
    }

    /// Whether records can be sent there at all, as far as this machine can
    /// tell. Blocks.
    pub(crate) fn check(&self, data_dir: &Path) -> Result<(), String> {
        match self {
            Self::File(path) => check_file(path, data_dir),
            _ => Ok(()),
        }
    }
}

fn otlp(text: &str) -> Result<Target, String> {
    upstream::check_url(text)?;
    if text.contains(['?', '#']) {
        return Err("the address of an OTLP receiver has no query".into());
    }
    let base = text.trim_end_matches('/');
    if base.ends_with("/v1/traces") || base.ends_with("/v1/metrics") {
        return Err(format!("give what comes before /v1 in {text:?}"));
    }
    Ok(Target::Otlp(base.to_owned()))
}

/// `default_port` is 0 where the port must be given.
fn peer(text: &str, default_port: u16) -> Result<Peer, String> {
    if text.contains('@') {
        return Err("the target contains a user name; leave it out".into());
    }
    let wrong = || format!("{text:?} is not HOST:PORT");
    let authority: Authority = text.parse().map_err(|_| wrong())?;
    let (host, port) = (authority.host(), authority.port_u16());
    let given = authority.as_str() != host;
    let port = if given { port.unwrap_or(0) } else { default_port };
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    if host.is_empty() || port == 0 { Err(wrong()) } else { Ok(Peer { host, port }) }
}

fn absolute(path: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(path);
    if path.is_absolute() { Ok(path) } else { Err(format!("{path:?} is not an absolute path")) }
}

fn check_file(path: &Path, data_dir: &Path) -> Result<(), String> {
    let folder = path.parent().filter(|folder| folder.is_dir());
    let folder = folder.ok_or_else(|| format!("the folder of {path:?} is not there; make it"))?;
    if path.exists() && !path.is_file() {
        return Err(format!("{path:?} is not a file"));
    }
    // What is in there is the gateway's own, the database above all.
    let own = data_dir.canonicalize().map_err(|e| e.to_string())?;
    let within = |path: &Path| path.canonicalize().is_ok_and(|path| path.starts_with(&own));
    if within(folder) || within(path) {
        return Err(format!("{path:?} is in the gateway's data folder; choose another"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ForwardKind::{JsonLines, Otlp, Syslog};

    use super::*;

    #[test]
    fn targets_are_read_as_they_are_meant() {
        let peer = |host: &str, port| Peer { host: host.into(), port };
        for (kind, text, expected) in [
            (Syslog, "udp://siem.example:514", Target::Udp(peer("siem.example", 514))),
            (Syslog, "udp://siem.example", Target::Udp(peer("siem.example", 514))),
            (Syslog, "tcp://[::1]", Target::Tcp(peer("::1", 601), Framing::Octets)),
            (Syslog, "tcp://10.0.0.7:6514", Target::Tcp(peer("10.0.0.7", 6514), Framing::Octets)),
            #[cfg(unix)]
            (Syslog, "unix:///dev/log", Target::Unix("/dev/log".into())),
            (JsonLines, "tcp://h:1", Target::Tcp(peer("h", 1), Framing::Lines)),
            #[cfg(unix)]
            (JsonLines, "/var/log/agw.jsonl", Target::File("/var/log/agw.jsonl".into())),
            (Otlp, "http://127.0.0.1:4318/", Target::Otlp("http://127.0.0.1:4318".into())),
            (Otlp, "https://o.example/x", Target::Otlp("https://o.example/x".into())),
        ] {
            assert_eq!(Target::parse(kind, text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for (kind, text) in [
            (Syslog, "siem.example:514"),
            (Syslog, "https://siem.example"),
            (Syslog, "udp://"),
            (Syslog, "udp://:514"),
            (Syslog, "udp://h:0"),
            (Syslog, "udp://h:70000"),
            (Syslog, "udp://h:x"),
            (Syslog, "udp://h:"),
            (Syslog, "udp://h/path"),
            (Syslog, "tcp://ana:secret@h:601"),
            (Syslog, "unix://dev/log"),
            (Syslog, "/dev/log"),
            (JsonLines, "tcp://h"),
            (JsonLines, "udp://h:1"),
            (JsonLines, "file:///x"),
            (JsonLines, "relative.jsonl"),
            (JsonLines, "/x\n"),
            (JsonLines, ""),
            (Otlp, "127.0.0.1:4318"),
            (Otlp, "http://collector.example:4318"),
            (Otlp, "https://ana:secret@o.example"),
            (Otlp, "https://o.example/?key=secret"),
            (Otlp, "https://o.example/v1/traces"),
            (Otlp, "grpc://o.example"),
        ] {
            assert!(Target::parse(kind, text).is_err(), "{text}");
        }
        let long = format!("/{}", "x".repeat(TARGET_MAX));
        assert!(Target::parse(JsonLines, &long).is_err());
    }

    #[test]
    fn files_are_beside_the_data_folder_and_in_folders_that_are_there() {
        let (own, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let check = |path: PathBuf| check_file(&path, own.path());
        assert_eq!(check(other.path().join("agw.jsonl")), Ok(()));
        assert!(check(other.path().join("missing/agw.jsonl")).is_err());
        assert!(check(other.path().to_owned()).is_err());
        assert!(check(own.path().join("agw.jsonl")).is_err());
        #[cfg(unix)]
        {
            std::fs::write(own.path().join("agw.db"), "").unwrap();
            let link = other.path().join("link");
            std::os::unix::fs::symlink(own.path().join("agw.db"), &link).unwrap();
            assert!(check(link).is_err());
        }
    }
}
