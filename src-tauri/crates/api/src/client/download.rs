//! Answers that are too long to be held: read piece by piece.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::ClientError;

/// Silence after which the service counts as gone: a search through a long
/// trail may find nothing for a while.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Says how many records an export will have at most.
const RECORDS_HEADER: &str = "Agw-Export-Records";

/// The body of an answer, as it comes. Only [`next`](Self::next) having
/// answered `None` says that it was whole.
pub struct Download {
    operation: String,
    records: Option<u64>,
    body: Incoming,
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("operation", &self.operation)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl Download {
    pub(super) fn new(
        response: Response<Incoming>,
        operation: String,
    ) -> Result<Self, ClientError> {
        let headers = response.headers();
        // Where the end of the connection is the end of the body, a service
        // that crashed could not be told from one that was done.
        if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
            return Err(ClientError::malformed(&operation, "a body without an end".to_owned()));
        }
        let records = headers.get(RECORDS_HEADER);
        let records = records.and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Self { operation, records, body: response.into_body() })
    }

    /// How many records it holds at most, where the service says so.
    pub fn records(&self) -> Option<u64> {
        self.records
    }

    /// The next piece; `None` once all of it has come. A body that breaks off
    /// is an error.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let Ok(frame) = timeout(IDLE_TIMEOUT, self.body.frame()).await else {
                return Err(ClientError::timed_out(&self.operation, IDLE_TIMEOUT));
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    return Err(ClientError::io(&self.operation, io::Error::other(error)));
                }
                // Trailers are no data.
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data() {
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }
}
