//! Against a small real server on a real socket.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::StreamExt as _;
use http_body_util::StreamBody;
use http_body_util::combinators::BoxBody;
use hyper::body::Frame;
use hyper::service::service_fn;
use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::traits::tokio::Listener as _;

use super::events::{MAX_EVENT_BYTES, Parser};
use super::*;
use crate::{Event, Health, ServiceState};

type Body = BoxBody<Bytes, Infallible>;

/// A data folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("agw-client-{}-{n}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn json(status: u16, body: &str) -> Response<Body> {
    let body = Full::new(Bytes::copy_from_slice(body.as_bytes())).boxed();
    Response::builder().status(status).body(body).unwrap()
}

async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let bearer = request.headers().get(AUTHORIZATION).and_then(|v| v.to_str().ok());
    Ok(match (request.method().as_str(), request.uri().path()) {
        ("GET", "/api/v1/health") => json(200, r#"{"state":"enforcing","version":"1.2.3"}"#),
        ("GET", "/api/v1/session") if bearer == Some("Bearer s3cret") => {
            json(200, r#"{"user":"ana","role":"admin","expires_at":"2030-01-01T00:00:00Z"}"#)
        }
        ("GET", "/api/v1/session") => {
            json(401, r#"{"code":"sign_in","message":"Sign in.","next":"Run `agw login`."}"#)
        }
        ("GET", "/api/v1/large") => json(200, &" ".repeat(MAX_RESPONSE_BYTES + 1)),
        ("POST", "/api/v1/sessions") => {
            let mut refused = json(429, r#"{"code":"too_many_attempts","message":"","next":""}"#);
            refused.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("30"));
            refused
        }
        ("GET", "/api/v1/page") => json(502, "<html>"),
        ("POST", "/api/v1/echo") => {
            let sent_json = request.headers().contains_key(CONTENT_TYPE);
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8(body.to_vec()).unwrap();
            json(201, &serde_json::json!({ "json": sent_json, "body": body }).to_string())
        }
        ("POST", "/api/v1/shutdown") | ("DELETE", "/api/v1/users/a%2Fb") => json(204, ""),
        ("GET", "/api/v1/events") => {
            // One event in two chunks, a comment, two events in one chunk.
            let chunks = [
                ": hello\n\ndata: {\"type\":\"chan",
                "ged\",\"what\":\"grants\"}\n\n",
                ":\n\ndata:{\"type\":\"missed\",\ndata:\"count\":7}\r\n\r\ndata: {\"type\":\"changed\",\"what\":\"status\"}\n\n",
            ];
            let frames =
                chunks.map(|c| Ok::<_, Infallible>(Frame::data(Bytes::from_static(c.as_bytes()))));
            let body = StreamBody::new(futures_util::stream::iter(frames));
            Response::new(http_body_util::BodyExt::boxed(body))
        }
        _ => json(404, r#"{"code":"not_found","message":"No such path.","next":"Look."}"#),
    })
}

fn serve(folder: &Folder) -> Client {
    let name = paths::admin_socket_name(&folder.0).unwrap();
    let listener = ListenerOptions::new().name(name).create_tokio().unwrap();
    tokio::spawn(async move {
        while let Ok(stream) = listener.accept().await {
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            });
        }
    });
    Client::new(&folder.0)
}

#[tokio::test]
async fn reads_json_and_refusals() {
    let folder = Folder::new();
    let client = serve(&folder);
    let health: Health = client.get("/api/v1/health").await.unwrap();
    assert_eq!((health.state, &*health.version), (ServiceState::Enforcing, "1.2.3"));

    let error = client.get::<crate::Session>("/api/v1/session").await.unwrap_err();
    assert_eq!(error.code(), Some("sign_in"));
    assert_eq!(error.to_string(), "Sign in; Run `agw login`.");
    let error = client.get::<()>("/api/v1/page").await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { .. }), "{error}");
    let raw = client.request(Method::GET, "/api/v1/session", None).await.unwrap();
    assert_eq!((raw.status.as_u16(), raw.retry_after), (401, None));
    let raw = client.request(Method::POST, "/api/v1/sessions", Some(b"{}")).await.unwrap();
    assert_eq!((raw.status.as_u16(), raw.retry_after), (429, Some(30)));
}

#[tokio::test]
async fn the_session_is_sent_and_never_printed() {
    let folder = Folder::new();
    let client = serve(&folder).with_session(Some("s3cret".to_owned()));
    let session: crate::Session = client.get("/api/v1/session").await.unwrap();
    assert_eq!(session.user, "ana");
    assert!(!format!("{client:?}").contains("s3cret"), "{client:?}");
    let broken = client.with_session(Some("s3cret\n".to_owned()));
    let error = broken.get::<()>("/api/v1/session").await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
}

