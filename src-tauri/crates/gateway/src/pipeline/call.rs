//! What a face hands in, and what becomes of it on the way.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use agw_api::Receipt;
use agw_core::{
    ApprovalId, Caller, ConnectionName, GrantId, ItemKind, Permit, TokenError, TokenHash,
    ToolEffect, ToolId, ToolName, json, without_tokens,
};
use bytes::Bytes;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    audit::{CallId, Kind, Record, settings::Recording},
    catalog::{Catalog, CatalogTool},
    clock,
    door::Site,
    members::Members,
    pipeline::{ClientSide, Refusal},
    store::snapshot::Snapshot,
};

/// Argument names that a redacted record keeps, and their greatest length.
const SHAPE_KEYS: usize = 32;
const SHAPE_KEY_MAX: usize = 64;
/// Characters of an unknown tool's name that are recorded and repeated.
pub(super) const ASKED_MAX: usize = 200;

/// The way a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    Mcp,
    Rest,
}

impl Face {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mcp => "mcp",
            Self::Rest => "rest",
        }
    }
}

/// The token that came with a request, as far as its form tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Presented {
    Missing,
    Malformed,
    /// And the address that it was shown at.
    Token(TokenHash, Site),
}

impl Presented {
    pub(crate) fn of(site: Site, token: Option<&str>) -> Self {
        match token.map(TokenHash::of) {
            None => Self::Missing,
            Some(Err(TokenError)) => Self::Malformed,
            Some(Ok((_, hash))) => Self::Token(hash, site),
        }
    }
}

/// What is asked of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    CallTool,
    GetPrompt,
    ReadResource,
    /// To hear when a resource changes.
    Subscribe,
    /// To complete an argument of a prompt, or a variable of a template.
    Complete(ItemKind),
}

impl Operation {
    /// What it needs to be granted.
    pub(crate) fn kind(self) -> ItemKind {
        match self {
            Self::CallTool => ItemKind::Tool,
            Self::GetPrompt => ItemKind::Prompt,
            Self::ReadResource | Self::Subscribe => ItemKind::Resource,
            Self::Complete(kind) => kind,
        }
    }

    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::CallTool => "tools/call",
            Self::GetPrompt => "prompts/get",
            Self::ReadResource => "resources/read",
            Self::Subscribe => "resources/subscribe",
            Self::Complete(_) => "completion/complete",
        }
    }

    /// The members of `params`, as JSON without the braces. `arguments` is a
    /// JSON object.
    pub(super) fn params(self, name: &str, arguments: &[u8]) -> Vec<u8> {
        let mut out = String::with_capacity(48 + name.len() + arguments.len());
        match self {
            Self::CallTool | Self::GetPrompt => {
                out.push_str("\"name\":");
                json::write_string(name, &mut out);
                out.push_str(",\"arguments\":");
                let mut out = out.into_bytes();
                out.extend_from_slice(arguments);
                return out;
            }
            Self::ReadResource | Self::Subscribe => {
                out.push_str("\"uri\":");
                json::write_string(name, &mut out);
            }
            Self::Complete(kind) => {
                out.push_str(match kind {
                    ItemKind::Resource => r#""ref":{"type":"ref/resource","uri":"#,
                    ItemKind::Prompt | ItemKind::Tool => r#""ref":{"type":"ref/prompt","name":"#,
                });
                json::write_string(name, &mut out);
                out.push_str("},");
                let mut out = out.into_bytes();
                let inner = arguments.trim_ascii().strip_prefix(b"{");
                out.extend_from_slice(inner.and_then(|a| a.strip_suffix(b"}")).unwrap_or_default());
                return out;
            }
        }
        out.into_bytes()
    }
}

/// The tool as the caller named it.
#[derive(Debug)]
pub(crate) enum Target {
    /// `connection.tool`, over REST.
    Id(String),
    /// A name, or a URI, of the aggregate MCP endpoint.
    McpName(String),
    /// A name, or a URI, of one connection's MCP endpoint.
    Own(ConnectionName, String),
}

/// Arguments that were read strictly. `raw` is forwarded byte for byte.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) raw: Bytes,
    pub(crate) digest: json::Digest,
    /// See [`ArmedRequest::meta`](super::ArmedRequest::meta).
    pub(crate) meta: Bytes,
    /// Redacted: names, types and sizes.
    shape: String,
    carries_token: bool,
}

