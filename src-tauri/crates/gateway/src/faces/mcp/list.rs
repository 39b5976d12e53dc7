//! What the caller may use: tools, prompts, resources and their templates,
//! each as its upstream defined it.

use agw_core::may_see;
use axum::{http::StatusCode, response::Response};

use super::{
    Endpoint, Exchange,
    answer::{self, RpcError},
    envelope::Request,
    era::Era,
    search,
};
use crate::{
    catalog::{Catalog, CatalogTool, Listed},
    store::snapshot::Snapshot,
};

impl Exchange {
    pub(super) fn list(&self, request: &Request<'_>, era: Era, listed: Listed) -> Response {
        if request.param("cursor").is_some() {
            let error = RpcError::invalid_params("this list has one page; leave out the cursor");
            return error.with_id(request.id).response(match era {
                Era::Session => StatusCode::OK,
                Era::Stateless => StatusCode::BAD_REQUEST,
            });
        }
        let mut result = format!(r#"{{"{}":["#, listed.member());
        if listed == Listed::Tool && self.search {
            result.push_str(search::DEFINITIONS);
        } else {
            let snapshot = self.gateway.live.snapshot.load();
            let catalog = self.gateway.live.catalog.load();
            let visible = self.visible(&snapshot, &catalog);
            for (at, tool) in visible.filter(|tool| tool.listed == listed).enumerate() {
                if at > 0 {
                    result.push(',');
                }
                tool.write_definition(self.name_of(tool), &mut result);
            }
        }
        result.push(']');
        if era == Era::Stateless {
            result.push_str(r#","resultType":"complete","ttlMs":0,"cacheScope":"private""#);
        }
        result.push('}');
        answer::result(request.id, &result)
    }

    /// What the caller may use at this endpoint.
    pub(super) fn visible<'c>(
        &'c self,
        snapshot: &'c Snapshot,
        catalog: &'c Catalog,
    ) -> impl Iterator<Item = &'c CatalogTool> {
        let now = self.gateway.live.clock.now_ms();
        catalog
            .in_order
            .iter()
            .filter(|tool| match &self.endpoint {
                Endpoint::Aggregate => catalog.has_mcp_name(tool),
                Endpoint::Single(connection) => tool.id.connection() == connection,
            })
            .filter(|tool| snapshot.pins.hold(tool))
            .filter(move |tool| may_see(&snapshot.permissions, &self.caller, &tool.id, now))
            .map(|tool| &**tool)
    }

    /// The name that something has at this endpoint.
    pub(super) fn name_of<'t>(&self, tool: &'t CatalogTool) -> &'t str {
        match &self.endpoint {
            Endpoint::Aggregate => &tool.mcp_name,
            Endpoint::Single(_) => tool.id.tool().own(),
        }
    }
}
