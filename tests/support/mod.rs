//! What the tests share.

pub mod books;
pub mod browser;
pub mod bystander;
pub mod callers;
pub mod chromium;
pub mod cli;
pub mod daemon;
pub mod desktop;
pub mod everything;
pub mod guarded;
pub mod http;
pub mod keychain;
pub mod leaks;
pub mod ledger;
pub mod mcp;
pub mod old_sse;
pub mod parts;
pub mod person;
pub mod process;
pub mod random;
pub mod relay;
pub mod seed;
pub mod shared;
pub mod shim;
pub mod upstream;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use agw_api::{
    AgentCreated, AuditRecord, Client, ClientError, Connection, Grant, SessionCreated,
    SetupResponse, TokenCreated, Transport,
};
use agw_gateway::{MasterKeySource, Running, ServeError, ServeOptions, Timeouts, WebView};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const PASSWORD: &str = "correct horse battery";
/// Short enough to wait for in a test, long enough for a busy machine.
pub const SHORT: Timeouts = Timeouts {
    start: Duration::from_secs(5),
    call: Duration::from_secs(3),
    idle: Duration::from_secs(900),
    certificate: Duration::from_secs(60 * 24 * 3_600),
};

/// A gateway in this process, set up, with a key file.
pub struct InProcess {
    pub dir: TempDir,
    pub admin: Client,
    pub recovery_key: String,
    running: Running,
    timeouts: Timeouts,
    /// The web view that it serves to browsers, if it does.
    view: Option<PathBuf>,
}

impl InProcess {
    /// With time-outs that a test can wait for.
    pub async fn start() -> Self {
        Self::start_with(SHORT).await
    }

    pub async fn start_with(timeouts: Timeouts) -> Self {
        Self::start_serving(timeouts, None).await
    }

    /// With the built web view at its address.
    pub async fn start_with_view(timeouts: Timeouts) -> Self {
        Self::start_serving(timeouts, Some(seed::web_view())).await
    }

    async fn start_serving(timeouts: Timeouts, view: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let running = Self::serve_view(dir.path(), timeouts, view.clone()).await;
        let open = Client::new(dir.path());
        let body = json!({"admin": "root", "password": PASSWORD});
        let setup: SetupResponse = open.post("/api/v1/setup", &body).await.unwrap();
        let admin = Client::new(dir.path()).with_session(setup.session.token);
        Self { dir, admin, recovery_key: setup.recovery_key, running, timeouts, view }
    }

    pub async fn serve(dir: &Path, timeouts: Timeouts) -> Running {
        Self::serve_view(dir, timeouts, None).await
    }

