//! The JSON-RPC envelope, read strictly: what is not plainly a request, a
//! notification or a response is refused, never passed on.

use agw_core::json::{Node, Value};

/// Longest id of a request, in bytes.
const ID_MAX: usize = 256;

use super::answer::RpcError;

#[derive(Debug)]
pub(super) enum Message<'a> {
    Request(Request<'a>),
    Notification(Notification<'a>),
    Response(Reply<'a>),
}

#[derive(Debug)]
pub(super) struct Request<'a> {
    /// As written: a string or an integer.
    pub(super) id: &'a str,
    pub(super) method: &'a str,
    params: Option<&'a Node<'a>>,
}

/// An answer to a request of the server's. `id` and the rest are JSON.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) id: &'a str,
    /// A result, or an error object.
    pub(super) answer: Result<&'a Node<'a>, &'a Node<'a>>,
}

#[derive(Debug)]
pub(super) struct Notification<'a> {
    pub(super) method: &'a str,
    params: Option<&'a Node<'a>>,
}

impl<'a> Message<'a> {
    pub(super) fn read(node: &'a Node<'a>) -> Result<Self, RpcError> {
        match node.value() {
            Value::Object(_) => {}
            Value::Array(_) => {
                return Err(RpcError::invalid_request(
                    "batches are not part of this protocol revision; send one message at a time",
                ));
            }
            _ => return Err(RpcError::invalid_request("a message must be a JSON object")),
        }
        if node.get("jsonrpc").and_then(Node::as_str) != Some("2.0") {
            return Err(RpcError::invalid_request("\"jsonrpc\" must be \"2.0\""));
        }
        let id = match node.get("id") {
            None => None,
            Some(id) if is_id(id) => Some(id.raw()),
            Some(_) => {
                return Err(RpcError::invalid_request(
                    "\"id\" must be a string or an integer of at most 256 bytes",
                ));
            }
        };
        let Some(method) = node.get("method") else {
            return match (id, node.get("result"), node.get("error")) {
                (Some(id), Some(result), None) => {
                    Ok(Self::Response(Reply { id, answer: Ok(result) }))
                }
                (Some(id), None, Some(error)) => {
                    Ok(Self::Response(Reply { id, answer: Err(error) }))
                }
                _ => Err(RpcError::invalid_request("the message has no method")),
            };
        };
        let method = method
            .as_str()
            .ok_or_else(|| RpcError::invalid_request("\"method\" must be a string"))?;
        let params = node.get("params");
        if params.is_some_and(|params| !params.is_object()) {
            let error = RpcError::invalid_params("\"params\" must be an object");
            return Err(id.map_or_else(|| error.clone(), |id| error.clone().with_id(id)));
        }
        Ok(match id {
            Some(id) => Self::Request(Request { id, method, params }),
            None => Self::Notification(Notification { method, params }),
        })
    }
}

impl<'a> Request<'a> {
    pub(super) fn param(&self, name: &str) -> Option<&'a Node<'a>> {
        self.params?.get(name)
    }

    pub(super) fn meta(&self, name: &str) -> Option<&'a Node<'a>> {
        self.param("_meta")?.get(name)
    }
}

impl<'a> Notification<'a> {
    pub(super) fn param(&self, name: &str) -> Option<&'a Node<'a>> {
        self.params?.get(name)
    }
}

/// Whether it may identify a request, or its progress: a string or an integer,
/// not longer than anybody needs.
pub(super) fn is_id(node: &Node<'_>) -> bool {
    if node.raw().len() > ID_MAX {
        return false;
    }
    match node.value() {
        Value::String(_) => true,
        Value::Number(text) => text.bytes().all(|b| b.is_ascii_digit() || b == b'-'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use agw_core::json;

    use super::*;

    fn read(text: &str) -> Result<&'static str, String> {
        let node = json::parse(text.as_bytes()).unwrap();
        match Message::read(&node) {
            Ok(Message::Request(_)) => Ok("request"),
            Ok(Message::Notification(_)) => Ok("notification"),
            Ok(Message::Response(_)) => Ok("response"),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    #[test]
    fn messages_are_told_apart() {
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"method":"m"}"#), Ok("request"));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":"a","method":"m","params":{}}"#), Ok("request"));
        assert_eq!(read(r#"{"jsonrpc":"2.0","method":"m"}"#), Ok("notification"));
        assert_eq!(read(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), Ok("response"));
    }

    #[test]
    fn half_messages_are_refused() {
        for text in [
            "[]",
            "7",
            "{}",
            r#"{"jsonrpc":"1.0","id":1,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":null,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1.5,"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":{},"method":"m"}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
            r#"{"jsonrpc":"2.0","id":1,"method":"m","params":[]}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","result":{}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
