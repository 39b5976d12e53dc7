//! Programs that sign agents in: those that register themselves (RFC 7591)
//! and those whose metadata documents the gateway has copies of.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Json,
    extract::{Request, State},
    http::{StatusCode, Uri, header},
    response::{IntoResponse as _, Response},
};
use rusqlite::{OptionalExtension as _, params};
use serde::Deserialize;
use serde_json::json;

use super::error::OauthError;
use crate::{
    admin::AdminError,
    audit::{Kind, Record},
    bounds, clock,
    gateway::Gateway,
    pages::{is_format, read_body},
    random,
    store::StoreError,
};

/// Apps whose way back is a scheme of their own; others use this machine's
/// loopback address or HTTPS, as MCP demands (security considerations,
/// communication security). A scheme may be taken by another app, and PKCE
/// makes the code useless to it.
const APP_SCHEMES: [&str; 3] = ["cursor", "vscode", "vscode-insiders"];
const NAMELESS: &str = "A program without a name";

/// Copies of client-ID metadata documents, so that these programs need no way
/// out: the address, the name, where they are sent back to.
const PINNED: [(&str, &str, &str); 2] = [
    (
        "https://claude.ai/oauth/claude-code-client-metadata",
        "Claude Code",
        "http://localhost/callback",
    ),
    ("https://chatgpt.com/oauth/codex/client.json", "Codex", "http://127.0.0.1/callback"),
];

/// A program that may ask for an agent.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) id: String,
    pub(super) name: String,
    redirects: Vec<String>,
    /// Its maker's document says who it is; others named themselves.
    pub(super) known: bool,
}

impl Client {
    pub(super) async fn find(gateway: &Gateway, id: &str) -> Result<Option<Self>, StoreError> {
        if let Some((id, name, redirect)) = PINNED.into_iter().find(|(known, ..)| *known == id) {
            let redirects = vec![redirect.to_owned()];
            return Ok(Some(Self { id: id.into(), name: name.into(), redirects, known: true }));
        }
        let id = id.to_owned();
        let read = gateway.reader.run(move |db| {
            let sql = "SELECT name, redirects FROM clients WHERE id = ?1";
            let row = db.query_row(sql, [&id], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            });
            row.optional()?
                .map(|(name, redirects)| {
                    let redirects = serde_json::from_str(&redirects)
                        .map_err(|e| StoreError::Damaged(format!("redirects: {e}")))?;
                    Ok(Self { id, name, redirects, known: false })
                })
                .transpose()
        });
        read.await
    }

    #[cfg(test)]
    pub(super) fn example() -> Self {
        Self { id: String::new(), name: String::new(), redirects: Vec::new(), known: false }
    }

    pub(super) fn may_return_to(&self, redirect: &str) -> bool {
        self.redirects.iter().any(|registered| same_redirect(registered, redirect))
    }
}

/// The host of a redirect, and whether it is this machine.
pub(super) fn host_of(redirect: &str) -> (String, bool) {
    let Ok(uri) = redirect.parse::<Uri>() else { return (String::new(), false) };
    match uri.scheme_str() {
        Some("http" | "https") => {
            let host = uri.host().unwrap_or_default();
            (host.to_owned(), is_loopback(host))
        }
        scheme => (scheme.unwrap_or_default().to_owned(), true),
    }
}

/// Whether it leads to a port of this machine.
pub(super) fn is_on_loopback(redirect: &str) -> bool {
    let uri = redirect.parse::<Uri>().ok();
    let web = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    web.is_some_and(|uri| uri.host().is_some_and(is_loopback))
}

fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

/// Exactly the same, but for the port on this machine, which programs take as
/// they find it (RFC 8252, section 7.3).
fn same_redirect(registered: &str, asked: &str) -> bool {
    if registered == asked {
        return true;
    }
    let (Ok(a), Ok(b)) = (registered.parse::<Uri>(), asked.parse::<Uri>()) else { return false };
    let parts = |uri: &Uri| {
        (
            uri.scheme_str() == Some("http"),
            uri.host().map(str::to_owned),
            uri.path_and_query().cloned(),
        )
    };
    check_redirect(asked).is_ok()
        && a.host().is_some_and(is_loopback)
        && parts(&a) == parts(&b)
        && parts(&a).0
}

