//! What came back, before the agent gets to see it.

use std::{collections::BTreeMap, fmt::Write as _};

use agw_api::Receipt;
use agw_vault::Secret;
use bytes::Bytes;
use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    audit::Status,
    pipeline::{Era, Refusal},
    upstream::{UpstreamError, UpstreamReply},
};

/// What stands in the place of a credential that an upstream sent back.
const REDACTED: &[u8] = b"[credential removed by AI Agent Gateway]";
/// The member of `_meta` that has a call's receipt.
const RECEIPT: &str = "agw/receipt";
/// Shorter secrets are not looked for: they would be found by chance.
const SECRET_MIN: usize = 6;

/// A reply that may go to the agent.
#[derive(Debug)]
pub(crate) enum SafeReply {
    /// A JSON object, as the upstream wrote it. `of_era` says which one it is
    /// made for: results of the stateless era say what they are.
    Result { json: Bytes, is_error: bool, of_era: Era },
    /// A JSON-RPC error object of the upstream.
    RpcError { json: Bytes },
}

impl SafeReply {
    pub(crate) fn json(&self) -> &Bytes {
        match self {
            Self::Result { json, .. } | Self::RpcError { json } => json,
        }
    }

    pub(crate) fn status(&self) -> Status {
        match self {
            Self::Result { is_error: false, .. } => Status::Ok,
            Self::Result { is_error: true, .. } | Self::RpcError { .. } => Status::ToolError,
        }
    }
}

pub(crate) fn inspect_reply(reply: UpstreamReply) -> Result<SafeReply, Refusal> {
    #[derive(Deserialize)]
    struct Peek<'a> {
        #[serde(borrow, default, rename = "resultType")]
        result_type: Option<&'a RawValue>,
        /// `Option`, so that another type in the place of the flag is an error.
        #[serde(default, rename = "isError")]
        is_error: Option<bool>,
    }
    #[derive(Deserialize)]
    struct RpcPeek {
        #[serde(rename = "code")]
        _code: i64,
        #[serde(rename = "message")]
        _message: String,
    }
    match reply {
        UpstreamReply::Result { json, secrets } => {
            let json = without_secrets(json, &secrets);
            let peek: Peek<'_> =
                object(&json).ok_or_else(|| malformed("its result is no object"))?;
            // Where that can be answered it was seen to before.
            let kind = peek.result_type.map(|kind| serde_json::from_str::<String>(kind.get()));
            if kind.is_some_and(|kind| kind.is_ok_and(|kind| kind == "input_required")) {
                return Err(malformed("it wants input where none can be given"));
            }
            let is_error = peek.is_error.unwrap_or(false);
            let of_era = if peek.result_type.is_some() { Era::Stateless } else { Era::Session };
            Ok(SafeReply::Result { json, is_error, of_era })
        }
        UpstreamReply::RpcError { json, secrets } => {
            let json = without_secrets(json, &secrets);
            let _: RpcPeek = object(&json).ok_or_else(|| malformed("its error is no error"))?;
            Ok(SafeReply::RpcError { json })
        }
    }
}

/// Reads a JSON object; an array would do for serde, too.
fn object<'de, T: Deserialize<'de>>(json: &'de [u8]) -> Option<T> {
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok())?
}

fn malformed(what: &str) -> Refusal {
    Refusal::Upstream(UpstreamError::Malformed(what.into()))
}

/// A result with the receipt of its call in `_meta`.
pub(crate) fn with_receipt(json: &Bytes, receipt: &Receipt) -> Bytes {
    type Members = BTreeMap<String, Box<RawValue>>;
    let added = || -> Result<Vec<u8>, serde_json::Error> {
        let mut result: Members = serde_json::from_slice(json)?;
        let meta = result.get("_meta").map(|meta| serde_json::from_str(meta.get()));
        let mut meta: Members = meta.transpose()?.unwrap_or_default();
        meta.insert(RECEIPT.into(), serde_json::value::to_raw_value(receipt)?);
        result.insert("_meta".into(), serde_json::value::to_raw_value(&meta)?);
        serde_json::to_vec(&result)
    };
    // A `_meta` that is no object is the upstream's to answer for.
    added().map_or_else(|_| json.clone(), Bytes::from)
}

/// Replaces every occurrence of a credential, in whole or by its telling
/// parts, however the bytes may spell it.
pub(crate) fn without_secrets(bytes: Bytes, secrets: &[Secret]) -> Bytes {
    secrets.iter().flat_map(parts).fold(bytes, |bytes, part| {
        let bytes = without(bytes, part);
        spellings(part).iter().fold(bytes, |bytes, spelt| without(bytes, spelt.expose()))
    })
}

