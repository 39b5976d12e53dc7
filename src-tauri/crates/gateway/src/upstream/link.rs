//! An established connection to an upstream, whichever way it is reached.

use std::{sync::Arc, time::Duration};

use agw_api::Transport;
use agw_core::{AgentId, ConnectPermit, UserId, json, json::write_string};
use agw_vault::{Secret, Vault};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    bounds,
    catalog::{Definitions, Listed},
    mirrored,
    outbound::HttpClient,
    pipeline::{self, ArmedRequest, Era, Operation},
    store::snapshot::{ConnectionConfig, SealedCredential},
    upstream::{
        UpstreamError, UpstreamReply,
        dialect::{self, Announced, Greeting},
        ear::{Ear, Owner},
        http::{Access, Site, check_url},
        jsonrpc::Answer,
        life::Life,
        log::Log,
        old_sse::OldSse,
        rounds::{self, Round},
        stdio::Program,
        streamable::{self, HttpLink, Parts},
        subscriptions::Subscriptions,
        talk::{Patience, Talk},
        wires::{Crowd, Server, Wires},
    },
};

/// JSON-RPC: there is no such method.
const NO_METHOD: i64 = -32_601;

#[derive(Debug)]
pub(super) struct Link {
    over: Over,
    pub(super) announced: Announced,
    ear: Ear,
}

#[derive(Debug)]
enum Over {
    Wires(Box<Wires>),
    Http(Arc<HttpLink>),
}

/// What a link is made from.
pub(super) struct Setting<'s> {
    pub(super) config: &'s ConnectionConfig,
    pub(super) vault: Option<&'s Vault>,
    /// The token of the account to list tools with.
    pub(super) account: Option<Secret>,
    pub(super) http: &'s HttpClient,
    pub(super) log: &'s Log,
    pub(super) ear: Ear,
    pub(super) life: &'s Life,
    /// How the server spoke when it was last greeted.
    pub(super) known: Option<Era>,
    pub(super) crowd: &'s Arc<Crowd>,
    /// What is watched, from one link to the next.
    pub(super) subscriptions: &'s Arc<Subscriptions>,
    /// How long finding that out may take.
    pub(super) probe: Duration,
    /// How long a wire is kept that nobody uses.
    pub(super) idle: Duration,
}

impl Link {
    /// Starts or addresses the server, finds out how it speaks, and greets it.
    pub(super) async fn connect(
        mut setting: Setting<'_>,
    ) -> Result<(Self, Greeting), UpstreamError> {
        let mut credentials = open_credentials(setting.config, setting.vault)?;
        let account = setting.account.take();
        credentials.extend(account.map(|token| ("authorization".into(), pipeline::bearer(&token))));
        let ear = setting.ear.clone();
        let (over, greeting) = match &setting.config.transport {
            Transport::Stdio { argv } => {
                let (env, secrets): (Vec<_>, Vec<_>) = credentials.into_iter().unzip();
                let secrets: Arc<[Secret]> = secrets.into();
                let log = setting.log.clone();
                let program =
                    Program { argv: argv.clone(), env, secrets: Arc::clone(&secrets), log };
                let connected = Wires::start(Server::Program(program), &setting).await;
                let (wires, greeting) = connected.map_err(|e| e.without_secrets(&secrets))?;
                (Over::Wires(Box::new(wires)), greeting)
            }
            Transport::Http { url } => {
                let parts = parts(url, credentials, &setting)?;
                let secrets = Arc::clone(&parts.access.secrets);
                let connected = over_http(parts, &setting).await;
                connected.map_err(|error| error.without_secrets(&secrets))?
            }
        };
        Ok((Self { over, announced: greeting.announced, ear }, greeting))
    }

    /// For calls alone, which go with accounts of their own: the server wants
    /// one before it says anything.
    pub(super) fn unlisted(setting: &Setting<'_>) -> Result<Arc<Self>, UpstreamError> {
        let Transport::Http { url } = &setting.config.transport else {
            return Err(UpstreamError::NotReady("a program has no account".into()));
        };
        let credentials = open_credentials(setting.config, setting.vault)?;
        let era = setting.known.unwrap_or(Era::Session);
        let link = HttpLink::ungreeted(parts(url, credentials, setting)?, era);
        let over = Over::Http(link);
        Ok(Arc::new(Self { over, announced: Announced::default(), ear: setting.ear.clone() }))
    }

    /// The definitions of all that it lists, page by page.
    pub(super) async fn list(&self) -> Result<Definitions, UpstreamError> {
        let mut all = Vec::new();
        for listed in Listed::ALL {
            if self.announced.lists(listed) {
                let definitions = self.all_pages(listed).await;
                let definitions =
                    definitions.map_err(|error| error.without_secrets(self.secrets()))?;
                all.extend(definitions.into_iter().map(|definition| (listed, definition)));
            }
        }
        if let Over::Http(link) = &self.over
            && link.era() == Era::Stateless
        {
            all.retain(|(listed, definition)| {
                *listed != Listed::Tool || can_be_mirrored(definition)
            });
        }
        Ok(Definitions(all))
    }

