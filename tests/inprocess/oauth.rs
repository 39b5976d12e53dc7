//! Signing agents in: the gateway as the authorization server of its own MCP
//! endpoints. [`Program`] is a client that does everything right.

mod agents;
mod authorize;
mod consent;
mod credentials;
mod discovery;
mod pages;
mod registration;
mod shared;
mod step_up;
mod tokens;

use agw_api::Agent;
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    inprocess::scene::{JSON, Scene, VERSION, tools_call},
    support::{
        browser::{Browser, form, parameter},
        http::{self, Reply},
        mcp::ACCEPT,
    },
};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const REDIRECT: &str = "http://127.0.0.1:7/callback";
const VERIFIER: &str = "a-verifier-of-forty-three-characters-or-more";

/// The usual scene, in which `ana` has a password.
async fn scene() -> Scene {
    let scene = Scene::start().await;
    scene.gateway.set_password("ana").await;
    scene
}

/// A program that registered itself.
#[derive(Clone)]
struct Program {
    base: String,
    id: String,
}

impl Program {
    async fn register(scene: &Scene) -> Self {
        Self::named(scene, "Pocket Agent").await
    }

    async fn named(scene: &Scene, name: &str) -> Self {
        let body = json!({"client_name": name, "redirect_uris": [REDIRECT]});
        let (status, client) =
            http::post_json(&scene.gateway.url("/oauth/register"), &[], &body).await;
        assert_eq!(status, 201, "{client}");
        let id = client["client_id"].as_str().unwrap().to_owned();
        Self { base: scene.gateway.url(""), id }
    }

    /// The parameters of an authorization request for this endpoint.
    fn parameters(&self, endpoint: &str) -> Vec<(String, String)> {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let resource = format!("{}{endpoint}", self.base);
        [
            ("response_type", "code"),
            ("client_id", &self.id),
            ("redirect_uri", REDIRECT),
            ("state", "s t&te"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("resource", &resource),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }

    /// The authorization request, with these parameters put in; without those
    /// whose value is empty.
    fn path(&self, endpoint: &str, changed: &[(&str, &str)]) -> String {
        let mut all = self.parameters(endpoint);
        all.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        let added = changed.iter().filter(|(_, value)| !value.is_empty());
        all.extend(added.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let all: Vec<(&str, &str)> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        format!("/oauth/authorize?{}", form(&all))
    }

    /// Ana agrees: the address that she is sent back to.
    async fn agreed(&self, endpoint: &str, picks: &[(&str, &str)]) -> String {
        let mut browser = Browser::new(self.base.clone());
        let page = browser.sign_in_at(&self.path(endpoint, &[]), "ana").await;
        self.agree_on(&mut browser, &page, picks).await
    }

    async fn agree_on(
        &self,
        browser: &mut Browser,
        page: &Reply,
        picks: &[(&str, &str)],
    ) -> String {
        let mut fields = vec![("decision", "allow"), ("life", "30")];
        fields.extend(picks);
        let reply = browser.submit(page, &fields).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        reply.header("location").to_owned()
    }

    /// Ana agrees: the code.
    async fn code(&self, endpoint: &str, picks: &[(&str, &str)]) -> String {
        parameter(&self.agreed(endpoint, picks).await, "code").expect("a code")
    }

    /// The token endpoint.
    async fn token(&self, fields: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/oauth/token", self.base);
        let reply = http::ask("POST", &url, &[FORM], form(fields)).await;
        assert_eq!(reply.header("cache-control"), "no-store");
        (reply.status, reply.json())
    }

    async fn redeem(&self, code: &str) -> (u16, Value) {
        self.redeem_with(code, &[]).await
    }

    /// With these fields put in.
    async fn redeem_with(&self, code: &str, changed: &[(&str, &str)]) -> (u16, Value) {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &self.id),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        fields.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
        fields.extend(changed);
        self.token(&fields).await
    }

    /// Signs an agent of ana's in, to the end.
    async fn sign_in(&self, endpoint: &str, picks: &[(&str, &str)]) -> Tokens {
        let code = self.code(endpoint, picks).await;
        let (status, body) = self.redeem(&code).await;
        assert_eq!(status, 200, "{body}");
        Tokens::of(&body)
    }

    async fn refresh(&self, token: &str) -> (u16, Value) {
        let fields =
            [("grant_type", "refresh_token"), ("client_id", &self.id), ("refresh_token", token)];
        self.token(&fields).await
    }
}

#[derive(Debug, Clone)]
struct Tokens {
    access: String,
    refresh: String,
    scope: String,
}

impl Tokens {
    fn of(body: &Value) -> Self {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        Self { access: text("access_token"), refresh: text("refresh_token"), scope: text("scope") }
    }
}

/// Calls a tool over MCP with this token.
async fn call(scene: &Scene, endpoint: &str, token: &str, tool: &str) -> Reply {
    let bearer = format!("Bearer {token}");
    let headers = [JSON, ACCEPT, VERSION, ("authorization", &*bearer)];
    let body = tools_call(tool, json!({}));
    http::ask("POST", &scene.gateway.url(endpoint), &headers, body).await
}

/// Whether the token opens the aggregate endpoint.
async fn opens(scene: &Scene, token: &str) -> bool {
    call(scene, "/mcp", token, "fix__echo").await.status != 401
}

async fn agents(scene: &Scene) -> Vec<Agent> {
    scene.gateway.admin.get("/api/v1/agents?user=ana").await.unwrap()
}

/// The statuses and reasons of the records of sign-ins and changes, newest first.
async fn sign_ins(scene: &Scene) -> Vec<(String, String)> {
    let records = scene.gateway.audit().await;
    let records = records.into_iter().filter(|r| ["sign_in", "config"].contains(&&*r.kind));
    records
        .map(|record| (record.status.unwrap_or_default(), record.reason.unwrap_or_default()))
        .collect()
}
