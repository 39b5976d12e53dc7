//! An MCP server that wants a sign-in, with its authorization server, well and
//! badly behaved. Whoever comes to `/authorize` is let in as the account that
//! the test named last.

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

/// What is answered at a path instead of what belongs there.
#[derive(Debug, Clone)]
pub enum Instead {
    Status(u16),
    Redirect(String),
    Body(String),
    Huge,
    Never,
}

/// How it behaves; well unless told otherwise.
pub struct Manners {
    /// Seconds; `None`: it does not say.
    pub life: Option<u64>,
    pub refresh: bool,
    /// A refresh token is good once, and gives a new one.
    pub rotates: bool,
    /// Merged over the documents.
    pub resource_metadata: Value,
    pub server_metadata: Value,
    /// The `iss` of the answer; `None`: left out.
    pub iss: Option<String>,
    pub instead: HashMap<&'static str, Instead>,
    /// Of the token endpoint, before it answers.
    pub delay: Duration,
    /// What it says to every renewal.
    pub refuses_renewal: Option<&'static str>,
    /// Renews, and then cuts the line.
    pub cuts_off: bool,
    /// Wanted for any request, and for `tools/call` besides.
    pub scope: &'static str,
    pub call_scope: Option<&'static str>,
    /// Gives these, whatever is asked for.
    pub gives_scope: Option<&'static str>,
    /// Whether it points to its metadata.
    pub points: bool,
}

#[derive(Default)]
struct Kept {
    codes: HashMap<String, HashMap<String, String>>,
    /// Whose each is, and its scopes.
    access: HashMap<String, (String, String)>,
    refresh: HashMap<String, (String, String)>,
    spent: HashSet<String>,
    /// Every secret that it gave out.
    given: Vec<String>,
    requests: Vec<(String, HashMap<String, String>)>,
    renewals: usize,
    reused: usize,
    clients: HashMap<String, String>,
    calls: Vec<(String, Value)>,
    count: usize,
}

#[derive(Clone)]
pub struct Guarded {
    address: SocketAddr,
    inner: Arc<Inner>,
}

struct Inner {
    base: String,
    manners: Mutex<Manners>,
    kept: Mutex<Kept>,
    account: Mutex<String>,
}

impl Guarded {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = format!("http://{address}");
        let manners = Manners {
            life: Some(3600),
            refresh: true,
            rotates: true,
            resource_metadata: json!({}),
            server_metadata: json!({}),
            iss: Some(base.clone()),
            instead: HashMap::new(),
            delay: Duration::ZERO,
            refuses_renewal: None,
            cuts_off: false,
            scope: "mail",
            call_scope: None,
            gives_scope: None,
            points: true,
        };
        let inner = Arc::new(Inner {
            base,
            manners: Mutex::new(manners),
            kept: Mutex::default(),
            account: Mutex::new("team@upstream".into()),
        });
        let router = Router::new().fallback(serve).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, inner }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    pub fn base(&self) -> String {
        self.inner.base.clone()
    }

    pub fn manners(&self) -> MutexGuard<'_, Manners> {
        self.inner.manners.lock().unwrap()
    }

    /// Whoever signs in next is this account.
    pub fn next_is(&self, account: &str) {
        *self.inner.account.lock().unwrap() = account.to_owned();
    }

    /// No access token that was given so far is good any more.
    pub fn expire_all(&self) {
        self.kept().access.clear();
    }

    /// No refresh token either.
    pub fn revoke_all(&self) {
        let mut kept = self.kept();
        kept.access.clear();
        kept.refresh.clear();
    }

    pub fn renewals(&self) -> usize {
        self.kept().renewals
    }

    /// How often a refresh token came a second time.
    pub fn reused(&self) -> usize {
        self.kept().reused
    }

    /// Tokens, codes, verifiers and secrets that were seen or given.
    pub fn secrets(&self) -> Vec<String> {
        self.kept().given.clone()
    }

    /// The upstream accounts of the calls, and their arguments.
    pub fn calls(&self) -> Vec<(String, Value)> {
        self.kept().calls.clone()
    }

    /// Requests to a path, with their parameters and `authorization`.
    pub fn requests(&self, path: &str) -> Vec<HashMap<String, String>> {
        let kept = self.kept();
        let of_path = kept.requests.iter().filter(|(at, _)| at == path);
        of_path.map(|(_, parameters)| parameters.clone()).collect()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.inner.kept.lock().unwrap()
    }
}

const RESOURCE: &str = "/.well-known/oauth-protected-resource/mcp";
const SERVER: &str = "/.well-known/oauth-authorization-server";

