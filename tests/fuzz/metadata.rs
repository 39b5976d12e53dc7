//! What other servers and clients say of themselves for a sign-in: believed is
//! only what is about them.

use agw_gateway::fuzzing::{authorization_server, challenge, may_return, resource};
use bolero::{check, produce};
use http::Uri;
use serde_json::Value;

use super::{edited, objects::Object, text};

const SERVER: &str = "https://mcp.acme.com/team/mcp";
const ISSUER: &str = "https://login.acme.com/realm";
/// Stands in documents and must not stand in errors about their form.
const SECRET: &str = "hunter2";

const DOCUMENTS: [&str; 8] = [
    r#"{"resource":"https://mcp.acme.com/team/mcp","authorization_servers":["https://login.acme.com/realm"],"scopes_supported":["files:read"],"hunter2":"hunter2"}"#,
    r#"{"resource":"https://MCP.acme.com/team/"}"#,
    r#"{"resource":"https://mcp.acme.com","authorization_servers":"hunter2"}"#,
    r#"{"issuer":"https://login.acme.com/realm","authorization_endpoint":"https://login.acme.com/a","token_endpoint":"https://login.acme.com/t","code_challenge_methods_supported":["plain","S256"],"scopes_supported":["offline_access"]}"#,
    r#"{"token_endpoint":"https://login.acme.com/t","code_challenge_methods_supported":["S256"],"\u0069ssuer":"https://login.acme.com/realm","authorization_endpoint":"x","registration_endpoint":null,"x":{"issuer":"y"}}"#,
    r#"{"issuer":"https://login.acme.com/realm","authorization_endpoint":"hunter2","token_endpoint":7}"#,
    r#"["https://mcp.acme.com/team/mcp"]"#,
    "",
];

const SCRAPS: [&str; 24] = [
    "\"resource\":\"https://evil.example\",",
    "\"issuer\":\"https://evil.example\",",
    "\"\\u0069ssuer\":\"https://login.acme.com/realm\",",
    "\"S256\"",
    "s256",
    "evil.example",
    "@",
    "#",
    "?x",
    "/..",
    "/",
    ".",
    ":444",
    "http://",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    "null",
    "7",
    "\\",
    "é",
];

/// Scheme, and host with port; lower case.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{authority}").to_ascii_lowercase())
}

/// One of these is what a serde of any other make reads as well.
fn the_one(body: &str, name: &str) -> Option<String> {
    let Object(members) = Object::read(body)?;
    let all: Vec<_> = members.iter().filter(|(key, _)| key == name).collect();
    assert!(all.len() <= 1, "{name} twice in {body:?}");
    serde_json::from_str(all.first()?.1.get()).ok()
}

#[test]
fn a_document_is_believed_about_the_one_who_was_asked() {
    let server: Uri = SERVER.parse().unwrap();
    check!().with_generator(edited()).with_iterations(40_000).for_each(|edits| {
        let body = text(edits, &DOCUMENTS, &SCRAPS);
        match resource(body.as_bytes(), &server) {
            Ok(found) => {
                assert_eq!(the_one(&body, "resource").as_ref(), Some(&found), "{body:?}");
                assert_eq!(origin(&found), origin(SERVER), "{body:?}");
                assert!(!found.contains(['#', '?', '@']), "{body:?}");
                let path = found[origin(&found).unwrap().len()..].trim_end_matches('/');
                let rest = "/team/mcp".strip_prefix(path);
                assert!(rest.is_some_and(|r| r.is_empty() || r.starts_with('/')), "{body:?}");
            }
            Err(why) => {
                let named = the_resource_is_shown(&body);
                assert!(named || !why.contains(SECRET), "{why}");
                assert!(why.len() < 1_000, "{why}");
            }
        }
        match authorization_server(body.as_bytes(), ISSUER) {
            Ok((issuer, endpoint)) => {
                assert_eq!(issuer, ISSUER, "{body:?}");
                assert_eq!(the_one(&body, "issuer").as_deref(), Some(ISSUER), "{body:?}");
                assert_eq!(the_one(&body, "token_endpoint"), Some(endpoint), "{body:?}");
                let Value::Object(document) = serde_json::from_str(&body).unwrap() else {
                    panic!("{body:?}");
                };
                let methods = document["code_challenge_methods_supported"].as_array().unwrap();
                assert!(methods.iter().any(|method| method == "S256"), "{body:?}");
            }
            Err(why) => assert!(why.len() < 1_000, "{why}"),
        }
    });
}

