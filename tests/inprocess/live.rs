//! What changes while agents are connected is in force on their next call,
//! and they are told.

mod cancelling;
mod lists;
mod revoking;
mod subjects;

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;

/// How long a notification may take on a busy machine; the promise is a
/// second.
const SOON: Duration = Duration::from_secs(15);

/// The next message of a stream.
async fn next(stream: &mut UnboundedReceiver<Value>) -> Value {
    let message = tokio::time::timeout(SOON, stream.recv()).await.expect("a message soon");
    message.expect("the stream is open")
}

/// The next message is that the tools have changed.
async fn told(stream: &mut UnboundedReceiver<Value>) -> Value {
    let message = next(stream).await;
    assert_eq!(message["method"], "notifications/tools/list_changed", "{message}");
    assert_eq!(message["jsonrpc"], "2.0");
    assert!(message.get("id").is_none(), "{message}");
    message
}

/// Nothing more comes, because the stream has ended.
async fn ended(stream: &mut UnboundedReceiver<Value>) {
    let message = tokio::time::timeout(SOON, stream.recv()).await.expect("the end soon");
    assert_eq!(message, None);
}
