//! The certificate of the shared address, checked before it is shown to anyone.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use agw_api::{SharingCertificate, SharingSettings, ShownCertificate};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    server::ParsedCertificate,
};
use sha2::{Digest as _, Sha256};
use x509_cert::der::Decode as _;
use zeroize::Zeroizing;

use super::{Shared, SharingError, authority, settings};
use crate::{audit::record::rfc3339, bounds, clock, gateway::Gateway};

/// Everything that these settings need but the port.
pub(super) async fn prepare(
    gateway: &Gateway,
    settings: &SharingSettings,
) -> Result<Shared, SharingError> {
    let (stamps, leaf, renew_at) = match &settings.certificate {
        SharingCertificate::Own => {
            let leaf = authority::sign(gateway, &settings.names).await?;
            let renew_at = clock::now_ms().saturating_add(gateway.sharing.shown_ms);
            (Vec::new(), leaf, renew_at / 1_000)
        }
        SharingCertificate::Files { certificate, key } => {
            let stamps = stamps(&settings.certificate);
            let (certificate, key) = (certificate.clone(), key.clone());
            let read = tokio::task::spawn_blocking(move || read(&certificate, &key));
            let leaf = read.await.map_err(|e| SharingError::Make(e.to_string()))??;
            (stamps, leaf, i64::MAX)
        }
    };
    let (chain, key) = leaf;
    let own = chain.first().ok_or_else(|| SharingError::Certificate("it is empty".into()))?;
    let shown = check(own, &settings.names, clock::now_ms() / 1_000)?;
    let hosts = settings::hosts(settings);
    let base = format!("https://{}", hosts.first().ok_or(SharingError::NoNames)?);
    let (tls, source) = (tls(chain, key)?, settings.certificate.clone());
    Ok(Shared { hosts, base, tls, shown, source, renew_at, stamps })
}

/// When the files of a certificate were changed.
pub(super) fn stamps(source: &SharingCertificate) -> Vec<Option<SystemTime>> {
    let changed = |path: &String| std::fs::metadata(path).and_then(|m| m.modified()).ok();
    match source {
        SharingCertificate::Own => Vec::new(),
        SharingCertificate::Files { certificate, key } => vec![changed(certificate), changed(key)],
    }
}

pub(super) type Leaf = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn read(certificate: &str, key: &str) -> Result<Leaf, SharingError> {
    let none = |path: &str, what| SharingError::NoPem { path: path.to_owned(), what };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem(certificate)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| none(certificate, "certificate"))?;
    let key_der = PrivateKeyDer::from_pem_slice(&pem(key)?);
    Ok((chain, key_der.map_err(|_| none(key, "private key"))?))
}

fn pem(path: &str) -> Result<Zeroizing<Vec<u8>>, SharingError> {
    if !Path::new(path).is_absolute() {
        return Err(SharingError::Relative(path.to_owned()));
    }
    let unread = |source| SharingError::Read { path: path.to_owned(), source };
    let found = std::fs::metadata(path).map_err(unread)?;
    // A device or a pipe may never end.
    if !found.is_file() || found.len() > bounds::PEM_MAX {
        return Err(SharingError::Long(path.to_owned()));
    }
    Ok(Zeroizing::new(std::fs::read(path).map_err(unread)?))
}

/// For these names, now.
fn check(
    certificate: &CertificateDer<'_>,
    names: &[String],
    now: i64,
) -> Result<ShownCertificate, SharingError> {
    let unread = |e: rustls::Error| SharingError::Certificate(e.to_string());
    let parsed = ParsedCertificate::try_from(certificate).map_err(unread)?;
    for name in names {
        let other = || SharingError::OtherName(name.clone());
        let server = ServerName::try_from(name.as_str()).map_err(|_| other())?;
        rustls::client::verify_server_name(&parsed, &server).map_err(|_| other())?;
    }
    let (from, to) = validity(certificate)?;
    let at = |seconds: i64| rfc3339(seconds.saturating_mul(1_000));
    match now {
        now if now < from => Err(SharingError::NotYet(at(from))),
        now if now >= to => Err(SharingError::Expired(at(to))),
        _ => Ok(ShownCertificate { fingerprint: fingerprint(certificate), expires_at: at(to) }),
    }
}

/// From when to when: seconds since 1970.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Result<(i64, i64), SharingError> {
    let parsed = x509_cert::Certificate::from_der(certificate);
    let parsed = parsed.map_err(|e| SharingError::Certificate(e.to_string()))?;
    let validity = parsed.tbs_certificate().validity();
    let seconds = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
    let (from, to) = (validity.not_before, validity.not_after);
    Ok((seconds(from.to_unix_duration()), seconds(to.to_unix_duration())))
}

/// `AB:CD:…`, as browsers and `openssl x509 -fingerprint -sha256` show it.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let bytes = Sha256::digest(certificate);
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    hex.join(":")
}

/// TLS 1.3 and HTTP/1.1, nothing else.
fn tls(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, SharingError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| SharingError::Make(e.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => SharingError::OtherKey,
        other => SharingError::Certificate(other.to_string()),
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