    /// The same with a web view at its address, set up or not.
    pub async fn serve_view(dir: &Path, timeouts: Timeouts, view: Option<PathBuf>) -> Running {
        let options = ServeOptions {
            data_dir: dir.to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            master_key: Some(MasterKeySource::File(dir.join("master.key"))),
            web_view: view.map(WebView::Folder),
            passphrase: None,
            strict_audit: false,
            legacy_sse: false,
        };
        start(options, timeouts).await.unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address())
    }

    /// Stops and starts on the same folder; the admin stays signed in.
    pub async fn restart(self) -> Self {
        self.restart_after(|_| ()).await
    }

    /// The same, with something done to the folder in between.
    pub async fn restart_after(self, work: impl FnOnce(&Path)) -> Self {
        let Self { dir, admin, recovery_key, running, timeouts, view } = self;
        running.stop().await;
        work(dir.path());
        let running = Self::serve_view(dir.path(), timeouts, view.clone()).await;
        Self { dir, admin, recovery_key, running, timeouts, view }
    }

    pub async fn stop(self) -> TempDir {
        self.running.stop().await;
        self.dir
    }

    pub async fn connect_http(
        &self,
        name: &str,
        url: &str,
        headers: &[(&str, &str)],
    ) -> Connection {
        self.connect(name, Transport::Http { url: url.to_owned() }, headers).await
    }

    /// With a sign-in of this kind.
    pub async fn connect_guarded(&self, name: &str, url: &str, sign_in: Value) -> Connection {
        let transport = json!({"kind": "http", "url": url});
        let body = json!({"name": name, "transport": transport, "sign_in": sign_in});
        self.admin.post("/api/v1/connections", &body).await.unwrap()
    }

    pub async fn connect_stdio(
        &self,
        name: &str,
        argv: &[&str],
        env: &[(&str, &str)],
    ) -> Connection {
        let argv = argv.iter().map(|arg| (*arg).to_owned()).collect();
        self.connect(name, Transport::Stdio { argv }, env).await
    }

    async fn connect(
        &self,
        name: &str,
        transport: Transport,
        secrets: &[(&str, &str)],
    ) -> Connection {
        let credentials: Vec<Value> =
            secrets.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let body = json!({"name": name, "transport": transport, "credentials": credentials});
        self.admin.post("/api/v1/connections", &body).await.unwrap()
    }

    pub async fn add_user(&self, name: &str, team: Option<&str>) {
        let body = json!({"name": name, "team": team});
        let _: agw_api::User = self.admin.post("/api/v1/users", &body).await.unwrap();
    }

    /// Adds somebody of this role, and signs them in.
    pub async fn add_person(&self, name: &str, role: &str) -> Client {
        let body = json!({"name": name, "role": role});
        let _: agw_api::User = self.admin.post("/api/v1/users", &body).await.unwrap();
        self.set_password(name).await;
        self.sign_in(name).await
    }

    /// Gives somebody [`PASSWORD`]; whoever was signed in as them is so no more.
    pub async fn set_password(&self, name: &str) {
        let path = format!("/api/v1/users/{name}/password");
        let _: () = self.admin.put(&path, &json!({"password": PASSWORD})).await.unwrap();
    }

    /// One more session of somebody who has [`PASSWORD`].
    pub async fn sign_in(&self, name: &str) -> Client {
        let client = Client::new(self.dir.path());
        let body = json!({"user": name, "password": PASSWORD});
        let session: SessionCreated = client.post("/api/v1/sessions", &body).await.unwrap();
        client.with_session(session.token)
    }

    pub async fn user_token(&self, name: &str) -> String {
        let path = format!("/api/v1/users/{name}/token");
        let created: TokenCreated = self.admin.post(&path, &()).await.unwrap();
        created.token
    }

    pub async fn add_agent(&self, user: &str, name: &str, scope: &[&str]) -> String {
        self.add_agent_with(user, json!({"name": name, "scope": scope})).await
    }

    /// With all that `POST /users/{user}/agents` takes.
    pub async fn add_agent_with(&self, user: &str, body: Value) -> String {
        let path = format!("/api/v1/users/{user}/agents");
        let created: AgentCreated = self.admin.post(&path, &body).await.unwrap();
        created.token
    }

    pub async fn grant(&self, subject: &str, tool: &str, effect: &str) -> Grant {
        self.grant_with(json!({"subject": subject, "tool": tool, "effect": effect})).await
    }

    /// With all that `POST /grants` takes.
    pub async fn grant_with(&self, body: Value) -> Grant {
        self.admin.post("/api/v1/grants", &body).await.unwrap()
    }

    pub async fn revoke(&self, grant: &Grant) {
        self.admin.delete(&format!("/api/v1/grants/{}", grant.id)).await.unwrap();
    }

    pub async fn rest_call(&self, token: &str, tool: &str, args: Value) -> (u16, Value) {
        let body = json!({"tool": tool, "args": args, "token": token});
        http::post_json(&self.url("/mcp/tools/call"), &[], &body).await
    }

    /// The ids of the tools that `GET /mcp/tools` lists.
    pub async fn rest_tools(&self, token: &str) -> Vec<String> {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let reply = http::ask("GET", &self.url("/mcp/tools"), &headers, "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let tools = reply.json()["tools"].as_array().unwrap().clone();
        tools.iter().map(|tool| tool["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Newest first.
    pub async fn audit(&self) -> Vec<AuditRecord> {
        self.admin.records("/api/v1/audit?limit=1000").await.unwrap()
    }
}

/// Starts a gateway on a folder that another one may have left this moment: a
/// child that some test starts has all open files, locks too, until it runs.
pub async fn start(options: ServeOptions, timeouts: Timeouts) -> Result<Running, ServeError> {
    let begun = Instant::now();
    loop {
        let options = ServeOptions {
            data_dir: options.data_dir.clone(),
            master_key: options.master_key.clone(),
            web_view: options.web_view.clone(),
            passphrase: None,
            ..options
        };
        match agw_gateway::start(options, timeouts).await {
            Err(ServeError::AlreadyRunning(_)) if begun.elapsed() < Duration::from_secs(2) => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            started => return started,
        }
    }
}

/// Reading the trail over the admin API.
pub trait Trail {
    /// The records of one page, or of the story of a call.
    async fn records<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError>;
}

impl Trail for Client {
    async fn records<T: DeserializeOwned>(&self, path: &str) -> Result<Vec<T>, ClientError> {
        #[derive(serde::Deserialize)]
        struct Page<T> {
            records: Vec<T>,
        }
        Ok(self.get::<Page<T>>(path).await?.records)
    }
}

/// Asks again and again until it is so, and fails when it never is.
/// Reads on until windows are told to read this again.
pub async fn change_told(events: &mut agw_api::EventStream, wanted: &str) {
    use futures_util::StreamExt as _;

    let told = async {
        loop {
            let event = events.next().await.expect("the stream is open").unwrap();
            if matches!(event, agw_api::Event::Changed { what } if what == wanted) {
                return;
            }
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(30), told).await;
    assert!(told.is_ok(), "nobody is told to read {wanted} again");
}

pub async fn eventually(what: &str, limit: Duration, check: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !check().await {
        assert!(begun.elapsed() < limit, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
