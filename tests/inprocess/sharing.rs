//! The address for other machines.

mod certificates;

use std::{net::TcpListener, sync::Arc, time::Duration};

use agw_api::{ClientError, Sharing, SharingSettings, SharingState};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::scene::{JSON, Scene, VERSION, tools_call};
use crate::support::{
    InProcess, PASSWORD, eventually, http,
    mcp::ACCEPT,
    shared::{ADDRESS, authority, free_port, share, sharing, switch_off},
};

const HEALTH: &str = "/api/v1/health";

/// What the admin API says to these settings.
async fn refused(gateway: &InProcess, wanted: &SharingSettings) -> String {
    match gateway.admin.put::<_, Sharing>("/api/v1/sharing", wanted).await {
        Err(ClientError::Refused { status, body, .. }) => {
            assert!([409, 422].contains(&status.as_u16()), "{status}");
            body.message
        }
        other => panic!("{:?}", other.map(|shared| shared.settings)),
    }
}

/// A TLS handshake in these versions, with this authority trusted. Gives the
/// fingerprint of the certificate that was shown.
async fn handshake(
    base: &str,
    pem: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Result<String, std::io::Error> {
    let at = base.strip_prefix("https://").unwrap();
    let stream = TcpStream::connect(at).await?;
    let config = Arc::new(http::client_config(pem, versions));
    let name = ServerName::try_from(ADDRESS).unwrap();
    let mut tls = TlsConnector::from(config).connect(name, stream).await?;
    // A server refuses some things only after its client is content.
    let (_, session) = tls.get_mut();
    assert_eq!(session.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let shown = session.peer_certificates().unwrap();
    let hex: Vec<_> = Sha256::digest(&shown[0]).iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(hex.join(":"))
}

#[tokio::test]
async fn it_is_off_until_an_admin_switches_it_on() {
    let gateway = InProcess::start().await;
    let shared = sharing(&gateway).await;
    assert_eq!((shared.state, shared.url), (SharingState::Off, None));
    assert!(!shared.settings.on);
    let status: agw_api::Status = gateway.admin.get("/api/v1/status").await.unwrap();
    assert_eq!(status.shared_url, None);
    let missing = http::ask("GET", &gateway.url("/ca.crt"), &[], "").await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn other_machines_are_answered_over_tls_1_3_and_nothing_older() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let pem = authority(&gateway).await.pem;
    assert_eq!(http::ask("GET", &format!("{base}{HEALTH}"), &[], "").await.status, 200);
    handshake(&base, &pem, &[&rustls::version::TLS13]).await.unwrap();
    let older = handshake(&base, &pem, &[&rustls::version::TLS12]).await.unwrap_err();
    assert!(older.to_string().contains("ProtocolVersion"), "{older}");
    // Whoever does not know the authority goes no further.
    let other = InProcess::start().await;
    share(&other).await;
    let foreign = authority(&other).await.pem;
    let stranger = handshake(&base, &foreign, &[&rustls::version::TLS13]).await.unwrap_err();
    assert!(stranger.to_string().contains("certificate"), "{stranger}");
    // Nothing is said in clear.
    let at = base.strip_prefix("https://").unwrap();
    let mut plain = TcpStream::connect(at).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
}

#[tokio::test]
async fn it_is_called_by_its_names_alone_and_from_its_own_pages() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let port = base.rsplit_once(':').unwrap().1;
    let ask = async |headers: &[(&str, &str)]| {
        http::ask("GET", &format!("{base}{HEALTH}"), headers, "").await.status
    };
    let (host, named) = (format!("{ADDRESS}:{port}"), format!("gw.test:{port}"));
    let (own, other) = (format!("https://{host}"), format!("http://{host}"));
    assert_eq!(ask(&[("host", &host)]).await, 200);
    assert_eq!(ask(&[("host", &named), ("origin", &format!("https://{named}"))]).await, 200);
    assert_eq!(ask(&[("host", &host.to_ascii_uppercase()), ("origin", &own)]).await, 200);
    for bad in [
        &[("host", "evil.example")][..],
        &[("host", &*format!("evil.example:{port}"))],
        &[("host", &*format!("localhost:{port}"))],
        &[("host", ADDRESS)],
        &[("host", &*host), ("host", "evil.example")],
        &[("host", &*host), ("origin", "https://evil.example")],
        &[("host", &*host), ("origin", &*other)],
        &[("host", &*host), ("origin", "null")],
        &[("host", &*host), ("origin", &*gateway.url(""))],
    ] {
        assert_eq!(ask(bad).await, 403, "{bad:?}");
    }
    // The local address knows none of these names.
    let local = http::ask("GET", &gateway.url(HEALTH), &[("host", &*named)], "").await;
    assert_eq!(local.status, 403);
}

#[tokio::test]
async fn agents_on_other_machines_call_over_mcp_and_rest_and_are_recorded() {
    let scene = Scene::start().await;
    let base = share(&scene.gateway).await;
    let bearer = format!("Bearer {}", scene.token);
    let headers = [JSON, ACCEPT, VERSION, ("authorization", &*bearer)];
    let body = tools_call("fix__echo", json!({"text": "far"}));
    let reply = http::ask("POST", &format!("{base}/mcp"), &headers, body).await;
    assert!(reply.status == 200 && reply.text.contains("far"), "{reply:?}");
    let body = json!({"tool": "fix.echo", "args": {"text": "away"}, "token": scene.token});
    let (status, _) = http::post_json(&format!("{base}/mcp/tools/call"), &[], &body).await;
    assert_eq!(status, 200);
    let body = json!({"tool": "fix.other", "args": {}, "token": scene.token});
    let (status, _) = http::post_json(&format!("{base}/mcp/tools/call"), &[], &body).await;
    assert_eq!(status, 403);
    scene.assert_call_refused("fix.other").await;
    // What is told to this machine alone is not told there.
    let known: agw_api::AuditSettings =
        scene.gateway.admin.get("/api/v1/audit/settings").await.unwrap();
    let mut wanted = serde_json::to_value(known).unwrap();
    wanted["metrics"] = json!("local");
    let _: Value = scene.gateway.admin.put("/api/v1/audit/settings", &wanted).await.unwrap();
    assert_eq!(http::ask("GET", &scene.gateway.url("/metrics"), &[], "").await.status, 200);
    assert_eq!(http::ask("GET", &format!("{base}/metrics"), &[], "").await.status, 404);
}

#[tokio::test]
async fn a_paused_gateway_answers_there_as_it_does_here() {
    let scene = Scene::start().await;
    let base = share(&scene.gateway).await;
    let body = json!({"tool": "fix.echo", "args": {}, "token": scene.token});
    let _: Value = scene.gateway.admin.post("/api/v1/pause", &()).await.unwrap();
    let path = "/mcp/tools/call";
    let here = http::post_json(&scene.gateway.url(path), &[], &body).await;
    let there = http::post_json(&format!("{base}{path}"), &[], &body).await;
    assert_eq!((here.0, &here.1), (there.0, &there.1));
    assert_eq!(here.0, 503);
}

#[tokio::test]
async fn sessions_there_are_cookies_of_that_host_over_https() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let body = json!({"user": "root", "password": PASSWORD}).to_string();
    let headers = [JSON, ("origin", &*base)];
    let reply = http::ask("POST", &format!("{base}/api/v1/sessions"), &headers, body).await;
    let cookie = reply.header("set-cookie");
    for part in ["__Host-agw_session=", "; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Strict"]
    {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let status = async |headers: &[(&str, &str)]| {
        http::ask("GET", &format!("{base}/api/v1/session"), headers, "").await.status
    };
    assert_eq!(status(&[("cookie", pair)]).await, 200);
    // A program on another port could plant one of the local kind.
    let planted = pair.strip_prefix("__Host-").unwrap();
    assert_eq!(status(&[("cookie", planted)]).await, 401);
    // Its own authority is not what browsers know: no HSTS.
    assert_eq!(reply.header("strict-transport-security"), "");
}

/// On this machine a browser shows its cookie to whatever listens on another
/// port; what got away so opens nothing over the network.
#[tokio::test]
async fn a_session_of_one_address_is_none_at_the_other() {
    let gateway = InProcess::start().await;
    let (here, there) = (gateway.url(""), share(&gateway).await);
    let sign_in = async |base: &str| {
        let body = json!({"user": "root", "password": PASSWORD}).to_string();
        let headers = [JSON, ("origin", base)];
        let reply = http::ask("POST", &format!("{base}/api/v1/sessions"), &headers, body).await;
        let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
        cookie.split_once('=').unwrap().1.to_owned()
    };
    let status = async |base: &str, name: &str, token: &str| {
        let cookie = format!("{name}={token}");
        let url = format!("{base}/api/v1/session");
        http::ask("GET", &url, &[("cookie", &*cookie)], "").await.status
    };
    let (local, shared) = ("agw_session", "__Host-agw_session");
    let token = sign_in(&here).await;
    assert_eq!(status(&here, local, &token).await, 200);
    assert_eq!(status(&there, shared, &token).await, 401);
    let token = sign_in(&there).await;
    assert_eq!(status(&there, shared, &token).await, 200);
    assert_eq!(status(&here, local, &token).await, 401);
}

#[tokio::test]
async fn wrong_passwords_from_the_network_lock_nobody_out_here() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let wrong = json!({"user": "root", "password": "wrong wrong wrong"}).to_string();
    let headers = [JSON, ("origin", &*base)];
    let url = format!("{base}/api/v1/sessions");
    for _ in 0..5 {
        assert_eq!(http::ask("POST", &url, &headers, wrong.clone()).await.status, 401);
    }
    assert_eq!(http::ask("POST", &url, &headers, wrong.clone()).await.status, 429);
    gateway.sign_in("root").await;
}