impl Arguments {
    /// `node` was parsed from `body`; no arguments are `{}`.
    pub(crate) fn read(node: Option<&json::Node<'_>>, body: &Bytes) -> Result<Self, Refusal> {
        let Some(node) = node else {
            return Self::read(Some(&json::parse(b"{}")?), &Bytes::from_static(b"{}"));
        };
        let json::Value::Object(members) = node.value() else {
            return Err(Refusal::InvalidArguments("the arguments must be a JSON object".into()));
        };
        let raw = node.raw().as_bytes();
        let within = body.as_ptr_range().contains(&raw.as_ptr());
        Ok(Self {
            raw: if within { body.slice_ref(raw) } else { Bytes::copy_from_slice(raw) },
            digest: node.digest()?,
            meta: Bytes::new(),
            shape: shape(members.iter().map(|(key, node)| (&**key, node))),
            carries_token: node.contains_token(),
        })
    }
}

impl Arguments {
    /// With what the agent sends in `_meta` for its upstream: all that is not
    /// the protocol's own. No decision looks at it.
    pub(crate) fn with_meta(mut self, meta: Option<&json::Node<'_>>) -> Self {
        if let Some(node) = meta
            && let Some(mut members) = Members::read(node.raw().as_bytes())
        {
            members.keep(|name| !is_reserved(name));
            self.meta = members.inner().into();
            self.carries_token |= node.contains_token();
        }
        self
    }

    /// Without what a person who approves is not shown.
    pub(crate) fn as_shown(&mut self) {
        self.meta.clear();
    }
}

/// Members of `_meta` that are between this gateway and its client (MCP
/// 2026-07-28, basic, `_meta`), and its own.
fn is_reserved(name: &str) -> bool {
    name == "progressToken"
        || name.starts_with("io.modelcontextprotocol/")
        || name.starts_with("dev.aiagentgateway/")
        || name.starts_with("agw/")
}

/// `{"path":"string(23)","edits":"array(2)"}`, members sorted.
fn shape<'a>(members: impl Iterator<Item = (&'a str, &'a json::Node<'a>)>) -> String {
    // A token in the place of a name stays out of the trail.
    let kept = |key: &str| key.len() <= SHAPE_KEY_MAX && without_tokens(key) == key;
    let mut members: Vec<_> = members.filter(|(key, _)| kept(key)).take(SHAPE_KEYS).collect();
    members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let mut out = String::from("{");
    for (at, (key, node)) in members.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        json::write_string(key, &mut out);
        // Writing to a String cannot fail.
        let _ = match node.value() {
            json::Value::Null => write!(out, ":\"null\""),
            json::Value::Bool(_) => write!(out, ":\"boolean\""),
            json::Value::Number(_) => write!(out, ":\"number\""),
            json::Value::String(text) => write!(out, ":\"string({})\"", text.chars().count()),
            json::Value::Array(items) => write!(out, ":\"array({})\"", items.len()),
            json::Value::Object(members) => write!(out, ":\"object({})\"", members.len()),
        };
    }
    out.push('}');
    out
}

/// One call, as every face hands it in.
#[derive(Debug)]
pub(crate) struct InboundCall {
    pub(crate) face: Face,
    pub(crate) presented: Presented,
    pub(crate) operation: Operation,
    pub(crate) target: Target,
    pub(crate) arguments: Arguments,
    pub(crate) client: ClientSide,
    pub(crate) received: Instant,
    /// Fires when the caller takes the call back.
    pub(crate) cancel: CancellationToken,
    /// Fires when the caller has hung up, which is no taking back of what was
    /// forwarded already.
    pub(crate) gone: CancellationToken,
    /// The MCP session that it belongs to, if any.
    pub(crate) session: Option<Arc<str>>,
    /// Told when the call is held for a person.
    pub(crate) held: watch::Sender<Option<ApprovalId>>,
}

/// A call whose tool has an id; whether such a tool exists shows only after
/// the decision.
#[derive(Debug, Clone)]
pub(crate) struct ToolCall {
    pub(crate) operation: Operation,
    pub(crate) id: ToolId,
    pub(crate) tool: Option<Arc<CatalogTool>>,
}

impl Target {
    /// The connection whose own endpoint was called.
    pub(crate) fn endpoint(&self) -> Option<&ConnectionName> {
        match self {
            Self::Own(connection, _) => Some(connection),
            Self::Id(_) | Self::McpName(_) => None,
        }
    }

