//! Certificates: the gateway's own, and those that an admin gives.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use agw_api::{Sharing, SharingCertificate, SharingSettings, SharingState};
use agw_gateway::Timeouts;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::{handshake, refused};
use crate::support::{
    InProcess, SHORT, change_told, eventually, http,
    leaks::{Place, files},
    shared::{authority, settings, share, sharing},
};

/// Of a company, say: signed by itself, for these names, from and to a year.
fn write(dir: &Path, names: &[&str], (from, to): (i32, i32)) -> (SharingCertificate, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let (certificate, key_file) = paths(dir);
    fs::write(&certificate, &pem).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    (source(&certificate, &key_file), pem)
}

fn paths(dir: &Path) -> (PathBuf, PathBuf) {
    (dir.join("certificate.pem"), dir.join("key.pem"))
}

fn source(certificate: &Path, key: &Path) -> SharingCertificate {
    let text = |path: &Path| path.display().to_string();
    SharingCertificate::Files { certificate: text(certificate), key: text(key) }
}

const NAMES: [&str; 2] = ["127.0.0.2", "gw.test"];
const GOOD: (i32, i32) = (2020, 2100);

#[tokio::test]
async fn a_given_certificate_is_shown_and_browsers_are_held_to_it() {
    let gateway = InProcess::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (certificate, pem) = write(dir.path(), &NAMES, GOOD);
    let wanted = SharingSettings { certificate, ..settings(&gateway).await };
    let shared: Sharing = gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap();
    let url = shared.url.unwrap();
    http::trust(&url, &pem);
    let reply = http::ask("GET", &format!("{url}/api/v1/health"), &[], "").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("strict-transport-security").starts_with("max-age="));
    // There was no need for an authority.
    assert_eq!(http::ask("GET", &format!("{url}/ca.crt"), &[], "").await.status, 404);
}

#[tokio::test]
async fn a_given_certificate_is_checked_before_it_is_accepted() {
    let gateway = InProcess::start().await;
    let dir = tempfile::tempdir().unwrap();
    let wanted = settings(&gateway).await;
    let with = |certificate| SharingSettings { certificate, ..wanted.clone() };
    let (certificate, key) = paths(dir.path());
    let missing = refused(&gateway, &with(source(&certificate, &key))).await;
    assert!(missing.contains("cannot be read"), "{missing}");
    for (names, years, says) in [
        (&["gw.test"][..], GOOD, "is not for 127.0.0.2"),
        (&NAMES[..], (2000, 2001), "expired on 2001-01-01"),
        (&NAMES[..], (2090, 2100), "is not valid before 2090-01-01"),
    ] {
        let (given, _) = write(dir.path(), names, years);
        let message = refused(&gateway, &with(given)).await;
        assert!(message.contains(says), "{message}");
    }
    let (given, _) = write(dir.path(), &NAMES, GOOD);
    fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let message = refused(&gateway, &with(given)).await;
    assert!(message.contains("does not belong to the certificate"), "{message}");
    fs::write(&key, "no key").unwrap();
    let message = refused(&gateway, &with(source(&certificate, &key))).await;
    assert!(message.contains("holds no private key"), "{message}");
    let message = refused(&gateway, &with(source(Path::new("c.pem"), Path::new("k.pem")))).await;
    assert!(message.contains("absolute path"), "{message}");
    let message = refused(&gateway, &with(source(Path::new("/dev/zero"), &key))).await;
    assert!(message.contains("too long"), "{message}");
    assert_eq!(sharing(&gateway).await.state, SharingState::Off);
}

#[tokio::test]
async fn a_certificate_is_read_again_when_its_files_change() {
    let gateway = InProcess::start().await;
    let dir = tempfile::tempdir().unwrap();
    let (certificate, _) = write(dir.path(), &NAMES, GOOD);
    let wanted = SharingSettings { certificate, ..settings(&gateway).await };
    let shared: Sharing = gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap();
    // A bad one is told of, to windows too, and the one before stays.
    let mut events = gateway.admin.events().await.unwrap();
    write(dir.path(), &["other.test"], GOOD);
    change_told(&mut events, "sharing").await;
    let now = sharing(&gateway).await;
    assert!(now.problem.is_some());
    assert_eq!((now.state, &now.certificate), (SharingState::Listening, &shared.certificate));
    let (_, pem) = write(dir.path(), &NAMES, (2021, 2100));
    eventually("it is renewed", Duration::from_secs(30), async || {
        let now = sharing(&gateway).await;
        now.problem.is_none() && now.certificate != shared.certificate
    })
    .await;
    let url = shared.url.unwrap();
    http::trust(&url, &pem);
    assert_eq!(http::ask("GET", &format!("{url}/api/v1/health"), &[], "").await.status, 200);
    let records = gateway.audit().await;
    assert!(records.iter().any(|r| r.status.as_deref() == Some("certificate_renewed")));
}

