//! A connection, from its name to its tools: each step is what the next one
//! stands on, and what stands on a broken one is not looked at.

use std::{net::IpAddr, path::Path, sync::Arc};

use agw_api::{Check, ConnectionHealth, Diagnosis, Transport};
use http::Uri;
use rustls::pki_types::ServerName;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{ok, problem, unknown};
use crate::{
    audit::record::rfc3339,
    bounds, clock,
    gateway::Gateway,
    outbound::{self, Owner},
    store::snapshot::ConnectionConfig,
    upstream::{self, Upstream},
};

const STEPS_HTTP: [&str; 3] = ["name", "reach", "tls"];

/// Looks at everything, and tries the connection.
pub(crate) async fn examine(
    gateway: &Gateway,
    config: &Arc<ConnectionConfig>,
    upstream: &Upstream,
) -> Diagnosis {
    let mut checks = match &config.transport {
        Transport::Http { url } => way(gateway, config, url).await,
        Transport::Stdio { argv } => vec![command(argv)],
    };
    checks.push(credential(gateway, config));
    let stands = checks.iter().all(|check| check.finding != agw_api::Finding::Problem);
    if config.sign_in.is_some() {
        checks.push(sign_in(gateway, config));
    }
    if stands {
        checks.extend(tried(gateway, config, upstream).await);
    } else {
        let said = "Not tried, because something before it does not work.";
        checks.extend(["handshake", "listing"].map(|id| unknown(id, said)));
    }
    Diagnosis { at: rfc3339(clock::now_ms()), checks }
}

/// Name, TCP and TLS.
async fn way(gateway: &Gateway, config: &ConnectionConfig, url: &str) -> Vec<Check> {
    let mut checks = Vec::new();
    if let Err(broken) = walk(gateway, config, url, &mut checks).await {
        checks.push(broken);
    }
    let rest = STEPS_HTTP.iter().skip(checks.len());
    let said = "Not looked at, because something before it does not work.";
    checks.extend(rest.map(|id| unknown(id, said)).collect::<Vec<_>>());
    checks
}

/// Fails with the first step that does.
async fn walk(
    gateway: &Gateway,
    config: &ConnectionConfig,
    url: &str,
    checks: &mut Vec<Check>,
) -> Result<(), Check> {
    let again = "Edit the connection, or add one with the right address.";
    let uri: Uri = upstream::check_url(url).map_err(|why| problem("name", why, again))?;
    let host = uri.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let plain = uri.scheme_str() == Some("http");
    let port = outbound::port_of(&uri);
    let found = in_time(outbound::resolve(&host, port)).await.map_err(|why| {
        let next = "Check the spelling of the host in the URL, and this machine's DNS.";
        problem("name", format!("{host} has no address: {why}."), next)
    })?;
    let addresses: Vec<String> = found.iter().map(|address| address.ip().to_string()).collect();
    checks.push(match host.parse::<IpAddr>() {
        Ok(_) => ok("name", format!("{host} is an address; no name is looked up.")),
        Err(_) => ok("name", format!("{host} is at {}.", addresses.join(", "))),
    });

    let dialer = gateway.outbound.of(Owner::doctor(config.name.as_str()));
    let stream = in_time(dialer.tcp_to(&host, port, &found)).await.map_err(|why| {
        let next = "Check that the server runs, the port in the URL, and firewalls between here and there.";
        problem("reach", format!("{host} cannot be reached at port {port}: {why}."), next)
    })?;
    checks.push(ok("reach", format!("{host} answers at port {port}.")));

    if plain {
        checks.push(ok("tls", "Plain HTTP, which is for this machine only."));
        return Ok(());
    }
    let name = ServerName::try_from(host.clone());
    let name = name.map_err(|why| problem("tls", why.to_string(), again))?;
    let tls = TlsConnector::from(gateway.outbound.tls());
    in_time(tls.connect(name, stream)).await.map_err(|why| {
        let next = "Its certificate must be for this host and from an authority that this machine trusts, and it must speak TLS 1.3.";
        problem("tls", format!("There is no safe connection to {host}: {why}."), next)
    })?;
    checks.push(ok("tls", format!("{host} proves who it is; the connection is TLS 1.3.")));
    Ok(())
}