async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let path = parts.uri.path().to_owned();
    let instead = inner.manners.lock().unwrap().instead.get(&*path).cloned();
    let mut parameters = form(parts.uri.query().unwrap_or_default());
    let kind = parts.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap());
    if kind.starts_with("application/x-www-form-urlencoded") {
        parameters.extend(form(std::str::from_utf8(&body).unwrap()));
    }
    if let Some(authorization) = parts.headers.get("authorization") {
        let text = authorization.to_str().unwrap().to_owned();
        parameters.insert("authorization".into(), text);
    }
    inner.kept.lock().unwrap().requests.push((path.clone(), parameters.clone()));
    if let Some(instead) = instead {
        return instead.answer().await;
    }
    let base = &inner.base;
    match &*path {
        "/mcp" => mcp(&inner, &parts.headers, &body),
        RESOURCE => {
            let document = json!({
                "resource": format!("{base}/mcp"),
                "authorization_servers": [base],
                "scopes_supported": ["mail", "other"],
            });
            let over = inner.manners.lock().unwrap().resource_metadata.clone();
            axum::Json(merged(document, &over)).into_response()
        }
        SERVER => {
            let document = json!({
                "issuer": base,
                "authorization_endpoint": format!("{base}/authorize"),
                "token_endpoint": format!("{base}/token"),
                "registration_endpoint": format!("{base}/register"),
                "code_challenge_methods_supported": ["S256"],
                "authorization_response_iss_parameter_supported": true,
            });
            let over = inner.manners.lock().unwrap().server_metadata.clone();
            axum::Json(merged(document, &over)).into_response()
        }
        "/authorize" => authorize(&inner, parameters),
        "/token" => token(&inner, &parameters).await,
        "/register" => register(&inner, &body),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Instead {
    async fn answer(self) -> Response {
        match self {
            Self::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Self::Redirect(to) => (StatusCode::FOUND, [("location", to)]).into_response(),
            Self::Body(body) => ([("content-type", "application/json")], body).into_response(),
            Self::Huge => {
                let piece = Bytes::from(vec![b' '; 64 << 10]);
                let pieces = futures_util::stream::repeat_with(move || {
                    Ok::<_, std::convert::Infallible>(piece.clone())
                });
                Body::from_stream(pieces).into_response()
            }
            Self::Never => std::future::pending().await,
        }
    }
}

fn form(text: &str) -> HashMap<String, String> {
    let mut out = HashMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let mut bytes = Vec::new();
        let mut rest = value.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                byte => byte,
            });
        }
        out.insert(name.to_owned(), String::from_utf8(bytes).unwrap());
    }
    out
}

/// `null` takes a member out.
fn merged(mut document: Value, over: &Value) -> Value {
    for (name, value) in over.as_object().unwrap() {
        match value {
            Value::Null => drop(document.as_object_mut().unwrap().remove(name)),
            value => document[name] = value.clone(),
        }
    }
    document
}

fn authorize(inner: &Inner, parameters: HashMap<String, String>) -> Response {
    assert_eq!(parameters["code_challenge_method"], "S256");
    assert_eq!(parameters["response_type"], "code");
    let (manners, mut kept) = (inner.manners.lock().unwrap(), inner.kept.lock().unwrap());
    kept.count += 1;
    let code = format!("code-{}-{}", kept.count, inner.base.len());
    let code = format!("{code}-{}", "c".repeat(20));
    kept.given.push(code.clone());
    let mut back = format!(
        "{}?code={code}&state={}",
        parameters["redirect_uri"],
        agw_api::segment(&parameters["state"])
    );
    if let Some(iss) = &manners.iss {
        back += &format!("&iss={}", agw_api::segment(iss));
    }
    let account = inner.account.lock().unwrap().clone();
    kept.codes.insert(code, parameters.into_iter().chain([("account".into(), account)]).collect());
    (StatusCode::FOUND, [("location", back)]).into_response()
}

