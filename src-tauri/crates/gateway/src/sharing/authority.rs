//! The gateway's own certificate authority: made when it is first needed, its
//! key sealed in the vault. It signs nothing but the certificate of the shared
//! address.

use std::net::IpAddr;

use agw_api::Authority;
use agw_vault::{Own, Secret, Vault};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use zeroize::Zeroizing;

use super::{
    SharingError,
    certificate::{Leaf, fingerprint},
};
use crate::{
    audit::{Kind, Record, record::rfc3339},
    bounds, clock,
    gateway::Gateway,
    store::{StoreError, rows},
};

const CERTIFICATE: &str = "authority";
const SEALED: &str = "authority_key_sealed";
const DAY: i64 = 24 * 3_600;

/// As other machines get it, if it was made.
pub(crate) async fn show(gateway: &Gateway) -> Result<Option<Authority>, StoreError> {
    let pem = gateway.reader.run(|db| Ok(rows::meta(db, CERTIFICATE)?)).await?;
    let Some(pem) = pem else { return Ok(None) };
    let damaged = |e: String| StoreError::Damaged(format!("the authority's certificate: {e}"));
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| damaged(e.to_string()))?;
    let (_, end) = super::certificate::validity(&der).map_err(|e| damaged(e.to_string()))?;
    let expires_at = rfc3339(end.saturating_mul(1_000));
    let in_use = gateway.sharing.is_own();
    Ok(Some(Authority { in_use, fingerprint: fingerprint(&der), expires_at, pem }))
}

/// A new certificate for these names, with a key of its own.
pub(super) async fn sign(gateway: &Gateway, names: &[String]) -> Result<Leaf, SharingError> {
    let vault = gateway.vault.load_full().ok_or(SharingError::Sealed)?;
    let issuer = match key(gateway, &vault).await? {
        Some(key) => Issuer::new(subject(gateway)?, key),
        None => make(gateway, &vault).await?,
    };
    let now = clock::now_ms() / 1_000;
    let mut leaf = CertificateParams::default();
    for name in names {
        leaf.subject_alt_names.push(match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(name.as_str().try_into().map_err(failed)?),
        });
    }
    leaf.distinguished_name = DistinguishedName::new();
    leaf.distinguished_name.push(DnType::CommonName, "AI Agent Gateway");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    lasts(&mut leaf, now - DAY, now + bounds::CERTIFICATE_DAYS * DAY)?;
    let pair = KeyPair::generate().map_err(failed)?;
    let signed = leaf.signed_by(&pair, &issuer).map_err(failed)?;
    let key = PrivatePkcs8KeyDer::from(pair.serialize_der());
    Ok((vec![signed.der().clone()], key.into()))
}

/// Opens the authority's key, if there is one.
async fn key(gateway: &Gateway, vault: &Vault) -> Result<Option<KeyPair>, SharingError> {
    let sealed = gateway.reader.run(|db| Ok(rows::meta(db, SEALED)?)).await?;
    let Some(sealed) = sealed else { return Ok(None) };
    let sealed = BASE64_STANDARD.decode(sealed).map_err(|_| SharingError::Damaged)?;
    let clear = vault.open_own(Own::AuthorityKey, &sealed).map_err(|_| SharingError::Damaged)?;
    let key = PrivatePkcs8KeyDer::from(clear.expose());
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&key, &rcgen::PKCS_ECDSA_P256_SHA256);
    key.map(Some).map_err(|_| SharingError::Damaged)
}

/// Makes the authority and stores it.
async fn make(gateway: &Gateway, vault: &Vault) -> Result<Issuer<'static, KeyPair>, SharingError> {
    let pair = KeyPair::generate().map_err(failed)?;
    let now = clock::now_ms() / 1_000;
    let mut params = subject(gateway)?;
    lasts(&mut params, now - DAY, now + bounds::AUTHORITY_DAYS * DAY)?;
    let certificate = params.self_signed(&pair).map_err(failed)?;
    let clear = Zeroizing::new(pair.serialize_der());
    let sealed = vault.seal_own(Own::AuthorityKey, &Secret::new(clear.as_slice()));
    let sealed = BASE64_STANDARD.encode(sealed.map_err(|_| SharingError::Damaged)?);
    let (pem, print) = (certificate.pem(), fingerprint(certificate.der()));
    let stored = gateway.writer.change(move |change| {
        rows::set_meta(change.db, SEALED, &sealed)?;
        rows::set_meta(change.db, CERTIFICATE, &pem)?;
        let mut record = Record::new(Kind::Service, clock::now_ms());
        record.status = Some("authority_made");
        record.detail = Some(print);
        change.audit(record);
        Ok::<_, StoreError>(())
    });
    stored.await?;
    Ok(Issuer::new(params, pair))
}

/// Who it is. It signs for machines only, and no further authorities.
fn subject(gateway: &Gateway) -> Result<CertificateParams, SharingError> {
    let which = gateway.installation.get(..8).unwrap_or_default();
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("AI Agent Gateway {which}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// A day, in UTC, on which a certificate begins or ends: the numbers that
/// `date_time_ymd` takes, whose type has a name only in a crate of its own.
fn day(seconds: i64) -> Result<(i32, u8, u8), SharingError> {
    let at = jiff::Timestamp::from_second(seconds).map_err(failed)?;
    let day = at.to_zoned(jiff::tz::TimeZone::UTC).date();
    let number = |n: i8| u8::try_from(n).map_err(failed);
    Ok((day.year().into(), number(day.month())?, number(day.day())?))
}

/// Sets what a certificate is valid for.
fn lasts(params: &mut CertificateParams, from: i64, to: i64) -> Result<(), SharingError> {
    let (year, month, date) = day(from)?;
    params.not_before = date_time_ymd(year, month, date);
    let (year, month, date) = day(to)?;
    params.not_after = date_time_ymd(year, month, date);
    Ok(())
}

fn failed(error: impl std::fmt::Display) -> SharingError {
    SharingError::Make(error.to_string())
}
