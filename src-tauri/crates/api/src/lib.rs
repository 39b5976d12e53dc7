//! The admin API: what the window, the command line and a browser say to the
//! gateway.
//!
//! The types here are the wire form; `openapi.json` beside this crate is
//! generated from them and from the handlers in `agw-gateway`, and the web
//! view's TypeScript client is generated from that file.
//!
//! One resource, one path, for example
//!
//! ```text
//! POST /api/v1/grants  {"subject": "ana", "tool": "gmail.send", "effect": "allow"}
//! 201 {"id": "g12", "subject": "ana", "tool": "gmail.send", "effect": "allow", "version": 1, …}
//! ```
//!
//! Every failure is an [`ErrorBody`] with a stable `code`; clients branch on
//! the code, people read `message` and `next`.

mod client;
pub mod paths;
#[expect(
    missing_debug_implementations,
    reason = "bodies that carry a password, a token or a key must not be printable"
)]
#[expect(clippy::large_enum_variant, reason = "events are read one at a time and not stored")]
mod types;

pub use client::{
    Client, ClientError, Download, EventStream, ExportFormat, RawResponse, RecordCounter, WINDOW,
    segment,
};
pub use types::*;