async fn token(inner: &Inner, parameters: &HashMap<String, String>) -> Response {
    let delay = inner.manners.lock().unwrap().delay;
    tokio::time::sleep(delay).await;
    let manners = inner.manners.lock().unwrap();
    let mut kept = inner.kept.lock().unwrap();
    let refuse = |error: &str| {
        (StatusCode::BAD_REQUEST, axum::Json(json!({"error": error}))).into_response()
    };
    let get = |name: &str| parameters.get(name).cloned().unwrap_or_default();
    if get("resource") != format!("{}/mcp", inner.base) {
        return refuse("invalid_target");
    }
    let (account, scope) = match &*get("grant_type") {
        "authorization_code" => {
            let Some(asked) = kept.codes.remove(&get("code")) else {
                return refuse("invalid_grant");
            };
            let verifier = get("code_verifier");
            kept.given.push(verifier.clone());
            let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
            if challenge != asked["code_challenge"] || get("redirect_uri") != asked["redirect_uri"]
            {
                return refuse("invalid_grant");
            }
            (asked["account"].clone(), asked.get("scope").cloned().unwrap_or_default())
        }
        "refresh_token" => {
            kept.renewals += 1;
            if let Some(error) = manners.refuses_renewal {
                return refuse(error);
            }
            let sent = get("refresh_token");
            let known = match manners.rotates {
                true => kept.refresh.remove(&sent),
                false => kept.refresh.get(&sent).cloned(),
            };
            let Some(known) = known else {
                if kept.spent.contains(&sent) {
                    kept.reused += 1;
                }
                return refuse("invalid_grant");
            };
            kept.spent.insert(sent);
            known
        }
        _ => return refuse("unsupported_grant_type"),
    };
    kept.count += 1;
    let (access, refresh) = (
        format!("at-{}-{}", kept.count, "a".repeat(24)),
        format!("rt-{}-{}", kept.count, "r".repeat(24)),
    );
    kept.given.extend([access.clone(), refresh.clone()]);
    let scope = manners.gives_scope.map_or(scope, str::to_owned);
    kept.access.insert(access.clone(), (account.clone(), scope.clone()));
    let mut answer = json!({"access_token": access, "token_type": "Bearer", "scope": scope});
    if let Some(life) = manners.life {
        answer["expires_in"] = life.into();
    }
    if manners.refresh && (manners.rotates || get("grant_type") == "authorization_code") {
        kept.refresh.insert(refresh.clone(), (account, scope));
        answer["refresh_token"] = refresh.into();
    }
    if manners.cuts_off {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    axum::Json(answer).into_response()
}

fn register(inner: &Inner, body: &[u8]) -> Response {
    let asked: Value = serde_json::from_slice(body).unwrap();
    let mut kept = inner.kept.lock().unwrap();
    kept.count += 1;
    let id = format!("client-{}", kept.count);
    let secret = format!("cs-{}-{}", kept.count, "s".repeat(24));
    kept.clients.insert(id.clone(), secret.clone());
    kept.given.push(secret.clone());
    let mut answer = asked;
    answer["client_id"] = id.into();
    answer["client_secret"] = secret.into();
    (StatusCode::CREATED, axum::Json(answer)).into_response()
}

fn mcp(inner: &Inner, headers: &HeaderMap, body: &[u8]) -> Response {
    let (manners, mut kept) = (inner.manners.lock().unwrap(), inner.kept.lock().unwrap());
    let token = headers.get("authorization").map_or("", |value| value.to_str().unwrap());
    let token = token.strip_prefix("Bearer ").unwrap_or_default();
    let pointer = match manners.points {
        true => format!(", resource_metadata=\"{}{RESOURCE}\"", inner.base),
        false => String::new(),
    };
    let challenge = |status: StatusCode, error: &str, scope: &str| {
        let text = format!("Bearer error=\"{error}\", scope=\"{scope}\"{pointer}");
        (status, [("www-authenticate", text)]).into_response()
    };
    let Some((account, scopes)) = kept.access.get(token).cloned() else {
        return challenge(StatusCode::UNAUTHORIZED, "invalid_token", manners.scope);
    };
    let message: Value = serde_json::from_slice(body).unwrap();
    let id = &message["id"];
    let answer = |result: Value| {
        axum::Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
    };
    match message["method"].as_str().unwrap() {
        "initialize" => answer(json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "guarded", "version": "1"},
        })),
        "tools/list" => {
            let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object"}});
            answer(json!({"tools": [tool("read"), tool("send")]}))
        }
        "tools/call" => {
            if let Some(wanted) = manners.call_scope
                && !wanted.split(' ').all(|one| scopes.split(' ').any(|scope| scope == one))
            {
                return challenge(StatusCode::FORBIDDEN, "insufficient_scope", wanted);
            }
            kept.calls.push((account.clone(), message["params"]["arguments"].clone()));
            // Some servers show what they should not.
            let text = format!("{account} with {token}");
            answer(json!({"content": [{"type": "text", "text": text}]}))
        }
        _ => StatusCode::ACCEPTED.into_response(),
    }
}