#[tokio::test]
async fn its_own_certificate_is_replaced_before_it_ends_and_shown_at_once() {
    let gateway = InProcess::start().await;
    share(&gateway).await;
    let ends = sharing(&gateway).await.certificate.unwrap().expires_at;
    let ends: jiff::Timestamp = ends.parse().unwrap();
    let replaced = jiff::Timestamp::now() + Timeouts::default().certificate;
    let spare = ends.duration_since(replaced);
    assert!(spare > jiff::SignedDuration::from_hours(14 * 24), "{spare}");

    // The same with a shorter while.
    let timeouts = Timeouts { certificate: Duration::from_secs(1), ..SHORT };
    let gateway = InProcess::start_with(timeouts).await;
    let url = share(&gateway).await;
    let pem = authority(&gateway).await.pem;
    let shown = async || handshake(&url, &pem, &[&rustls::version::TLS13]).await.unwrap();
    let first = shown().await;
    eventually("another one is shown", Duration::from_secs(60), async || shown().await != first)
        .await;
    eventually("which is said", Duration::from_secs(60), async || {
        let said = sharing(&gateway).await.certificate.unwrap().fingerprint;
        said != first && said == shown().await
    })
    .await;
    assert_eq!(sharing(&gateway).await.state, SharingState::Listening);
    assert_eq!(http::ask("GET", &format!("{url}/api/v1/health"), &[], "").await.status, 200);
    let records = gateway.audit().await;
    assert!(records.iter().any(|r| r.status.as_deref() == Some("certificate_renewed")));
}

#[tokio::test]
async fn its_own_authority_stays_the_same_and_is_to_be_had_by_anybody() {
    let gateway = InProcess::start().await;
    let url = share(&gateway).await;
    let made = authority(&gateway).await;
    assert!(made.in_use && made.fingerprint.split(':').count() == 32, "{made:?}");
    let offered = http::ask("GET", &format!("{url}/ca.crt"), &[], "").await;
    assert_eq!((offered.status, &offered.text), (200, &made.pem));
    let before = sharing(&gateway).await.certificate.unwrap();
    let gateway = gateway.restart().await;
    eventually("it is shared again", Duration::from_secs(10), async || {
        sharing(&gateway).await.state == SharingState::Listening
    })
    .await;
    assert_eq!(http::ask("GET", &format!("{url}/api/v1/health"), &[], "").await.status, 200);
    assert_eq!(authority(&gateway).await.fingerprint, made.fingerprint);
    // Its own certificate is another one: the key of the one before is gone.
    assert_ne!(sharing(&gateway).await.certificate.unwrap(), before);
}

/// A private key in PKCS #8 begins with these bytes, for P-256.
const PKCS8: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
    0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04,
];

fn keys_in(places: &[Place]) -> Vec<&Place> {
    let plain = |place: &&Place| {
        let base64 = b"AgEAMBMGByqGSM49AgEGCCqGSM49AwEH";
        let has = |what: &[u8]| memchr::memmem::find(&place.bytes, what).is_some();
        has(PKCS8) || has(base64) || has(b"PRIVATE KEY")
    };
    places.iter().filter(plain).collect()
}

#[tokio::test]
async fn the_key_of_the_authority_is_nowhere_but_sealed_in_the_vault() {
    // A key is found where there is one.
    let key = KeyPair::generate().unwrap();
    let place = Place { name: "key".into(), bytes: key.serialize_der() };
    assert_eq!(keys_in(&[place]).len(), 1);
    let gateway = InProcess::start().await;
    share(&gateway).await;
    let dir = gateway.stop().await;
    let places = files(dir.path());
    assert!(keys_in(&places).is_empty(), "{:?}", keys_in(&places));
}

#[tokio::test]
async fn a_sealed_gateway_shows_no_certificate_of_its_own() {
    let gateway = InProcess::start().await;
    let url = share(&gateway).await;
    let dir = gateway.stop().await;
    let key = dir.path().join("master.key");
    let away = dir.path().join("away");
    fs::rename(&key, &away).unwrap();
    let running = InProcess::serve(dir.path(), SHORT).await;
    let at = url.strip_prefix("https://").unwrap();
    assert!(tokio::net::TcpStream::connect(at).await.is_err());
    // With the key back it is shared as before.
    let client = agw_api::Client::new(dir.path());
    let body = serde_json::json!({"user": "root", "password": crate::support::PASSWORD});
    let session: agw_api::SessionCreated = client.post("/api/v1/sessions", &body).await.unwrap();
    let admin = client.with_session(session.token);
    eventually("it says why", Duration::from_secs(10), async || {
        let now: Sharing = admin.get("/api/v1/sharing").await.unwrap();
        now.state == SharingState::Failed && now.problem.is_some_and(|p| p.contains("sealed"))
    })
    .await;
    fs::rename(&away, &key).unwrap();
    let _: agw_api::Status = admin.post("/api/v1/unlock", &serde_json::json!({})).await.unwrap();
    eventually("it is shared", Duration::from_secs(15), async || {
        let now: Sharing = admin.get("/api/v1/sharing").await.unwrap();
        now.state == SharingState::Listening
    })
    .await;
    assert_eq!(http::ask("GET", &format!("{url}/api/v1/health"), &[], "").await.status, 200);
    running.stop().await;
}