    /// The tool id that the caller means, as far as the text alone tells. It
    /// is what a refusal repeats, whether or not there is such a tool.
    pub(crate) fn meant(&self, kind: ItemKind) -> String {
        let mark = match kind {
            ItemKind::Tool => "",
            ItemKind::Prompt => "@prompt/",
            ItemKind::Resource => "@resource/",
        };
        let text = match self {
            Self::Id(id) => id.clone(),
            Self::McpName(uri) if kind == ItemKind::Resource => uri.clone(),
            Self::McpName(name) => name.replacen("__", &format!(".{mark}"), 1),
            Self::Own(connection, name) => format!("{connection}.{mark}{name}"),
        };
        // Somebody may have pasted a token in the place of a name.
        without_tokens(&text).chars().take(ASKED_MAX).collect()
    }
}

/// Finds the tool that a name stands for. A name that stands for none is
/// answered like a tool that is not granted, so that nobody learns which is
/// the case. `sees` tells what the caller may know of.
pub(crate) fn resolve_tool(
    catalog: &Catalog,
    operation: Operation,
    target: &Target,
    sees: impl Fn(&ToolId) -> bool,
) -> Result<ToolCall, Refusal> {
    let unknown = || Refusal::NotGranted { reason: "no_such_name" };
    let kind = operation.kind();
    let name = |own: &str| ToolName::of(kind, own);
    let id: ToolId = match target {
        Target::McpName(uri) if kind == ItemKind::Resource => {
            let seen = catalog.by_uri(uri).into_iter().filter(|item| sees(&item.id));
            let mut connections: Vec<_> = seen.map(|item| item.id.connection()).collect();
            connections.dedup();
            match *connections.as_slice() {
                [connection] => ToolId::new(connection.clone(), name(uri).map_err(|_| unknown())?),
                [] => return Err(unknown()),
                _ => return Err(Refusal::AmbiguousUri),
            }
        }
        Target::McpName(name) => {
            let tool = catalog.by_mcp_name(kind, name).ok_or_else(unknown)?;
            let (id, tool) = (tool.id.clone(), Some(Arc::clone(tool)));
            return Ok(ToolCall { operation, id, tool });
        }
        Target::Id(text) => text.parse().map_err(|_| unknown())?,
        Target::Own(connection, own) => {
            ToolId::new(connection.clone(), name(own).map_err(|_| unknown())?)
        }
    };
    if id.tool().kind() != kind {
        return Err(unknown());
    }
    let tool = catalog.by_id.get(&id).cloned();
    Ok(ToolCall { operation, id, tool })
}

/// Checks on the arguments of an allowed call. None of them changes
/// arguments, so none asks for a second decision.
pub(crate) fn guard_request(arguments: &Arguments) -> Result<(), Refusal> {
    // An agent that was talked into sending its token somewhere.
    if arguments.carries_token {
        return Err(Refusal::TokenInArguments);
    }
    Ok(())
}

/// What the trail will say about a call, gathered on the way.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) id: CallId,
    face: Face,
    received: Instant,
    pub(crate) caller: Option<Arc<Caller>>,
    /// See [`Target::meant`].
    pub(crate) meant: String,
    pub(crate) tool: Option<ToolId>,
    digest: Option<json::Digest>,
    shape: Option<String>,
    pub(crate) decision: Option<&'static str>,
    pub(crate) grants: Vec<GrantId>,
    pub(crate) policy_version: Option<u64>,
    /// Held for a person, who may have approved it.
    pub(crate) approval: Option<ApprovalId>,
    /// Whether it took the yes that was said.
    pub(crate) took_yes: bool,
    /// Whether the sub-token is good for so many calls only.
    pub(crate) limited: bool,
    /// Set once an intent is on disk.
    pub(crate) forwarded: bool,
    /// What an admin confirmed that the tool does.
    pub(crate) effect: Option<ToolEffect>,
    /// How often its upstream asked something of the client.
    asked: Option<Arc<AtomicU32>>,
    /// What the tool's records keep, and of that the arguments in clear.
    recording: Option<Arc<Recording>>,
    clear: Option<String>,
    /// For the intent.
    pub(crate) receipt: Option<Receipt>,
}

impl Story {
    pub(crate) fn begin(inbound: &InboundCall) -> Self {
        Self {
            meant: inbound.target.meant(inbound.operation.kind()),
            asked: Some(inbound.client.asked()),
            digest: Some(inbound.arguments.digest),
            shape: Some(inbound.arguments.shape.clone()),
            ..Self::unread(inbound.face, inbound.received)
        }
    }

