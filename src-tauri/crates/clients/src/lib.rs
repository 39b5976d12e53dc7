//! The clients of the person who runs this, on this machine: finding them,
//! pointing them at the gateway, and undoing that.
//!
//! ```text
//! preview ──▶ diff and digest of what was read ──▶ a person agrees
//!    ──▶ an agent of its own (admin API) ──▶ its token into a 0600 file
//!    ──▶ the file as it was into our folder ──▶ journal ──▶ one rename
//! ```
//!
//! Every client gets the same kind of entry: it starts the bridge,
//! `agw mcp --token-file FILE`. None of them has a place for a secret that a
//! program could fill without its user's help, so the token stays in a file of
//! ours, and theirs can be shown to anybody.
//!
//! The gateway's service never does any of this: it is for the command line and
//! the desktop app, which run as the person whose files these are. What is not
//! understood is refused; [`error::refusal`] has the reasons.

mod act;
mod address;
mod bundle;
mod client;
mod entry;
pub mod error;
mod file;
mod format;
mod import;
mod journal;
mod list;
mod machine;
mod managed;
mod plan;
#[cfg(test)]
mod tests;

pub use act::{Clients, ImportPreview, Unwired, Wired, Wish};
pub use address::Address;
pub use bundle::write as write_bundle;
pub use client::Client;
pub use error::Refusal;
pub use import::Importable;
pub use journal::AgentRef;
pub use list::{Finding, Found, Level, State};
pub use machine::{Gateway, Machine, System};
pub use managed::{ManagedFile, managed};
pub use plan::Preview;
