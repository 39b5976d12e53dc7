use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;

use crate::ErrorBody;

/// Why a request to the admin API failed. `operation` is the method and path.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens on the socket of this data folder.
    #[error("the gateway is not running in {}; start it with `agw serve`", data_dir.display())]
    NotRunning { data_dir: PathBuf },
    /// The service understood and said no. Branch on `body.code`.
    #[error("{}; {}", body.message.trim_end_matches('.'), body.next)]
    Refused { status: StatusCode, body: Box<ErrorBody> },
    /// The connection failed before the answer was complete.
    #[error(
        "{operation}: the connection to the gateway failed ({source}); \
         check with `agw status` whether it is running and whether the request took effect"
    )]
    Io { operation: String, source: io::Error },
    #[error(
        "{operation}: no answer from the gateway within {} s; check with `agw status` \
         whether it is running and whether the request took effect", after.as_secs()
    )]
    TimedOut { operation: String, after: Duration },
    #[error(
        "{operation}: the answer is longer than {limit} bytes; ask for less, for example with a limit"
    )]
    TooLarge { operation: String, limit: usize },
    /// The request could not be written, or the answer is not what the admin
    /// API says.
    #[error(
        "{operation}: not understood ({detail}); check that `agw` and this program have the same version"
    )]
    Malformed { operation: String, detail: String },
}

impl ClientError {
    /// The stable code of a refusal; see [`codes`](crate::codes).
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { body, .. } => Some(&body.code),
            _ => None,
        }
    }

    pub(super) fn io(operation: &str, source: io::Error) -> Self {
        Self::Io { operation: operation.to_owned(), source }
    }

    pub(super) fn timed_out(operation: &str, after: Duration) -> Self {
        Self::TimedOut { operation: operation.to_owned(), after }
    }

    pub(super) fn too_large(operation: &str, limit: usize) -> Self {
        Self::TooLarge { operation: operation.to_owned(), limit }
    }

    pub(super) fn malformed(operation: &str, detail: String) -> Self {
        Self::Malformed { operation: operation.to_owned(), detail }
    }
}