    /// For the outcome: what passed between upstream and client on the way.
    pub(crate) fn on_the_way(&self) -> Option<String> {
        let asked = self.asked.as_ref().map_or(0, |asked| asked.load(Ordering::Relaxed));
        (asked > 0).then(|| format!("its server asked the client {asked} times"))
    }

    /// Of a request that could not be read as a call.
    pub(crate) fn unread(face: Face, received: Instant) -> Self {
        Self {
            id: CallId::new(),
            face,
            received,
            caller: None,
            meant: String::new(),
            tool: None,
            digest: None,
            shape: None,
            decision: None,
            grants: Vec::new(),
            policy_version: None,
            approval: None,
            took_yes: false,
            limited: false,
            forwarded: false,
            effect: None,
            asked: None,
            recording: None,
            clear: None,
            receipt: None,
        }
    }

    /// The tool is known: what its records say and keep. What is set for a
    /// template is set for the resources that come of it.
    pub(crate) fn about(
        &mut self,
        snapshot: &Snapshot,
        catalog: &Catalog,
        tool: &ToolId,
        arguments: &Arguments,
    ) {
        self.effect = snapshot.permissions.known_effect(tool);
        let recording = |tool: &ToolId| snapshot.recordings.get(tool).cloned();
        self.recording = recording(tool).or_else(|| {
            let mut templates = catalog.templates_of(tool);
            templates.find_map(|template| recording(&template.id))
        });
        let clear = self.recording.as_ref().and_then(|r| r.clear_of(&arguments.raw));
        self.clear = clear.map(|clear| without_tokens(&clear).into_owned());
    }

    pub(crate) fn keeps_bodies(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.bodies)
    }

    pub(crate) fn permitted(&mut self, permit: &Permit) {
        self.decision = Some("allow");
        self.grants = permit.grants().collect();
        self.policy_version = Some(permit.policy_version());
    }

    pub(crate) fn intent(&self) -> Record {
        let mut record = self.record(Kind::Intent, clock::now_ms());
        record.args.clone_from(&self.shape);
        record.clear.clone_from(&self.clear);
        record
    }

    pub(crate) fn outcome(&self) -> Record {
        let mut record = self.record(Kind::Outcome, clock::now_ms());
        if !self.forwarded {
            record.args.clone_from(&self.shape);
            record.clear.clone_from(&self.clear);
        }
        let spent = self.received.elapsed().as_micros();
        record.duration_us = Some(u64::try_from(spent).unwrap_or(u64::MAX));
        record
    }

    fn record(&self, kind: Kind, time: i64) -> Record {
        let mut record = Record::new(kind, time);
        record.call = Some(self.id);
        record.user = self.caller.as_ref().map(|caller| caller.user);
        record.agent = self.caller.as_ref().and_then(|c| c.agent.as_ref()).map(|agent| agent.id);
        record.tool = match &self.tool {
            Some(id) => Some(id.to_string()),
            None => Some(self.meant.clone()).filter(|meant| !meant.is_empty()),
        };
        record.decision = self.decision;
        record.args_digest = self.digest;
        record.grants.clone_from(&self.grants);
        record.policy_version = self.policy_version;
        record.face = Some(self.face.as_str());
        record.approval = self.approval;
        record.limited = self.limited;
        record.effect = self.effect;
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_redacted_to_names_types_and_sizes() {
        let body = Bytes::from_static(
            br#"{"to":"bo@acme.com","n":42,"cc":["a","b"],"body":{"x":1},"ok":true,"z":null}"#,
        );
        let node = json::parse(&body).unwrap();
        let arguments = Arguments::read(Some(&node), &body).unwrap();
        let expected = r#"{"body":"object(1)","cc":"array(2)","n":"number","ok":"boolean","to":"string(11)","z":"null"}"#;
        assert_eq!(arguments.shape, expected);
        assert_eq!(arguments.raw, body);
    }

    #[test]
    fn only_objects_are_arguments_and_none_is_empty() {
        let body = Bytes::from_static(b"[1]");
        let node = json::parse(&body).unwrap();
        assert!(Arguments::read(Some(&node), &body).is_err());
        let none = Arguments::read(None, &Bytes::new()).unwrap();
        assert_eq!(none.raw, "{}");
        let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(none.digest.to_string(), empty);
    }
}
