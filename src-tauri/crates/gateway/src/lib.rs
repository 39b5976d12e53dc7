//! The gateway: listeners, the pipeline of a call, connectors, the audit
//! trail and the admin API.
//!
//! ```text
//! faces (MCP, REST) ──► pipeline::handle_call ──► upstream (stdio, HTTP)
//!                          │      │      │
//!                       decide  audit  vault
//! admin API ──► store (one writer) ──► live snapshot, read by every call
//! ```
//!
//! `pipeline` is where to start reading.

mod accounts;
mod admin;
mod approvals;
mod audit;
mod bounds;
mod catalog;
mod clock;
mod doctor;
mod door;
mod egress;
mod faces;
#[cfg(feature = "seeded-fault")]
mod fault;
mod gateway;
mod listen;
mod live;
#[cfg(feature = "measure")]
pub mod measure;
mod members;
mod mirrored;
mod oauth;
mod outbound;
mod pages;
mod pins;
pub mod pipeline;
mod random;
mod serve;
mod sharing;
mod store;
mod upstream;

pub use admin::{WebView, openapi_json};
pub use agw_vault::{MasterKeySource, Secret};
pub use bounds::Timeouts;
pub use gateway::{ServeError, ServeOptions};
pub use serve::{Running, serve, start};

/// Doors for the fuzz targets to parsers that nobody else may reach.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::{accounts::fuzzing::*, faces::fuzzing::*, oauth::may_return};
}
