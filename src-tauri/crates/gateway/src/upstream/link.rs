//! An established connection to an upstream, whichever way it is reached.

use std::sync::Arc;

use agw_api::Transport;
use agw_core::ConnectPermit;
use agw_vault::{Secret, Vault};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    pipeline::{self, ArmedRequest},
    store::snapshot::{ConnectionConfig, SealedCredential},
    upstream::{
        HttpClient, UpstreamError, UpstreamReply, http::HttpLink, jsonrpc::Answer, stderr::Tail,
        stdio::StdioLink,
    },
};

/// The revision that upstreams are greeted with; they may answer with an
/// older one.
const PROTOCOL: &str = "2025-11-25";

#[derive(Debug)]
pub(super) enum Link {
    Stdio(StdioLink),
    Http(Box<HttpLink>),
}

/// What a server says about itself when it is greeted.
#[derive(Debug, Clone)]
pub(super) struct Greeting {
    pub(super) server: Option<String>,
    pub(super) protocol: String,
}

impl Link {
    /// Starts or addresses the server. It is not greeted yet. `account` is the
    /// token to list its tools with.
    pub(super) fn open(
        config: &ConnectionConfig,
        vault: Option<&Vault>,
        account: Option<Secret>,
        http: &HttpClient,
        stderr: &Tail,
    ) -> Result<Self, UpstreamError> {
        let mut credentials = open_credentials(config, vault)?;
        credentials.extend(account.map(|token| ("authorization".into(), pipeline::bearer(&token))));
        match &config.transport {
            Transport::Stdio { argv } => {
                StdioLink::spawn(argv, credentials, stderr.clone()).map(Self::Stdio)
            }
            Transport::Http { url } => {
                let link = HttpLink::new(url, credentials, http.clone())?;
                Ok(Self::Http(Box::new(link)))
            }
        }
    }

    pub(super) async fn greet(&self) -> Result<Greeting, UpstreamError> {
        self.say_hello().await.map_err(|error| error.without_secrets(&self.secrets()))
    }

    async fn say_hello(&self) -> Result<Greeting, UpstreamError> {
        match self {
            Self::Stdio(link) => {
                let answer = link.request("initialize", &initialize_params()).await?;
                let greeting = read_greeting(answer)?;
                link.notify("notifications/initialized")?;
                Ok(greeting)
            }
            Self::Http(link) => link.greet().await,
        }
    }

    /// The definitions of all tools, page by page.
    pub(super) async fn list_tools(&self) -> Result<Vec<String>, UpstreamError> {
        self.all_pages().await.map_err(|error| error.without_secrets(&self.secrets()))
    }

    async fn all_pages(&self) -> Result<Vec<String>, UpstreamError> {
        #[derive(Deserialize)]
        struct Page<'a> {
            #[serde(borrow)]
            tools: Vec<&'a RawValue>,
            #[serde(default, rename = "nextCursor")]
            next_cursor: Option<String>,
        }
        let mut definitions = Vec::new();
        let mut params = "{}".to_owned();
        for _ in 0..bounds::TOOL_PAGES_MAX {
            let answer = match self {
                Self::Stdio(link) => link.request("tools/list", &params).await?,
                Self::Http(link) => link.request("tools/list", &params).await?,
            };
            let result = expect_result(answer, "tools/list")?;
            let page: Page<'_> = serde_json::from_slice(&result)
                .map_err(|e| UpstreamError::Malformed(format!("tools/list: {e}")))?;
            definitions.extend(page.tools.iter().map(|tool| tool.get().to_owned()));
            if definitions.len() > bounds::TOOLS_PER_CONNECTION_MAX {
                let limit = bounds::TOOLS_PER_CONNECTION_MAX;
                return Err(UpstreamError::Malformed(format!("it lists more than {limit} tools")));
            }
            let Some(cursor) = page.next_cursor else { return Ok(definitions) };
            params = format!(r#"{{"cursor":{}}}"#, serde_json::Value::String(cursor));
        }
        let limit = bounds::TOOL_PAGES_MAX;
        Err(UpstreamError::Malformed(format!("its list of tools has more than {limit} pages")))
    }

