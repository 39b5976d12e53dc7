//! The tools: all of them or as one caller sees them, and what they do.

use std::{collections::HashMap, sync::Arc};

use agw_api::{
    AcceptDefinition, ConfirmEffect, Definition, PinnedDefinition, Role, Tool, ToolDetail,
    ToolEffect, ToolKind, ToolReview, codes,
};
use agw_core::{Caller, ItemKind, Subject, ToolId, json::Digest, may_see};
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{JsonRejection, QueryRejection},
    },
};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;

use super::{Admin, AdminError, Reader, Signed, coverage};
use crate::{
    audit::{Record, record::rfc3339},
    catalog::{CatalogTool, Listed},
    clock,
    gateway::Gateway,
    pins,
    store::{StoreError, rows, snapshot::Snapshot, writer::Change},
};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct As {
    /// `USER` or `USER/AGENT`: only what that caller sees and may call.
    r#as: Option<String>,
}

/// Tools, prompts and resources on offer; for a member, those that they may use.
#[utoipa::path(
    get, path = "/api/v1/tools", operation_id = "list_tools", tag = "tools", params(As),
    responses((status = 200, body = Vec<Tool>), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    query: Result<Query<As>, QueryRejection>,
) -> Result<Json<Vec<Tool>>, AdminError> {
    let Query(As { r#as }) = query?;
    let caller = match r#as {
        None if signed.role == Role::Member => {
            Some(gateway.live.snapshot.load().caller(signed.user, None))
        }
        None => None,
        Some(name) => Some(caller(&gateway, &signed, name).await?),
    };
    let snapshot = gateway.live.snapshot.load();
    let now = gateway.live.clock.now_ms();
    let tools = gateway.live.catalog.load_full();
    let visible = tools
        .by_id
        .values()
        .filter(|tool| caller.as_ref().is_none_or(|caller| sees(&snapshot, caller, tool, now)));
    Ok(Json(described(&gateway, visible.map(Arc::clone).collect()).await?))
}

/// One tool, with the schema of its arguments.
#[utoipa::path(
    get, path = "/api/v1/tools/{id}", operation_id = "show_tool", tag = "tools",
    params(("id" = String, Path)),
    responses((status = 200, body = ToolDetail), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn show(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Json<ToolDetail>, AdminError> {
    let tool = find(&gateway, &id)?;
    let snapshot = gateway.live.snapshot.load_full();
    let now = gateway.live.clock.now_ms();
    let caller = snapshot.caller(signed.user, None);
    if signed.role == Role::Member && !sees(&snapshot, &caller, &tool, now) {
        return Err(unknown(&id));
    }
    let input_schema = serde_json::from_str(&tool.input_schema).unwrap_or_default();
    let known = tool.id.clone();
    let tool = described(&gateway, vec![tool]).await?.pop().ok_or_else(|| unknown(&id))?;
    let recording = snapshot.recordings.get(&known).map(|recording| super::audit::shown(recording));
    let recording = recording.unwrap_or_default();
    Ok(Json(ToolDetail { tool, input_schema, recording }))
}

/// Say what a tool does to the system behind it. Only that makes grants for an
/// effect match it: what its server says is a suggestion.
#[utoipa::path(
    put, path = "/api/v1/tools/{id}/effect", operation_id = "confirm_effect", tag = "tools",
    params(("id" = String, Path)), request_body = ConfirmEffect,
    responses(
        (status = 200, body = Tool),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn confirm_effect(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(id): Path<String>,
    body: Result<Json<ConfirmEffect>, JsonRejection>,
) -> Result<Json<Tool>, AdminError> {
    let Json(ConfirmEffect { effect, version }) = body?;
    let tool = find(&gateway, &id)?;
    if tool.id.tool().kind() != ItemKind::Tool {
        let message =
            format!("{id} is a {} and so is read: that cannot be set", tool.listed.as_str());
        let next = "grants for `read` match it; `agw effect` is for tools";
        return Err(AdminError::new(codes::INVALID, message, next));
    }
    let (connection, name) = (tool.connection.get(), tool.id.tool().to_string());
    let (at_hand, wanted) = (Arc::clone(&gateway), Arc::clone(&tool));
    gateway
        .writer
        .change(move |change| {
            let actual: Option<u64> = change
                .db
                .query_row(
                    "SELECT version FROM tool_effects WHERE connection = ?1 AND tool = ?2",
                    params![connection, name],
                    |row| row.get(0),
                )
                .optional()?;
            let actual = actual.unwrap_or(0);
            if version != actual {
                let snapshot = at_hand.live.snapshot.load();
                let current = describe(change.db, &snapshot, vec![wanted])?.pop();
                rows::check_version(Some(version), actual, "what the tool does", &current)?;
            }
            change.db.execute(
                "INSERT INTO tool_effects (connection, tool, effect) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET effect = ?3, version = version + 1",
                params![connection, name, effect.map(word)],
            )?;
            let detail = format!("{id}: {}", effect.map_or("not known, counts as write", word));
            let record = Record::config(clock::now_ms(), admin.user, "effect_confirmed", detail);
            change.audit(record);
            Ok::<_, AdminError>(())
        })
        .await?;
    let tool = described(&gateway, vec![tool]).await?.pop();
    Ok(Json(tool.ok_or_else(|| AdminError::internal("the tool is gone"))?))
}

/// A tool's definition as it was granted and as it is now.
#[utoipa::path(
    get, path = "/api/v1/tools/{id}/review", operation_id = "review_tool", tag = "tools",
    params(("id" = String, Path)),
    responses((status = 200, body = ToolReview), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn review(
    State(gateway): State<Arc<Gateway>>,
    _reader: Reader,
    Path(id): Path<String>,
) -> Result<Json<ToolReview>, AdminError> {
    let tool = find(&gateway, &id)?;
    Ok(Json(gateway.reader.run(move |db| reviewed(db, &tool)).await?))
}

/// Accept the definition that a tool has now, which from then on is the one
/// that it must have. What an admin confirmed that it does was said of another
/// definition: `read` is taken back.
#[utoipa::path(
    post, path = "/api/v1/tools/{id}/accept", operation_id = "accept_definition", tag = "tools",
    params(("id" = String, Path)), request_body = AcceptDefinition,
    responses(
        (status = 200, body = Tool),
        (status = 404, body = agw_api::ErrorBody),
        (status = 409, body = agw_api::ErrorBody),
        (status = 422, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn accept(
    State(gateway): State<Arc<Gateway>>,
    admin: Admin,
    Path(id): Path<String>,
    body: Result<Json<AcceptDefinition>, JsonRejection>,
) -> Result<Json<Tool>, AdminError> {
    let Json(AcceptDefinition { hash }) = body?;
    let at_hand = Arc::clone(&gateway);
    let tool = gateway
        .writer
        .change(move |change| {
            let tool = find(&at_hand, &id)?;
            let pinned = pins::kept(change.db, &tool)?.map(|kept| kept.digest);
            if tool.digest.to_string() != hash {
                let now = reviewed(change.db, &tool)?;
                let error = AdminError::new(
                    codes::STALE,
                    "the tool's definition is another one by now",
                    "look at it as it is now and decide again",
                );
                let current = serde_json::to_value(now).ok().map(Box::new);
                return Err(AdminError { current, ..error });
            }
            match pinned {
                None => {
                    let message = format!("{id} was never granted, so no definition is held of it");
                    let next = "nothing is to be done: it is pinned when it is granted";
                    Err(AdminError::new(codes::INVALID, message, next))
                }
                Some(pinned) if pinned == tool.digest => Ok(tool),
                Some(pinned) => {
                    take(change, &tool, pinned, &admin)?;
                    Ok(tool)
                }
            }
        })
        .await?;
    let tool = described(&gateway, vec![tool]).await?.pop();
    Ok(Json(tool.ok_or_else(|| AdminError::internal("the tool is gone"))?))
}

/// Makes the definition of now the pinned one.
fn take(
    change: &Change<'_>,
    tool: &CatalogTool,
    pinned: Digest,
    admin: &Admin,
) -> Result<(), AdminError> {
    let now = clock::now_ms();
    pins::put(change.db, tool, Some(admin.user.get()), now)?;
    // A tool that was harmless as it was may not be so any more. The other
    // effects stay: they are no weaker than what counts when nobody says.
    let taken_back = change.db.execute(
        "UPDATE tool_effects SET effect = NULL, version = version + 1
         WHERE connection = ?1 AND tool = ?2 AND effect = 'read'",
        params![tool.connection.get(), tool.id.tool().as_str()],
    )?;
    let effect = if taken_back > 0 { "; it is no longer confirmed that it reads only" } else { "" };
    let detail = format!("{}: {} instead of {pinned}{effect}", tool.id, tool.digest);
    change.audit(Record::config(now, admin.user, "definition_accepted", detail));
    Ok(())
}

fn reviewed(db: &Connection, tool: &CatalogTool) -> Result<ToolReview, StoreError> {
    let kept = pins::kept(db, tool)?;
    let changed = kept.as_ref().is_some_and(|kept| kept.digest != tool.digest);
    let changed_at = kept.as_ref().and_then(|kept| kept.changed_at).filter(|_| changed);
    let pinned = kept.map(|kept| PinnedDefinition {
        definition: Definition { hash: kept.digest.to_string(), definition: kept.definition },
        pinned_at: rfc3339(kept.at),
        accepted_by: kept.by,
    });
    let current = Definition {
        hash: tool.digest.to_string(),
        definition: tool.canonical().map_err(|e| StoreError::Damaged(e.to_string()))?,
    };
    let id = tool.id.to_string();
    Ok(ToolReview { id, changed, changed_at: changed_at.map(rfc3339), pinned, current })
}

/// Whether a caller's list of tools names it.
fn sees(snapshot: &Snapshot, caller: &Caller, tool: &CatalogTool, now: i64) -> bool {
    snapshot.pins.hold(tool) && may_see(&snapshot.permissions, caller, &tool.id, now)
}

pub(super) fn find(gateway: &Gateway, id: &str) -> Result<Arc<CatalogTool>, AdminError> {
    let parsed: Option<ToolId> = id.parse().ok();
    let catalog = gateway.live.catalog.load();
    parsed.and_then(|id| catalog.by_id.get(&id).cloned()).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> AdminError {
    AdminError::new(codes::NOT_FOUND, format!("there is no tool {id:?}"), "see `agw tools`")
}

fn word(effect: ToolEffect) -> &'static str {
    core(effect).as_str()
}

fn core(effect: ToolEffect) -> agw_core::ToolEffect {
    match effect {
        ToolEffect::Read => agw_core::ToolEffect::Read,
        ToolEffect::Write => agw_core::ToolEffect::Write,
        ToolEffect::Destructive => agw_core::ToolEffect::Destructive,
    }
}

fn kind(listed: Listed) -> ToolKind {
    match listed {
        Listed::Tool => ToolKind::Tool,
        Listed::Prompt => ToolKind::Prompt,
        Listed::Resource => ToolKind::Resource,
        Listed::Template => ToolKind::Template,
    }
}

fn shown(effect: agw_core::ToolEffect) -> ToolEffect {
    match effect {
        agw_core::ToolEffect::Read => ToolEffect::Read,
        agw_core::ToolEffect::Write => ToolEffect::Write,
        agw_core::ToolEffect::Destructive => ToolEffect::Destructive,
    }
}

/// Tools with what the database knows of them.
async fn described(
    gateway: &Gateway,
    tools: Vec<Arc<CatalogTool>>,
) -> Result<Vec<Tool>, AdminError> {
    let snapshot = gateway.live.snapshot.load_full();
    Ok(gateway.reader.run(move |db| describe(db, &snapshot, tools)).await?)
}

fn describe(
    db: &Connection,
    snapshot: &Snapshot,
    tools: Vec<Arc<CatalogTool>>,
) -> Result<Vec<Tool>, StoreError> {
    let mut select =
        db.prepare_cached("SELECT connection, tool, effect, version FROM tool_effects")?;
    let rows = select.query_and_then([], |row| {
        let effect: Option<String> = row.get("effect")?;
        let effect = effect.map(|text| text.parse()).transpose();
        let effect: Option<agw_core::ToolEffect> =
            effect.map_err(|e: agw_core::NameError| StoreError::Damaged(e.to_string()))?;
        let key = (row.get::<_, u64>("connection")?, row.get::<_, String>("tool")?);
        Ok::<_, StoreError>((key, (effect, row.get::<_, u64>("version")?)))
    })?;
    let confirmed: HashMap<_, _> = rows.collect::<Result<_, _>>()?;
    let (seen, now) = (coverage::seen(db)?, clock::now_ms());
    let describe = |tool: Arc<CatalogTool>| {
        let key = (tool.connection.get(), tool.id.tool().as_str().to_owned());
        let (effect, effect_version) = match tool.id.tool().kind() {
            ItemKind::Tool => confirmed.get(&key).copied().unwrap_or_default(),
            ItemKind::Prompt | ItemKind::Resource => (Some(agw_core::ToolEffect::Read), 0),
        };
        Tool {
            id: tool.id.to_string(),
            kind: kind(tool.listed),
            grant_as: tool.grantable(),
            mcp_name: tool.mcp_name.clone(),
            connection: tool.id.connection().to_string(),
            description: tool.description.clone(),
            effect: effect.map(shown),
            suggested_effect: tool.suggested.map(shown),
            effect_version,
            first_seen_at: coverage::first_seen(&seen, &tool).map(rfc3339).unwrap_or_default(),
            granted: snapshot.permissions.grants_anybody(&tool.id, now),
            changed: snapshot.pins.keep_back(&tool),
        }
    };
    Ok(tools.into_iter().map(describe).collect())
}

/// The caller that a name stands for, as its token would make it; for a
/// member, one of their own.
pub(super) async fn caller(
    gateway: &Gateway,
    signed: &Signed,
    name: String,
) -> Result<Caller, AdminError> {
    let missing = || AdminError::not_found("user or agent", &name, "see `agw agent list`");
    let wanted = name.clone();
    let subject = gateway.reader.run(move |db| Ok(rows::subject(db, &wanted))).await?;
    // What somebody may not see is not there.
    let whose = |user| if signed.sees(user) { Ok(user) } else { Err(missing()) };
    let snapshot = gateway.live.snapshot.load();
    match subject {
        Err(_) if signed.role == Role::Member => Err(missing()),
        Err(error) => Err(error),
        Ok(Subject::Team(_)) => {
            Err(AdminError::invalid("a team calls nothing itself; name a user or an agent"))
        }
        Ok(Subject::User(user)) => Ok(snapshot.caller(whose(user)?, None)),
        Ok(Subject::Agent(agent)) => {
            let owner = snapshot.agents.get(&agent).map(|agent| agent.user).ok_or_else(missing)?;
            Ok(snapshot.caller(whose(owner)?, Some(agent)))
        }
    }
}
