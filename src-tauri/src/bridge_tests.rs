//! The rules of the bridge, and one round trip to a real socket.

use std::convert::Infallible;

use serde_json::json;

use super::*;

fn request(method: &str, path: &str) -> ApiRequest {
    ApiRequest { method: method.to_owned(), path: path.to_owned(), body: None }
}

#[test]
fn only_the_admin_api_is_reached() {
    for path in [
        "/mcp",
        "/api/v1",
        "/api/v1/",
        "/api/v2/users",
        "http://example.com/api/v1/users",
        "//example.com/api/v1/users",
        "/api/v1//sessions",
        "/api/v1/../../mcp",
        "/api/v1/./sessions",
        "/api/v1/%73essions",
        "/api/v1/Sessions",
        "/api/v1/sessions#x",
        "/api/v1/events",
        "/api/v1/events?x",
    ] {
        assert!(checked(&request("GET", path)).is_err(), "{path}");
    }
    for method in ["CONNECT", "get", "PATCH", ""] {
        assert!(checked(&request(method, "/api/v1/users")).is_err(), "{method}");
    }
    let audit = request("GET", "/api/v1/audit?limit=5&tool=gmail.send");
    assert_eq!(checked(&audit).unwrap(), (Method::GET, "audit"));
    let token = request("POST", "/api/v1/users/a%2Fb/token");
    assert_eq!(checked(&token).unwrap(), (Method::POST, "users"));
}

#[test]
fn tokens_are_taken_out_of_both_answers() {
    let mut signed_in = json!({ "user": "ana", "expires_at": "x", "token": "st" });
    assert_eq!(take_token(&mut signed_in).as_deref(), Some("st"));
    assert_eq!(signed_in, json!({ "user": "ana", "expires_at": "x" }));

    let mut set_up = json!({ "recovery_key": "r", "session": { "user": "ana", "token": "st" } });
    assert_eq!(take_token(&mut set_up).as_deref(), Some("st"));
    assert_eq!(set_up, json!({ "recovery_key": "r", "session": { "user": "ana" } }));
}

fn shell(dir: &std::path::Path) -> Shell {
    Shell::new(dir.to_owned())
}

#[tokio::test]
async fn no_service_is_an_answer_and_not_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let reply = relay(&shell(dir.path()), request("GET", "/api/v1/status")).await;
    let body: ErrorBody = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &*body.code), (503, "offline"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_session_is_kept_used_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let socket = tokio::net::UnixListener::bind(agw_api::paths::admin_socket(dir.path())).unwrap();
    tokio::spawn(serve(socket));
    let shell = shell(dir.path());

    let reply = relay(&shell, request("GET", "/api/v1/session")).await;
    assert_eq!(reply.status, 401);
    let reply = relay(&shell, request("POST", "/api/v1/sessions")).await;
    assert_eq!(reply.status, 201);
    assert!(!reply.body.contains("s3cret"), "{}", reply.body);
    assert_eq!(shell.session.borrow().as_deref(), Some("s3cret"));
    let reply = relay(&shell, request("GET", "/api/v1/session")).await;
    assert_eq!(reply.status, 200);

    // A session that the service has ended is forgotten here as well.
    shell.session.send_replace(Some("ended".to_owned()));
    let reply = relay(&shell, request("GET", "/api/v1/session")).await;
    assert_eq!((reply.status, shell.session.borrow().clone()), (401, None));

    shell.session.send_replace(Some("s3cret".to_owned()));
    relay(&shell, request("DELETE", "/api/v1/session")).await;
    assert_eq!(shell.session.borrow().clone(), None);
}

/// It signs in, too: the token stays here, whichever way somebody signed in.
#[cfg(unix)]
#[tokio::test]
async fn an_invite_accepted_in_the_window_leaves_its_token_here() {
    let dir = tempfile::tempdir().unwrap();
    let socket = tokio::net::UnixListener::bind(agw_api::paths::admin_socket(dir.path())).unwrap();
    tokio::spawn(serve(socket));
    let shell = shell(dir.path());
    let reply = relay(&shell, request("POST", "/api/v1/invites/accept")).await;
    assert_eq!(reply.status, 201);
    assert!(!reply.body.contains("s3cret"), "{}", reply.body);
    assert_eq!(shell.session.borrow().as_deref(), Some("s3cret"));
}

/// Answers each connection's one request, by its first line and its token.
#[cfg(unix)]
async fn serve(socket: tokio::net::UnixListener) -> Infallible {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    loop {
        let (mut stream, _) = socket.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.windows(4).any(|end| end == b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let (status, body) = match head.split(' ').next().unwrap() {
            "POST" => ("201 Created", r#"{"user":"ana","expires_at":"x","token":"s3cret"}"#),
            _ if head.contains("Bearer s3cret") => ("200 OK", "{}"),
            _ => ("401 Unauthorized", r#"{"code":"sign_in","message":"","next":""}"#),
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}