#[tokio::test]
async fn posts_and_deletes() {
    let folder = Folder::new();
    let client = serve(&folder);
    let echo: serde_json::Value = client.post("/api/v1/echo", &["a"]).await.unwrap();
    assert_eq!(echo, serde_json::json!({ "json": true, "body": "[\"a\"]" }));
    let echo: serde_json::Value = client.post("/api/v1/echo", &()).await.unwrap();
    assert_eq!(echo, serde_json::json!({ "json": false, "body": "" }));
    client.post::<_, ()>("/api/v1/shutdown", &()).await.unwrap();
    client.delete(&format!("/api/v1/users/{}", segment("a/b"))).await.unwrap();
    let error = client.delete("/api/v1/users/b").await.unwrap_err();
    assert_eq!(error.code(), Some("not_found"));
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let folder = Folder::new();
    let error = serve(&folder).get::<()>("/api/v1/large").await.unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}

#[tokio::test]
async fn events_arrive_whole_and_in_order() {
    let folder = Folder::new();
    let events: Vec<_> = serve(&folder).events().await.unwrap().collect().await;
    let events: Vec<Event> = events.into_iter().map(Result::unwrap).collect();
    match events.as_slice() {
        [Event::Changed { what: a }, Event::Missed { count: 7 }, Event::Changed { what: b }] => {
            assert_eq!((&**a, &**b), ("grants", "status"));
        }
        other => panic!("{other:?}"),
    }
}

/// Whatever is asked, these bytes and the end of the connection.
fn say(folder: &Folder, answer: &'static str) -> Client {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let name = paths::admin_socket_name(&folder.0).unwrap();
    let listener = ListenerOptions::new().name(name).create_tokio().unwrap();
    tokio::spawn(async move {
        let mut stream = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    });
    Client::new(&folder.0)
}

/// What came before the end or the error.
async fn read(download: &mut Download) -> (Vec<u8>, Result<(), ClientError>) {
    let mut bytes = Vec::new();
    loop {
        match download.next().await {
            Ok(Some(piece)) => bytes.extend_from_slice(&piece),
            Ok(None) => return (bytes, Ok(())),
            Err(error) => return (bytes, Err(error)),
        }
    }
}

#[tokio::test]
async fn a_download_comes_piece_by_piece_and_says_when_it_is_whole() {
    const PATH: &str = "/api/v1/audit/export?format=jsonl";
    let folder = Folder::new();
    let whole = "HTTP/1.1 200 OK\r\nagw-export-records: 7\r\ntransfer-encoding: chunked\r\n\r\n\
                 3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n";
    let mut download = say(&folder, whole).download(PATH).await.unwrap();
    assert_eq!(download.records(), Some(7));
    let (bytes, end) = read(&mut download).await;
    assert!(bytes == b"onetwo" && end.is_ok(), "{end:?}");

    for broken in [
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\none",
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\none",
    ] {
        let folder = Folder::new();
        let mut download = say(&folder, broken).download(PATH).await.unwrap();
        assert_eq!(download.records(), None);
        let (bytes, end) = read(&mut download).await;
        let error = end.unwrap_err();
        assert!(bytes == b"one" && matches!(error, ClientError::Io { .. }), "{error}");
        assert!(error.to_string().starts_with("GET /api/v1/audit/export: "), "{error}");
    }
    // There the end would be where the connection ends, whyever it does.
    let folder = Folder::new();
    let error = say(&folder, "HTTP/1.1 200 OK\r\n\r\none").download(PATH).await.unwrap_err();
    assert!(matches!(error, ClientError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_download_can_be_refused() {
    let folder = Folder::new();
    let error = serve(&folder).download("/api/v1/session").await.unwrap_err();
    assert_eq!(error.code(), Some("sign_in"));
}

#[tokio::test]
async fn a_service_that_is_not_there_is_named_as_such() {
    let folder = Folder::new();
    let client = Client::new(&folder.0);
    let error = client.get::<Health>("/api/v1/health").await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
    assert!(error.to_string().contains("start it with `agw serve`"));

    // What a crash leaves: the socket's file, and nobody behind it.
    #[cfg(unix)]
    {
        drop(std::os::unix::net::UnixListener::bind(paths::admin_socket(&folder.0)).unwrap());
        let error = client.events().await.unwrap_err();
        assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
    }
}

#[test]
fn an_event_without_end_is_cut_off() {
    let mut parser = Parser::default();
    let mut ready = VecDeque::new();
    let chunk = vec![b'x'; MAX_EVENT_BYTES / 2];
    parser.feed(&chunk, &mut ready).unwrap();
    parser.feed(&chunk, &mut ready).unwrap();
    let error = parser.feed(b"x", &mut ready).unwrap_err();
    assert!(matches!(error, ClientError::TooLarge { .. }), "{error}");
}

#[test]
fn segments_keep_to_themselves() {
    assert_eq!(segment("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
    assert_eq!(segment("Zoë"), "Zo%C3%AB");
    assert_eq!(segment("az-AZ_09.~"), "az-AZ_09.~");
}