    async fn all_pages(&self, listed: Listed) -> Result<Vec<String>, UpstreamError> {
        let method = listed.method();
        let mut definitions = Vec::new();
        let mut members = String::new();
        let mut bytes = 0;
        for _ in 0..bounds::TOOL_PAGES_MAX {
            let answer = match &self.over {
                Over::Wires(wires) => wires.request(method, &members).await?,
                Over::Http(link) => link.request(method, &members).await?,
            };
            // Few servers that have resources have templates, too.
            if let Answer::Error(error) = &answer
                && (listed != Listed::Tool || !self.announced.tools)
                && dialect::error_code(error) == Some(NO_METHOD)
            {
                return Ok(definitions);
            }
            let result = dialect::expect_result(answer, method)?;
            bytes += result.len();
            if bytes > bounds::LIST_MAX {
                return Err(UpstreamError::TooLarge(bounds::LIST_MAX));
            }
            let (page, next) = dialect::read_page(&result, listed)?;
            definitions.extend(page);
            let limit = bounds::TOOLS_PER_CONNECTION_MAX;
            if definitions.len() > limit {
                let what = listed.member();
                return Err(UpstreamError::Malformed(format!("it lists more than {limit} {what}")));
            }
            let Some(cursor) = next else { return Ok(definitions) };
            members = r#""cursor":"#.to_owned();
            write_string(&cursor, &mut members);
        }
        let (limit, what) = (bounds::TOOL_PAGES_MAX, listed.member());
        Err(UpstreamError::Malformed(format!("its list of {what} has more than {limit} pages")))
    }

    /// Forwards a call and sees it to its end, over as many rounds as that
    /// takes.
    pub(super) async fn call(
        &self,
        armed: ArmedRequest,
        patience: Arc<Patience>,
        cancel: &CancellationToken,
    ) -> Result<UpstreamReply, UpstreamError> {
        let secrets = match &self.over {
            Over::Wires(wires) => wires.secrets_of(&armed),
            Over::Http(_) => Arc::clone(armed.secrets()),
        };
        let talk = Arc::new(Talk::new(armed, Arc::clone(&secrets), patience));
        let answer = match talk.armed.operation() {
            Operation::Subscribe => self.subscribe(&talk, cancel).await,
            _ => self.rounds(&talk, cancel).await,
        };
        Ok(match answer.map_err(|error| error.without_secrets(&secrets))? {
            Answer::Result(json) => UpstreamReply::Result { json, secrets },
            Answer::Error(json) => UpstreamReply::RpcError { json, secrets },
        })
    }

    async fn rounds(
        &self,
        talk: &Arc<Talk>,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let mut again = String::new();
        for round in 0..bounds::ROUNDS_PER_CALL {
            if round > 0 {
                // Somebody was waited for.
                talk.armed.still_allowed()?;
            }
            let (era, answer) = match &self.over {
                Over::Wires(wires) => (wires.era(), wires.call(talk, &again, cancel).await?),
                Over::Http(link) => (link.era(), link.call(talk, &again, cancel).await?),
            };
            let next = tokio::select! {
                next = rounds::after(talk, era, answer) => next?,
                () = cancel.cancelled() => return Err(UpstreamError::Cancelled),
            };
            match next {
                Round::Last(answer) => return Ok(answer),
                Round::Again(members) => again = members,
            }
        }
        let limit = bounds::ROUNDS_PER_CALL;
        Err(UpstreamError::Malformed(format!("it wanted something {limit} times over")))
    }

    /// Has a resource watched, and remembers for whom.
    async fn subscribe(
        &self,
        talk: &Arc<Talk>,
        cancel: &CancellationToken,
    ) -> Result<Answer, UpstreamError> {
        let (owner, armed) = (Owner::of(&talk.armed), &talk.armed);
        let (era, subscriptions) = match &self.over {
            Over::Wires(wires) => (wires.era(), &wires.subscriptions),
            Over::Http(link) => (link.era(), &link.subscriptions),
        };
        if era == Era::Session {
            let answer = self.rounds(talk, cancel).await?;
            if matches!(answer, Answer::Error(_)) {
                return Ok(answer);
            }
        }
        subscriptions.add(&owner, armed)?;
        match (&self.over, era) {
            (Over::Wires(wires), Era::Stateless) => wires.subscribed(talk).await?,
            (Over::Wires(_), Era::Session) => {}
            (Over::Http(link), _) => link.subscribed(&owner),
        }
        Ok(Answer::Result(Bytes::from_static(b"{}")))
    }

