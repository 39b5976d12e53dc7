//! Why something was not done, and what to do.

use agw_api::{ClientError, ErrorBody, codes};

/// The words that scripts and the window branch on.
pub mod refusal {
    pub const NOT_FOUND: &str = "client_not_found";
    pub const MALFORMED: &str = "client_malformed";
    pub const READ_ONLY: &str = "client_read_only";
    pub const SYMLINK: &str = "client_symlink";
    pub const TOO_LARGE: &str = "client_too_large";
    pub const NOT_A_FILE: &str = "client_not_a_file";
    pub const CHANGED: &str = "client_changed";
    pub const WIRED: &str = "client_wired";
    pub const NOT_WIRED: &str = "client_not_wired";
    pub const NOTHING_TO_IMPORT: &str = "client_nothing_to_import";
    pub const BUSY: &str = "client_busy";
    pub const IO: &str = "client_io";
}

#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    pub code: String,
    pub message: String,
    pub next: String,
}

impl Refusal {
    pub(crate) fn new(code: &str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), next: next.into() }
    }

    pub fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let next = "Check that the folder is there and yours, and that the disk is not full.";
        Self::new(refusal::IO, format!("cannot {what} {}: {error}", path.display()), next)
    }

    pub fn body(self) -> ErrorBody {
        ErrorBody::new(&self.code, self.message, self.next)
    }
}

/// What the gateway did not do.
impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { body, .. } => Self::new(&body.code, body.message, body.next),
            ClientError::NotRunning { .. } => {
                Self::new("offline", error.to_string(), "Start it with `agw serve`.")
            }
            other => Self::new(codes::INTERNAL, other.to_string(), "Check with `agw status`."),
        }
    }
}
