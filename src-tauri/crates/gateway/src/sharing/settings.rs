//! What an admin has set, and whether it can be.

use std::net::{IpAddr, SocketAddr};

use agw_api::{SharingCertificate, SharingSettings};
use rusqlite::{Connection, OptionalExtension as _, params};
use rustls::pki_types::ServerName;

use super::SharingError;
use crate::{bounds, outbound, store::StoreError};

const HTTPS: u16 = 443;

pub(crate) fn load(db: &Connection) -> Result<SharingSettings, StoreError> {
    let row: Option<(String, u64)> = db
        .query_row("SELECT settings, version FROM sharing", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some((text, version)) = row else { return Ok(SharingSettings::default()) };
    let settings: SharingSettings =
        serde_json::from_str(&text).map_err(|e| StoreError::Damaged(format!("sharing: {e}")))?;
    Ok(SharingSettings { version, ..settings })
}

pub(super) fn store(db: &Connection, settings: &SharingSettings) -> Result<(), StoreError> {
    let text = serde_json::to_string(settings)
        .map_err(|e| StoreError::Damaged(format!("sharing: {e}")))?;
    let sql = "INSERT OR REPLACE INTO sharing (id, settings, version) VALUES (1, ?1, ?2)";
    db.execute(sql, params![text, settings.version])?;
    Ok(())
}

/// For the trail: `on, 0.0.0.0 port 7411, as gateway.lan, with its own certificate`.
pub(super) fn told(settings: &SharingSettings) -> String {
    let SharingSettings { on, address, port, names, certificate, .. } = settings;
    let state = if *on { "on" } else { "off" };
    let certificate = match certificate {
        SharingCertificate::Own => "with its own certificate".to_owned(),
        SharingCertificate::Files { certificate, .. } => format!("with {certificate}"),
    };
    format!("{state}, {address} port {port}, as {}, {certificate}", names.join(" "))
}

/// Spelled as they are compared: names in lower case, addresses in short form.
pub(super) fn checked(wanted: SharingSettings) -> Result<SharingSettings, SharingError> {
    let address = socket(&wanted)?.ip().to_string();
    if wanted.port == 0 {
        return Err(SharingError::Port);
    }
    if wanted.names.len() > bounds::SHARED_NAMES {
        return Err(SharingError::ManyNames(bounds::SHARED_NAMES));
    }
    let mut names = Vec::new();
    for name in &wanted.names {
        let name = name_of(name)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // Who switches it off need not have set it up.
    if names.is_empty() && wanted.on {
        return Err(SharingError::NoNames);
    }
    Ok(SharingSettings { address, names, ..wanted })
}

fn name_of(text: &str) -> Result<String, SharingError> {
    let bare = text.trim().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    match ServerName::try_from(bare.as_str()) {
        Ok(ServerName::IpAddress(_)) => match bare.parse::<IpAddr>() {
            Ok(address) if !address.is_unspecified() => Ok(address.to_string()),
            _ => Err(SharingError::Name(text.to_owned())),
        },
        // With HSTS, browsers would not find the local address any more.
        Ok(_) if bare == "localhost" || bare.ends_with(".localhost") => {
            Err(SharingError::OwnName(bare))
        }
        Ok(_) => Ok(bare),
        Err(_) => Err(SharingError::Name(text.to_owned())),
    }
}

pub(super) fn socket(settings: &SharingSettings) -> Result<SocketAddr, SharingError> {
    let address = settings.address.trim();
    let address = address.trim_start_matches('[').trim_end_matches(']').parse();
    let address: IpAddr = address.map_err(|_| SharingError::Address(settings.address.clone()))?;
    Ok(SocketAddr::new(address, settings.port))
}

/// `Host` for each name.
pub(super) fn hosts(settings: &SharingSettings) -> Vec<String> {
    let named = settings.names.iter().map(|name| match name.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => name.clone(),
    });
    let port = settings.port;
    named.map(|name| if port == HTTPS { name } else { format!("{name}:{port}") }).collect()
}

/// This machine's name, and the address that it goes out with.
pub(crate) fn suggested() -> Vec<String> {
    let address = outbound::own_address();
    let address = address.ok().filter(|a| !a.is_loopback()).map(|a| a.to_string());
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_str().ok().map(str::to_ascii_lowercase);
    #[cfg(not(unix))]
    let name = std::env::var("COMPUTERNAME").ok().map(|name| name.to_ascii_lowercase());
    let name = name.and_then(|name| name_of(&name).ok());
    name.into_iter().chain(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str], port: u16) -> Result<SharingSettings, SharingError> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        checked(SharingSettings { on: true, port, names, ..SharingSettings::default() })
    }

    #[test]
    fn names_are_spelled_as_browsers_spell_them() {
        let settings = named(&["Gateway.LAN", "[2001:DB8::1]", "192.0.2.1", "gateway.lan"], 443);
        let settings = settings.unwrap();
        assert_eq!(settings.names, ["gateway.lan", "2001:db8::1", "192.0.2.1"]);
        assert_eq!(hosts(&settings), ["gateway.lan", "[2001:db8::1]", "192.0.2.1"]);
        let other = SharingSettings { port: 7411, ..settings };
        assert_eq!(hosts(&other)[1], "[2001:db8::1]:7411");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["https://x", "x:1", "x/y", "", "*", "*.lan", "a b", "0.0.0.0", "localhost"] {
            assert!(named(&[bad], 7411).is_err(), "{bad:?}");
        }
        assert!(matches!(named(&[], 7411), Err(SharingError::NoNames)));
        assert!(matches!(named(&["a"], 0), Err(SharingError::Port)));
    }
}
