//! Web pages that make a browser talk to this machine (DNS rebinding, CSRF).

use serde_json::json;

use super::super::scene::{JSON, Scene};
use crate::support::http;

const PATHS: [(&str, &str); 7] = [
    ("POST", "/mcp"),
    ("GET", "/mcp"),
    ("POST", "/mcp/fix"),
    ("POST", "/mcp/tools/call"),
    ("GET", "/mcp/tools"),
    ("GET", "/api/v1/health"),
    ("GET", "/"),
];

#[tokio::test]
async fn other_hosts_and_origins_are_forbidden_on_every_path() {
    let scene = Scene::start().await;
    let address = scene.gateway.url("").replace("http://", "");
    let port = address.rsplit(':').next().unwrap().to_owned();
    let bearer = format!("Bearer {}", scene.token);
    let rebound = format!("rebound.evil.example:{port}");
    let (suffixed, embedded) =
        (format!("{address}.evil.example"), format!("evil.example#{address}"));
    let (other_port, tls) = ("127.0.0.1:1".to_owned(), format!("https://{address}"));
    let (page, look_alike) =
        (format!("http://{rebound}"), format!("http://{address}.evil.example"));
    let own = format!("http://{address}");
    let attacks: Vec<Vec<(&str, &str)>> = vec![
        vec![("host", &rebound)],
        vec![("host", "evil.example")],
        vec![("host", "127.0.0.1")],
        vec![("host", &other_port)],
        vec![("host", &suffixed)],
        vec![("host", &embedded)],
        vec![("host", "")],
        vec![("host", &address), ("host", "evil.example")],
        vec![("host", &rebound), ("x-forwarded-host", &address), ("forwarded", "host=localhost")],
        vec![("origin", "https://evil.example")],
        vec![("origin", &page)],
        vec![("origin", &look_alike)],
        vec![("origin", &tls)],
        vec![("origin", "null")],
        vec![("origin", "http://localhost")],
        vec![("origin", "file://")],
        vec![("origin", &own), ("origin", "https://evil.example")],
    ];
    for attack in &attacks {
        for (method, path) in PATHS {
            let mut headers = vec![JSON, ("authorization", &*bearer)];
            headers.extend(attack);
            let body = if method == "POST" {
                json!({"tool": "fix.echo"}).to_string()
            } else {
                String::new()
            };
            let reply = http::ask(method, &scene.gateway.url(path), &headers, body).await;
            assert_eq!(reply.status, 403, "{attack:?} {method} {path}: {reply:?}");
            assert!(reply.header("access-control-allow-origin").is_empty());
        }
    }
    scene.assert_untouched();
    let localhost = format!("localhost:{port}");
    let own_page = format!("http://{localhost}");
    for good in [vec![("host", &*localhost)], vec![("origin", &*own)], vec![("origin", &*own_page)]]
    {
        let mut headers = vec![JSON, ("authorization", &*bearer)];
        headers.extend(&good);
        let body = json!({"tool": "fix.echo"}).to_string();
        let reply = http::ask("POST", &scene.gateway.url("/mcp/tools/call"), &headers, body).await;
        assert_eq!(reply.status, 200, "{good:?}: {reply:?}");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_eq!(reply.header("cache-control"), "no-store");
    }
    scene.gateway.stop().await;
}

/// No page elsewhere is told that it may send a token.
#[tokio::test]
async fn preflight_requests_are_not_granted() {
    let scene = Scene::start().await;
    let headers = [
        ("origin", "https://evil.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    for (_, path) in PATHS {
        let reply = http::ask("OPTIONS", &scene.gateway.url(path), &headers, "").await;
        assert_eq!(reply.status, 403, "{path}");
        assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("access-control-")));
    }
    scene.gateway.stop().await;
}