async fn in_time<T>(work: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    let limit = bounds::DOCTOR_PATIENCE;
    match timeout(limit, work).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
    }
}

fn command(argv: &[String]) -> Check {
    let program = argv.first().map(String::as_str).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = match program.contains(std::path::is_separator) {
        true => is_program(Path::new(program)).then(|| program.into()),
        false => {
            let mut files = std::env::split_paths(&path).map(|folder| folder.join(program));
            files.find(|file| is_program(file))
        }
    };
    match there {
        Some(file) => ok("command", format!("{program} is {}.", file.display())),
        None => {
            let said = format!("There is no program {program} that the gateway could start.");
            let next = "Install it, or name it with its whole path: the gateway's PATH may be shorter than your shell's.";
            problem("command", said, next)
        }
    }
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = std::fs::metadata(file);
    meta.is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Windows looks for it with several endings.
#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    ["", "exe", "cmd", "bat"].iter().any(|ending| file.with_extension(ending).is_file())
}

fn credential(gateway: &Gateway, config: &ConnectionConfig) -> Check {
    let names: Vec<&str> = config.credentials.iter().map(|c| c.name.as_str()).collect();
    if config.has_secrets() && gateway.vault.load().is_none() {
        let said = "Its credentials cannot be opened: the gateway is sealed.";
        return problem("credential", said, "Unlock it in the window or with `agw unlock`.");
    }
    match names.is_empty() {
        true => ok("credential", "It needs no credential of the vault."),
        false => ok("credential", format!("In the vault: {}.", names.join(", "))),
    }
}

fn sign_in(gateway: &Gateway, config: &ConnectionConfig) -> Check {
    let link = gateway.accounts.link(config);
    match gateway.accounts.lister(config) {
        None => {
            let said = "Nobody is signed in whose account its tools can be listed with.";
            problem("sign_in", said, format!("An admin signs in at {link}."))
        }
        Some(account) if account.ended.is_some() => {
            let said = "The account that its tools are listed with is no longer good.";
            problem("sign_in", said, format!("Sign in again at {link}."))
        }
        Some(_) => ok("sign_in", "An account to list its tools with is connected."),
    }
}

/// Greets it and lists its tools, again.
async fn tried(gateway: &Gateway, config: &ConnectionConfig, upstream: &Upstream) -> [Check; 2] {
    let state = upstream.test().await;
    let not_listed = || unknown("listing", "Not listed, because the server does not answer.");
    let why = state.problem.unwrap_or_else(|| "it does not answer".into());
    match state.health {
        ConnectionHealth::Ready => {
            let server = state.server.unwrap_or_else(|| "The server".into());
            let protocol = state.protocol.unwrap_or_default();
            let said = format!("{server} answers, in MCP {protocol}.");
            [ok("handshake", said), listing(gateway, config)]
        }
        ConnectionHealth::NeedsSignIn => {
            let next = format!("Sign in at {}.", gateway.accounts.link(config));
            [problem("handshake", format!("It wants a sign-in: {why}."), next), not_listed()]
        }
        _ => {
            let next = match &config.transport {
                Transport::Stdio { .. } => {
                    "See what the program says: `agw connection show`, or its page in the window."
                }
                Transport::Http { .. } => {
                    "Check that the URL is that of an MCP server, and its credentials."
                }
            };
            [problem("handshake", format!("{why}."), next), not_listed()]
        }
    }
}

fn listing(gateway: &Gateway, config: &ConnectionConfig) -> Check {
    let catalog = gateway.live.catalog.load();
    let count = catalog.by_id.values().filter(|item| item.connection == config.id).count();
    let refused = catalog.refused.get(&config.id).map_or(0, Vec::len);
    if refused > 0 {
        let said = format!(
            "It offers {count} things; {refused} were refused because of how they are made."
        );
        return super::advice("listing", said, "See which, and why, on the connection's page.");
    }
    match count {
        0 => super::advice(
            "listing",
            "It answers, and offers nothing.",
            "Check what its account may see.",
        ),
        count => ok("listing", format!("It offers {count} tools, prompts and resources.")),
    }
}