/// Whether somebody may be sent back there.
fn check_redirect(text: &str) -> Result<(), OauthError> {
    let bad = |why| Err(OauthError::new("invalid_redirect_uri", why));
    let plain = |b: u8| b.is_ascii_graphic() && !b"\\\"<>#`{|}^".contains(&b);
    if text.len() > bounds::REDIRECT_MAX || !text.bytes().all(plain) {
        return bad(
            "a redirect URI is too long, has a fragment, or characters that do not belong there",
        );
    }
    let Ok(uri) = text.parse::<Uri>() else { return bad("a redirect URI cannot be read") };
    let Some(authority) = uri.authority().filter(|a| !a.as_str().contains('@')) else {
        return bad("a redirect URI needs a host, and no user name");
    };
    // For who reads it here, anything may stand between the host and the last
    // colon, and behind that.
    let port = authority.port().map(|port| format!(":{}", port.as_str()));
    if authority.as_str().strip_prefix(authority.host()) != Some(&*port.unwrap_or_default()) {
        return bad("a redirect URI has nothing but a port between its host and its path");
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(authority.host()) => Ok(()),
        Some(scheme) if APP_SCHEMES.contains(&scheme) => Ok(()),
        _ => bad("a redirect URI is https, or http on this machine (localhost, 127.0.0.1, [::1])"),
    }
}

/// For the fuzz targets: whether a client that registers the first may have
/// somebody sent back to the second.
#[cfg(feature = "fuzzing")]
pub fn may_return(registered: &str, asked: &str) -> bool {
    check_redirect(registered).is_ok() && same_redirect(registered, asked)
}

/// Counts registrations, which need no proof of anything.
#[derive(Debug, Default)]
pub(crate) struct Registrations(Mutex<Option<(Instant, u32)>>);

impl Registrations {
    fn one_more(&self) -> Result<(), OauthError> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = bounds::REGISTRATIONS_WINDOW;
        let (since, count) =
            counted.filter(|(since, _)| since.elapsed() < window).unwrap_or((Instant::now(), 0));
        if count >= bounds::REGISTRATIONS {
            let text = "too many programs have registered just now; try again in a minute";
            return Err(OauthError::new("too_many_requests", text));
        }
        *counted = Some((since, count + 1));
        Ok(())
    }
}

/// What is read of a registration; the rest is the client's own affair.
#[derive(Debug, Deserialize)]
struct Wanted {
    #[serde(default)]
    client_name: Option<String>,
    redirect_uris: Vec<String>,
}

/// `POST /oauth/register`. Whatever a program wants to prove itself with, it
/// is a public one here: PKCE does what a secret in a file would do worse.
pub(super) async fn register(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
) -> Result<Response, OauthError> {
    let unread = || OauthError::new("invalid_client_metadata", "the registration cannot be read");
    let json = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if !json.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json")) {
        return Err(unread());
    }
    let read = read_body(request.into_body(), bounds::REGISTRATION_MAX).await.ok_or_else(unread)?;
    let wanted: Wanted = serde_json::from_slice(&read).map_err(|_| unread())?;
    if !(1..=bounds::REDIRECTS).contains(&wanted.redirect_uris.len()) {
        let text = "a program needs one to ten redirect URIs";
        return Err(OauthError::new("invalid_redirect_uri", text));
    }
    wanted.redirect_uris.iter().try_for_each(|uri| check_redirect(uri))?;
    gateway.registrations.one_more()?;
    let client = Client {
        id: random_id()?,
        name: shown_name(wanted.client_name.as_deref().unwrap_or_default()),
        redirects: wanted.redirect_uris,
        known: false,
    };
    let now = clock::now_ms();
    store(&gateway, client.clone(), now).await?;
    let body = json!({
        "client_id": client.id,
        "client_id_issued_at": now / 1_000,
        "client_name": client.name,
        "redirect_uris": client.redirects,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
    });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