    pub(super) async fn call(
        &self,
        armed: ArmedRequest,
        cancel: &CancellationToken,
    ) -> Result<UpstreamReply, UpstreamError> {
        let (answer, secrets) = match self {
            Self::Stdio(link) => (link.call(&armed, cancel).await, link.secrets()),
            Self::Http(link) => (link.call(&armed, cancel).await, Arc::clone(armed.secrets())),
        };
        Ok(match answer.map_err(|error| error.without_secrets(&secrets))? {
            Answer::Result(json) => UpstreamReply::Result { json, secrets },
            Answer::Error(json) => UpstreamReply::RpcError { json, secrets },
        })
    }

    fn secrets(&self) -> Arc<[Secret]> {
        match self {
            Self::Stdio(link) => link.secrets(),
            Self::Http(link) => link.secrets(),
        }
    }

    /// Returns when the link can no longer be used, with the reason.
    pub(super) async fn closed(&self) -> String {
        match self {
            Self::Stdio(link) => link.closed().await,
            Self::Http(link) => link.broken().await,
        }
    }

    /// Returns when the server says that its tools have changed.
    pub(super) async fn tools_changed(&self) {
        match self {
            Self::Stdio(link) => link.tools_changed().await,
            // Its notifications come over a stream that is not opened yet.
            Self::Http(_) => std::future::pending().await,
        }
    }

    /// Ends a child process with its tree.
    pub(super) async fn stop(&self) {
        if let Self::Stdio(link) = self {
            link.stop().await;
        }
    }
}

/// Opens all credentials of a connection, to start it.
fn open_credentials(
    config: &ConnectionConfig,
    vault: Option<&Vault>,
) -> Result<Vec<(String, Secret)>, UpstreamError> {
    let permit = ConnectPermit::new(config.id);
    let open = |credential: &SealedCredential| {
        let vault = vault.ok_or_else(|| UpstreamError::NotReady("the gateway is sealed".into()))?;
        let secret = vault
            .open_to_connect(&permit, &config.place(credential), &credential.sealed)
            .map_err(|e| UpstreamError::NotReady(format!("credential {}: {e}", credential.name)))?;
        Ok((credential.name.clone(), secret))
    };
    config.credentials.iter().map(open).collect()
}

pub(super) fn initialize_params() -> String {
    format!(
        r#"{{"protocolVersion":"{PROTOCOL}","capabilities":{{}},"clientInfo":{{"name":"ai-agent-gateway","version":"{}"}}}}"#,
        env!("CARGO_PKG_VERSION")
    )
}

pub(super) fn read_greeting(answer: Answer) -> Result<Greeting, UpstreamError> {
    #[derive(Deserialize)]
    struct Initialized {
        #[serde(rename = "protocolVersion")]
        protocol_version: String,
        #[serde(default, rename = "serverInfo")]
        server_info: Option<ServerInfo>,
    }
    #[derive(Deserialize)]
    struct ServerInfo {
        name: String,
        version: String,
    }
    let result = expect_result(answer, "initialize")?;
    let initialized: Initialized = serde_json::from_slice(&result)
        .map_err(|e| UpstreamError::Malformed(format!("initialize: {e}")))?;
    Ok(Greeting {
        server: initialized.server_info.map(|info| format!("{} {}", info.name, info.version)),
        protocol: initialized.protocol_version,
    })
}

fn expect_result(answer: Answer, method: &str) -> Result<bytes::Bytes, UpstreamError> {
    match answer {
        Answer::Result(json) => Ok(json),
        Answer::Error(json) => {
            let text = String::from_utf8_lossy(json.get(..300).unwrap_or(&json)).into_owned();
            Err(UpstreamError::Malformed(format!("it refused {method}: {text}")))
        }
    }
}