/// What gives a credential away: all of it; the second word of two, as in
/// `Bearer x`; each line of a longer text, such as a key in PEM.
fn parts(secret: &Secret) -> impl Iterator<Item = &[u8]> {
    let whole = secret.expose();
    let mut words = whole.splitn(3, |b| *b == b' ');
    let second = match (words.next(), words.next(), words.next()) {
        (Some(_), Some(second), None) => Some(second),
        _ => None,
    };
    let several = whole.contains(&b'\n');
    let lines = several.then(|| whole.split(|b| *b == b'\n').map(<[u8]>::trim_ascii));
    std::iter::once(whole).chain(second).chain(lines.into_iter().flatten())
}

/// How JSON would write a part, where that differs: also JSON within JSON, as
/// tools have it that answer in text, and with what only some writers escape.
fn spellings(part: &[u8]) -> Vec<Secret> {
    let plain = |b: &u8| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\' | b'/');
    let Some(text) = str::from_utf8(part).ok().filter(|_| !part.iter().all(plain)) else {
        return Vec::new();
    };
    let mut spelt = Vec::new();
    for (slashes, ascii) in [(false, false), (false, true), (true, false), (true, true)] {
        let once = in_json(text, slashes, ascii);
        spelt.push(Secret::new(in_json(&once, false, false)));
        spelt.push(Secret::new(in_json(&once, slashes, ascii)));
        spelt.push(Secret::new(once));
    }
    spelt
}

/// The inside of a JSON string; with `/` and non-ASCII characters escaped if
/// asked for.
fn in_json(text: &str, slashes: bool, ascii: bool) -> String {
    let mut quoted = String::with_capacity(text.len() * 2);
    agw_core::json::write_string(text, &mut quoted);
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    let mut out = String::with_capacity(inner.len() * 2);
    for c in inner.chars() {
        match c {
            '/' if slashes => out.push_str("\\/"),
            c if ascii && !c.is_ascii() => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            c => out.push(c),
        }
    }
    out
}

fn without(bytes: Bytes, needle: &[u8]) -> Bytes {
    if needle.len() < SECRET_MIN || memmem::find(&bytes, needle).is_none() {
        return bytes;
    }
    replace_all(&bytes, needle)
}

fn replace_all(bytes: &[u8], needle: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in memmem::find_iter(bytes, needle) {
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        out.extend_from_slice(REDACTED);
        from = at + needle.len();
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_never_comes_back() {
        let secrets = [Secret::new("Bearer s3cr3t-token"), Secret::new("pa\"ss\\word")];
        let reply = br#"{"a":"Bearer s3cr3t-token","b":"xs3cr3t-tokenx","c":"pa\"ss\\word"}"#;
        let safe = without_secrets(Bytes::from_static(reply), &secrets);
        let text = std::str::from_utf8(&safe).unwrap();
        assert!(!text.contains("s3cr3t") && !text.contains("ss\\"), "{text}");
        assert_eq!(text.matches("credential removed").count(), 3);
        assert!(serde_json::from_str::<serde_json::Value>(text).is_ok());
    }

    #[test]
    fn a_credential_never_comes_back_however_json_spells_it() {
        let secrets = [Secret::new("ké/\"with\\all")];
        for spelt in [
            r#"ké/\"with\\all"#,
            r#"k\u00e9/\"with\\all"#,
            r#"ké\/\"with\\all"#,
            r#"k\u00e9\/\"with\\all"#,
            r#"ké/\\\"with\\\\all"#,
            r#"k\\u00e9/\\\"with\\\\all"#,
            r#"k\\u00e9\\\/\\\"with\\\\all"#,
        ] {
            let reply = format!(r#"{{"a":"{spelt}"}}"#);
            assert!(serde_json::from_str::<serde_json::Value>(&reply).is_ok(), "{reply}");
            let safe = without_secrets(Bytes::from(reply), &secrets);
            let expected = format!(r#"{{"a":"{}"}}"#, str::from_utf8(REDACTED).unwrap());
            assert_eq!(str::from_utf8(&safe).unwrap(), expected, "{spelt}");
        }
    }

    #[test]
    fn a_credential_of_several_words_or_lines_never_comes_back_in_part() {
        let pem = "-----BEGIN KEY-----\nMIIabc\nMIIdef\n-----END KEY-----\n";
        let secrets = [Secret::new(pem), Secret::new("four words in one")];
        let said = "a MIIdef b\nfour words in one\nfour -----BEGIN KEY-----\\nMIIabc\\nMIIdef\\n";
        let safe = without_secrets(Bytes::from(said), &secrets);
        let text = std::str::from_utf8(&safe).unwrap();
        assert!(!text.contains("MII") && !text.contains("in one"), "{text}");
        assert!(text.contains("\nfour "), "{text}");
    }

    #[test]
    fn a_result_that_is_no_object_is_not_passed_on() {
        for json in ["[]", "7", "{\"isError\":\"no\"}", "{\"isError\":true,\"isError\":false}"] {
            let secrets = std::sync::Arc::from([]);
            let reply = UpstreamReply::Result { json: json.into(), secrets };
            assert!(inspect_reply(reply).is_err(), "{json}");
        }
    }
}