/// Which resource it claims to be is what such an error is about.
fn the_resource_is_shown(body: &str) -> bool {
    Object::read(body).is_some_and(|object| {
        object.get("resource").is_some_and(|resource| resource.contains(SECRET))
    })
}

#[test]
fn bytes_of_any_kind_are_no_document() {
    let server: Uri = SERVER.parse().unwrap();
    check!().with_generator(produce::<Vec<u8>>()).with_iterations(20_000).for_each(|body| {
        assert!(resource(body, &server).is_err());
        assert!(authorization_server(body, ISSUER).is_err());
    });
}

const CHALLENGES: [&str; 5] = [
    r#"Bearer resource_metadata="https://a/.well-known/oauth-protected-resource", scope="a b""#,
    r#"Basic realm="a, Bearer scope=\"c\"", bearer error=insufficient_scope"#,
    r#"DPoP algs="ES256", Bearer realm="x\"y""#,
    "Bearer",
    "",
];

const WORDS: [&str; 16] = [
    "Bearer ",
    "Basic ",
    "scope=",
    "\"",
    "\\",
    ",",
    "=",
    " ",
    "\t",
    "a",
    "é",
    "error=",
    "\u{0}",
    "scope=\"x y\",",
    "\"\"",
    "realm=\"\"",
];

const VALUES: [&str; 8] =
    ["", "files:read files:write", "a\"b", "a\\", ", Bearer scope=\"x\"", "é", " ", "a  b a"];

#[test]
fn a_challenge_says_what_its_server_wrote() {
    let inputs = (edited(), edited(), edited());
    check!().with_generator(inputs).with_iterations(30_000).for_each(|(any, url, scope)| {
        if let Some((_, _, scopes)) = challenge(&text(any, &CHALLENGES, &WORDS)) {
            for (at, scope) in scopes.iter().enumerate() {
                let plain = scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
                assert!(plain && !scope.is_empty() && !scopes[..at].contains(scope), "{scope:?}");
            }
        }
        let [url, scope] = [url, scope].map(|edits| text(edits, &VALUES, &WORDS));
        if url.len() + scope.len() > 500 {
            return;
        }
        let quoted =
            |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
        let header = format!(
            "Basic realm={}, Bearer scope={}, resource_metadata={}, DPoP scope=no",
            quoted(&url),
            quoted(&scope),
            quoted(&url)
        );
        let (found, error, scopes) = challenge(&header).unwrap_or_else(|| panic!("{header:?}"));
        assert_eq!((found, error), (Some(url), None), "{header:?}");
        assert!(scopes.iter().all(|one| scope.split(' ').any(|word| word == one)), "{header:?}");
    });
}

const REDIRECTS: [&str; 8] = [
    "http://localhost/callback",
    "http://localhost:3118/callback",
    "http://127.0.0.1:1/cb?a=b",
    "http://[::1]:9/cb",
    "https://app.example/cb",
    "https://app.example:8443/cb",
    "cursor://anysphere.cursor-mcp/oauth/callback",
    "javascript://localhost/%0aalert(1)",
];

const PARTS: [&str; 18] = [
    "localhost",
    "127.0.0.1",
    "[::1]",
    ":1",
    ":",
    "@",
    "evil.example",
    ".",
    "/",
    "//",
    "\\",
    "#",
    "?a",
    "%2f",
    "https",
    "http",
    "LOCALHOST",
    "é",
];

#[test]
fn nobody_is_sent_anywhere_but_where_the_client_registered() {
    let inputs = (edited(), edited());
    check!().with_generator(inputs).with_iterations(40_000).for_each(|(registered, asked)| {
        let registered = text(registered, &REDIRECTS, &PARTS);
        let asked = text(asked, &REDIRECTS, &PARTS);
        if !may_return(&registered, &asked) || registered == asked {
            return;
        }
        // The port of this machine, and nothing else, is another.
        let without_port = |url: &str| {
            let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("{url:?}"));
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let at = ["localhost", "127.0.0.1", "[::1]"].into_iter().find_map(|host| {
                let port = authority.strip_prefix(host)?;
                let digits = port.strip_prefix(':').unwrap_or_default();
                (port.is_empty() || digits.bytes().all(|b| b.is_ascii_digit())).then_some(host)
            });
            (at.unwrap_or_else(|| panic!("{url:?}")), path.to_owned())
        };
        let [mut a, mut b] = [&registered, &asked].map(|url| without_port(url));
        for path in [&mut a.1, &mut b.1] {
            // The same request.
            if !path.starts_with('/') {
                path.insert(0, '/');
            }
        }
        assert_eq!(a, b, "{registered:?} {asked:?}");
    });
}