/// What never signed anybody in is forgotten after a day, and first of all
/// when there are too many.
async fn store(gateway: &Gateway, client: Client, now: i64) -> Result<(), AdminError> {
    let redirects = serde_json::to_string(&client.redirects)
        .map_err(|e| AdminError::internal(e.to_string()))?;
    let unused = i64::try_from(bounds::CLIENT_UNUSED.as_millis()).unwrap_or(i64::MAX);
    let stored = gateway.writer.change(move |change| {
        let db = change.db;
        let sql = "DELETE FROM clients WHERE used_at IS NULL AND created_at < ?1";
        db.execute(sql, [now.saturating_sub(unused)])?;
        db.execute(
            "DELETE FROM clients WHERE id IN (SELECT id FROM clients
             ORDER BY used_at IS NULL, coalesce(used_at, created_at) DESC LIMIT -1 OFFSET ?1)",
            [bounds::CLIENTS_MAX - 1],
        )?;
        db.execute(
            "INSERT INTO clients (id, name, redirects, created_at) VALUES (?1, ?2, ?3, ?4)",
            params![client.id, client.name, redirects, now],
        )?;
        let mut record = Record::new(Kind::Config, now);
        record.status = Some("client_registered");
        record.detail = Some(format!("{}, back to {}", client.name, client.redirects.join(" ")));
        change.audit(record);
        Ok::<_, AdminError>(())
    });
    stored.await
}

fn random_id() -> Result<String, OauthError> {
    random::text::<16>().map_err(|e| AdminError::internal(e.to_string()).into())
}

/// The name that a program gives itself, short and plain.
fn shown_name(text: &str) -> String {
    // It is in lists, records and terminals, too, which it must not turn around.
    let plain = |c: &char| !c.is_control() && !is_format(*c);
    let text: String = text.chars().filter(plain).take(bounds::CLIENT_NAME).collect();
    match text.split_whitespace().collect::<Vec<_>>().join(" ") {
        text if text.is_empty() => NAMELESS.to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_exact_but_for_the_port_of_this_machine() {
        let same = |registered, asked| same_redirect(registered, asked);
        assert!(same("http://localhost/callback", "http://localhost:3118/callback"));
        assert!(same("http://127.0.0.1:1/cb?a=b", "http://127.0.0.1:2/cb?a=b"));
        assert!(same("http://[::1]/cb", "http://[::1]:9/cb"));
        assert!(same("https://app.example/cb", "https://app.example/cb"));
        for (registered, asked) in [
            ("http://localhost/callback", "http://localhost:3118/callback/x"),
            ("http://localhost/callback", "http://127.0.0.1:3118/callback"),
            ("http://localhost/callback", "https://localhost:3118/callback"),
            ("http://localhost/callback", "http://localhost.evil.example/callback"),
            ("http://localhost/callback", "http://localhost:1@evil.example/callback"),
            ("http://localhost/callback", "http://evil@localhost:1/callback"),
            ("http://localhost/callback", "http://localhost:1/callback#x"),
            ("http://localhost/callback", "http://localhost:1/callback?x=1"),
            ("https://app.example/cb", "https://app.example:8443/cb"),
            ("https://app.example/cb", "https://app.example/cb/"),
            ("https://app.example/cb", "https://APP.example/cb"),
        ] {
            assert!(!same(registered, asked), "{registered} {asked}");
        }
    }

    #[test]
    fn a_name_is_one_line_that_reads_as_it_is() {
        assert_eq!(shown_name(" Pocket \u{202e}\u{2003}\u{200b} Agent\n"), "Pocket Agent");
        assert_eq!(shown_name("\u{3164}\u{e0041}\u{2800}"), NAMELESS);
    }

    #[test]
    fn nobody_is_sent_to_a_script_or_over_plain_http_to_another_machine() {
        for good in [
            "https://app.example/cb",
            "http://localhost:1/x",
            "http://[::1]/x",
            "cursor://anysphere.cursor-mcp/oauth/callback",
        ] {
            assert!(check_redirect(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "javascript://x/%0aalert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "http://evil.example/cb",
            "http://127.0.0.1.evil.example/",
            "http://localhost:x/",
            "http://localhost:1evil.example/",
            "http://localhost:99999/",
            "http://localhost:/",
            "http://127.0.0.1:[::1]:1/cb",
            "https://a@b/",
            "https://a/#f",
            "https://a/\\b",
            "//a/b",
            "/cb",
            "https://a/\"",
            "mailto:a@b.c",
            "https:///x",
            "HTTPS//x",
        ] {
            assert!(check_redirect(bad).is_err(), "{bad}");
        }
    }
}
