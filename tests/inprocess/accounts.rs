//! Signing in to the systems behind the gateway.

mod badly;
mod lasting;
mod sharing;
mod states;
mod step_up;

use agw_api::{Account, AccountState, ConnectionDetail, ConnectionHealth};
use agw_gateway::Timeouts;
use serde_json::{Value, json};
use std::time::Duration;

use crate::support::{
    InProcess, PASSWORD, SHORT, eventually,
    guarded::Guarded,
    person::{Person, Shown},
};

/// `mail` wants a sign-in; the admin is `root`; `ana` and `bo` are people with
/// an agent each, who may use all of it.
pub struct Post {
    pub gateway: InProcess,
    pub server: Guarded,
    pub ana: String,
    pub bo: String,
}

impl Post {
    pub async fn open(kind: &str) -> Self {
        Self::open_with(json!({"kind": kind}), SHORT).await
    }

    pub async fn open_with(sign_in: Value, timeouts: Timeouts) -> Self {
        let server = Guarded::start().await;
        Self::before(server, sign_in, timeouts).await
    }

    /// With a server that has its manners already.
    pub async fn before(server: Guarded, sign_in: Value, timeouts: Timeouts) -> Self {
        let gateway = InProcess::start_with(timeouts).await;
        gateway.connect_guarded("mail", &server.url(), sign_in).await;
        let mut tokens = Vec::new();
        for name in ["ana", "bo"] {
            gateway.add_user(name, None).await;
            gateway.set_password(name).await;
            tokens.push(gateway.add_agent(name, "claude", &[]).await);
            gateway.grant(name, "mail.*", "allow").await;
        }
        let [ana, bo] = tokens.try_into().unwrap();
        Self { gateway, server, ana, bo }
    }

    pub fn link(&self) -> String {
        self.gateway.url("/accounts/mail")
    }

    /// `user` connects in a browser of their own; the server takes them for
    /// `account`.
    pub async fn connect(&self, user: &str, account: &str) -> Shown {
        self.server.next_is(account);
        Person::default().connect(&self.link(), user, PASSWORD).await
    }

    pub async fn connect_well(&self, user: &str, account: &str) {
        let shown = self.connect(user, account).await;
        assert!(shown.says("is connected"), "{shown:?}");
    }

    /// The tools are listed, whoever was needed for that.
    pub async fn ready(&self) {
        eventually("mail is ready", Duration::from_secs(10), async || {
            self.health().await == ConnectionHealth::Ready
        })
        .await;
    }

    pub async fn health(&self) -> ConnectionHealth {
        self.show().await.connection.health
    }

    pub async fn show(&self) -> ConnectionDetail {
        self.gateway.admin.get("/api/v1/connections/mail").await.unwrap()
    }

    pub async fn call(&self, token: &str) -> (u16, Value) {
        self.gateway.rest_call(token, "mail.send", json!({"to": "x"})).await
    }

    /// A call went through with this account of the server's.
    pub async fn assert_calls_as(&self, token: &str, account: &str) {
        let (status, body) = self.call(token).await;
        assert_eq!(status, 200, "{body}");
        assert!(body.to_string().contains(account), "{body}");
        assert_eq!(self.server.calls().last().unwrap().0, account);
    }

    /// It was refused, and says where to sign in.
    pub async fn assert_wants_sign_in(&self, token: &str, code: &str) -> Value {
        let before = self.server.calls().len();
        let (status, body) = self.call(token).await;
        assert_eq!(status, 502, "{body}");
        assert_eq!(body["code"], code, "{body}");
        let next = body["next"].as_str().unwrap();
        assert!(next.contains(&format!("onnect mail: {}", self.link())), "{body}");
        assert_eq!(self.server.calls().len(), before);
        body
    }

    pub async fn accounts(&self, client: &agw_api::Client) -> Vec<Account> {
        client.get("/api/v1/accounts").await.unwrap()
    }

    pub async fn state(&self) -> AccountState {
        self.accounts(&self.gateway.admin).await[0].state
    }

    /// Nothing was connected, and the page says why.
    pub async fn fails_to_connect(&self, words: &str) {
        let shown = self.connect("root", "x@upstream").await;
        assert!(shown.says("not connected") && shown.says(words), "{words}: {shown:?}");
        assert_eq!(self.state().await, AccountState::NotConnected);
    }
}