#[tokio::test]
async fn switching_off_ends_open_streams_and_lets_nobody_in() {
    let scene = Scene::start().await;
    let base = share(&scene.gateway).await;
    let at = base.strip_prefix("https://").unwrap().to_owned();
    let bearer = format!("Bearer {}", scene.token);
    let headers = [("accept", "text/event-stream"), VERSION, ("authorization", &*bearer)];
    let greeting = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"}}});
    let posted = [JSON, ACCEPT, ("authorization", &*bearer)];
    let greeted = http::ask("POST", &format!("{base}/mcp"), &posted, greeting.to_string()).await;
    let id = greeted.header("mcp-session-id").to_owned();
    let headers = [headers[0], headers[1], headers[2], ("mcp-session-id", &*id)];
    let stream = http::send("GET", &format!("{base}/mcp"), &headers, "").await;
    assert_eq!(stream.status(), 200);
    let ended = tokio::spawn(async move {
        use http_body_util::BodyExt as _;
        let mut body = stream.into_body();
        while let Some(Ok(_)) = body.frame().await {}
    });
    let shared = switch_off(&scene.gateway).await;
    assert_eq!((shared.state, shared.url), (SharingState::Off, None));
    assert!(TcpStream::connect(&at).await.is_err(), "nobody listens any more");
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("it ends").unwrap();
    // Here nothing has changed.
    assert_eq!(scene.rest(r#"{"tool":"fix.echo","args":{}}"#).await.status, 200);
}

#[tokio::test]
async fn what_cannot_be_listened_on_is_said_and_changes_nothing() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let known = sharing(&gateway).await.settings;
    let taken = TcpListener::bind((ADDRESS, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let with = |change: &dyn Fn(&mut SharingSettings)| {
        let mut wanted = known.clone();
        change(&mut wanted);
        wanted
    };
    for (wanted, says) in [
        (with(&|s| s.port = port), "is taken by another program"),
        (with(&|s| s.address = "192.0.2.77".into()), "is no address of this machine"),
        (with(&|s| s.address = "here".into()), "is no IP address"),
        (with(&|s| s.names = vec![]), "by which host names"),
        (with(&|s| s.names = vec!["https://gw.test".into()]), "is no host name"),
        (with(&|s| s.names = vec!["localhost".into()]), "every machine's name for itself"),
        (with(&|s| s.version += 1), "was changed by someone else"),
    ] {
        let message = refused(&gateway, &wanted).await;
        assert!(message.contains(says), "{message}");
        assert_eq!(sharing(&gateway).await.settings, known);
        assert_eq!(http::ask("GET", &format!("{base}{HEALTH}"), &[], "").await.status, 200);
    }
}

#[tokio::test]
async fn names_port_and_address_change_without_a_restart() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let known = sharing(&gateway).await.settings;
    // More names on the same port: its certificate is another one.
    let before = sharing(&gateway).await.certificate;
    let names = vec![ADDRESS.to_owned(), "other.test".to_owned()];
    let wanted = SharingSettings { names, ..known };
    let shared: Sharing = gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap();
    assert_ne!(shared.certificate, before);
    let port = wanted.port;
    let status = async |host: &str| {
        http::ask("GET", &format!("{base}{HEALTH}"), &[("host", host)], "").await.status
    };
    assert_eq!(status(&format!("other.test:{port}")).await, 200);
    assert_eq!(status(&format!("gw.test:{port}")).await, 403);
    // All addresses, on the same port: the narrower listener is in the way.
    let wanted = SharingSettings { address: "0.0.0.0".into(), ..shared.settings };
    let shared: Sharing = gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap();
    assert_eq!(status(&format!("other.test:{port}")).await, 200);
    let wanted = SharingSettings { port: free_port(), ..shared.settings };
    let shared: Sharing = gateway.admin.put("/api/v1/sharing", &wanted).await.unwrap();
    let url = shared.url.unwrap();
    http::trust(&url, &authority(&gateway).await.pem);
    assert_eq!(http::ask("GET", &format!("{url}{HEALTH}"), &[], "").await.status, 200);
    assert!(TcpStream::connect(base.strip_prefix("https://").unwrap()).await.is_err());
    let records = gateway.audit().await;
    let told = records.iter().filter(|record| record.status.as_deref() == Some("sharing_set"));
    assert_eq!(told.count(), 4);
}

/// All its connections together would fill the memory of a small machine.
#[tokio::test]
async fn who_shows_nothing_that_is_known_sends_little() {
    let scene = Scene::start().await;
    let base = share(&scene.gateway).await;
    let long = json!({"text": "x".repeat(100 << 10)});
    let call = json!({"tool": "fix.echo", "args": long, "token": scene.token}).to_string();
    let bare = json!({"tool": "fix.echo", "args": long}).to_string();
    let sign_in = json!({"user": "root", "password": "x".repeat(100 << 10)}).to_string();
    let url = |path: &str| format!("{base}{path}");
    let made_up = format!("Bearer {}", "st_".to_owned() + &"x".repeat(49));
    for (path, body, more) in [
        ("/mcp/tools/call", &call, None),
        ("/mcp/tools/call", &bare, Some(&made_up)),
        ("/mcp", &bare, None),
        ("/api/v1/sessions", &sign_in, None),
        ("/sign-in", &sign_in, None),
    ] {
        let mut headers = vec![JSON];
        headers.extend(more.map(|token| ("authorization", token.as_str())));
        let reply = http::ask("POST", &url(path), &headers, body.clone()).await;
        assert_eq!(reply.status, 413, "{path}: {reply:?}");
        assert!(reply.text.contains("Authorization: Bearer"), "{reply:?}");
    }
    // As long as it likes, where it says who it is; here as ever.
    let bearer = format!("Bearer {}", scene.token);
    let headers = [JSON, ("authorization", &*bearer)];
    let known = http::ask("POST", &url("/mcp/tools/call"), &headers, bare).await;
    assert_eq!(known.status, 200, "{known:?}");
    let here = http::ask("POST", &scene.gateway.url("/mcp/tools/call"), &[JSON], call).await;
    assert_eq!(here.status, 200, "{here:?}");
    let body = json!({"user": "root", "password": PASSWORD}).to_string();
    let signed = [JSON, ("origin", &*base)];
    let reply = http::ask("POST", &url("/api/v1/sessions"), &signed, body).await;
    let cookie = reply.header("set-cookie").split(';').next().unwrap().to_owned();
    let headers = [JSON, ("origin", &*base), ("cookie", &*cookie)];
    let wrong = json!({"name": "x".repeat(100 << 10)}).to_string();
    let reply = http::ask("POST", &url("/api/v1/teams"), &headers, wrong).await;
    assert_eq!(reply.status, 422, "{reply:?}");
}

#[tokio::test]
async fn a_handshake_that_dawdles_is_cut_off() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let at = base.strip_prefix("https://").unwrap();
    // One says nothing; one begins a handshake and goes on byte by byte: a
    // record that promises 256 bytes.
    let silent = async {
        let mut stream = TcpStream::connect(at).await.unwrap();
        while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
    };
    let slow = async {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let (mut answers, mut stream) = stream.split();
        let drip = async {
            stream.write_all(&[0x16, 3, 1, 1, 0]).await?;
            loop {
                stream.write_all(&[0]).await?;
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        };
        tokio::select! {
            Err::<(), std::io::Error>(_) = drip => {}
            () = async { while !matches!(answers.read(&mut [0; 64]).await, Ok(0) | Err(_)) {} } => {}
        }
    };
    let both = tokio::time::timeout(Duration::from_secs(60), async { tokio::join!(silent, slow) });
    assert!(both.await.is_ok(), "somebody may dawdle for ever");
    assert_eq!(http::ask("GET", &format!("{base}{HEALTH}"), &[], "").await.status, 200);
}

#[tokio::test]
async fn one_peer_takes_no_more_than_its_share_of_connections() {
    let gateway = InProcess::start().await;
    let base = share(&gateway).await;
    let at = base.strip_prefix("https://").unwrap();
    let mut held = Vec::new();
    for _ in 0..128 {
        held.push(TcpStream::connect(at).await.unwrap());
    }
    // The one above is closed at once, without a word.
    let mut above = TcpStream::connect(at).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(5), above.read(&mut [0; 16])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    drop(held);
    let pem = authority(&gateway).await.pem;
    eventually("there is room again", Duration::from_secs(10), async || {
        handshake(&base, &pem, &[&rustls::version::TLS13]).await.is_ok()
    })
    .await;
}