    /// Watches again what was watched over the link before this one.
    pub(super) async fn resume(&self) {
        let subscriptions = match &self.over {
            Over::Wires(wires) => &wires.subscriptions,
            Over::Http(link) => &link.subscriptions,
        };
        for (owner, access) in subscriptions.owners() {
            match &self.over {
                Over::Wires(wires) => wires.resume(&owner, access).await,
                Over::Http(link) => link.resume(&owner, access).await,
            }
        }
    }

    /// Nobody watches that resource any more.
    pub(super) fn unsubscribed(&self, owner: &Owner, uri: &str) {
        match &self.over {
            Over::Wires(wires) => wires.unsubscribed(owner, uri),
            Over::Http(link) => link.unsubscribed(owner, uri),
        }
    }

    /// Ends the sessions and children of those who are gone, and what nobody
    /// has used for long. `stays` tells of a user and an agent of theirs.
    pub(super) fn sweep(&self, stays: impl Fn(UserId, Option<AgentId>) -> bool) {
        let of = |owner: &Owner| stays(owner.user, owner.agent);
        match &self.over {
            Over::Wires(wires) => {
                wires.subscriptions.retain(&stays);
                wires.sweep(of);
            }
            Over::Http(link) => {
                link.subscriptions.retain(&stays);
                link.sweep(of);
            }
        }
    }

    fn secrets(&self) -> &Arc<[Secret]> {
        match &self.over {
            Over::Wires(wires) => wires.own_secrets(),
            Over::Http(link) => &link.access.secrets,
        }
    }

    /// Returns when the link can no longer be used, with the reason.
    pub(super) async fn closed(&self) -> String {
        match &self.over {
            Over::Wires(wires) => wires.closed().await,
            Over::Http(link) => link.broken().await,
        }
    }

    /// Returns when the server says that one of its lists has changed.
    pub(super) async fn lists_changed(&self) {
        self.ear.lists_changed.notified().await;
    }
}

fn can_be_mirrored(definition: &str) -> bool {
    if !mirrored::may_have_marks(definition) {
        return true;
    }
    // What cannot be read is refused elsewhere, with a reason.
    let Ok(node) = json::parse(definition.as_bytes()) else { return true };
    let Some(schema) = node.get("inputSchema") else { return true };
    let checked = mirrored::check(schema);
    if let Err(error) = &checked {
        let name = node.get("name").and_then(|name| name.as_str()).unwrap_or("?");
        tracing::warn!(tool = name, %error, "a tool is left out");
    }
    checked.is_ok()
}

fn parts(
    url: &str,
    credentials: Vec<(String, Secret)>,
    setting: &Setting<'_>,
) -> Result<Parts, UpstreamError> {
    let uri = check_url(url).map_err(UpstreamError::NotReady)?;
    let header = |(name, secret): &(String, Secret)| {
        pipeline::header(name, secret)
            .map_err(|_| UpstreamError::NotReady(format!("credential {name} is no valid header")))
    };
    Ok(Parts {
        site: Site { uri, client: setting.http.clone() },
        access: Access {
            headers: credentials.iter().map(header).collect::<Result<_, _>>()?,
            secrets: credentials.into_iter().map(|(_, secret)| secret).collect(),
        },
        subscriptions: Arc::clone(setting.subscriptions),
        ear: setting.ear.clone(),
        life: setting.life.clone(),
    })
}

async fn over_http(parts: Parts, setting: &Setting<'_>) -> Result<(Over, Greeting), UpstreamError> {
    if setting.known != Some(Era::Session) {
        // A server that does not answer is one of the older era.
        let probed = tokio::time::timeout(setting.probe, streamable::probe(&parts)).await;
        if let Some(greeting) = probed.ok().transpose()?.flatten() {
            let link = HttpLink::stateless(parts, greeting.announced);
            return Ok((Over::Http(link), greeting));
        }
    }
    let old = OldSse { site: parts.site.clone(), access: parts.access.clone() };
    match HttpLink::greet(parts).await {
        Ok((link, greeting)) => Ok((Over::Http(link), greeting)),
        // As those of 2024-11-05 answer a POST to where their stream is.
        Err(error @ UpstreamError::Status(400 | 404 | 405)) => {
            let started = Wires::start(Server::Sse(Box::new(old)), setting).await;
            // What the URL says to a plain greeting is the more telling.
            let (wires, greeting) = started.map_err(|second| match second {
                UpstreamError::Status(_) | UpstreamError::Malformed(_) => error,
                second => second,
            })?;
            Ok((Over::Wires(Box::new(wires)), greeting))
        }
        Err(error) => Err(error),
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
