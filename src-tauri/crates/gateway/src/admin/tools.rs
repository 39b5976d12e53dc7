//! The tools, all of them or as one caller sees them.

use std::sync::Arc;

use agw_api::Tool;
use agw_core::{AgentCaller, Caller, Subject, may_see};
use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;

use super::{AdminError, Signed};
use crate::{gateway::Gateway, store::rows};

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct As {
    /// `USER` or `USER/AGENT`: only what that caller sees and may call.
    r#as: Option<String>,
}

/// Tools on offer.
#[utoipa::path(
    get, path = "/api/v1/tools", operation_id = "list_tools", tag = "tools", params(As),
    responses((status = 200, body = Vec<Tool>), (status = 404, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Signed,
    query: Result<Query<As>, QueryRejection>,
) -> Result<Json<Vec<Tool>>, AdminError> {
    let Query(As { r#as }) = query?;
    let caller = match r#as {
        None => None,
        Some(name) => Some(caller(&gateway, name).await?),
    };
    let snapshot = gateway.live.snapshot.load();
    let catalog = gateway.live.catalog.load();
    let visible = catalog.by_id.values().filter(|tool| {
        caller.as_ref().is_none_or(|caller| may_see(&snapshot.permissions, caller, &tool.id))
    });
    let tools = visible.map(|tool| Tool {
        id: tool.id.to_string(),
        mcp_name: tool.mcp_name.clone(),
        connection: tool.id.connection().to_string(),
        description: tool.description.clone(),
    });
    Ok(Json(tools.collect()))
}

/// The caller that a name stands for, as its token would make it.
async fn caller(gateway: &Gateway, name: String) -> Result<Caller, AdminError> {
    let subject = gateway.reader.run(move |db| Ok(rows::subject(db, &name))).await??;
    let snapshot = gateway.live.snapshot.load();
    let team = || AdminError::invalid("a team calls nothing itself; name a user or an agent");
    match subject {
        Subject::Team(_) => Err(team()),
        Subject::Agent(agent) => {
            let is = |caller: &Caller| caller.agent.as_ref().is_some_and(|a| a.id == agent);
            let mut callers = snapshot.tokens.values().map(|entry| &entry.caller);
            let found = callers.find(|caller| is(caller));
            found.map(|caller| Caller::clone(caller)).ok_or_else(team)
        }
        Subject::User(user) => {
            let teams = snapshot.teams_of(user);
            Ok(Caller { user, teams, agent: None::<AgentCaller> })
        }
    }
}
