//! What people keep of a trail, outside of the gateway's reach: its public
//! key, checkpoints, and receipts that agents got.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use agw_core::log::{CheckedReceipt, Checkpoint, Hash, Receipt, VerifyingKey};
use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};

use crate::error::CliError;

/// The longest key, checkpoint or receipt.
const MAX_FILE: u64 = 256 * 1024;

/// The code of what does not hold.
pub(super) const NOT_PROVEN: &str = "not_proven";

/// A key, or the file that it is in.
pub(super) fn key(text: &str) -> Result<VerifyingKey, CliError> {
    let file = Path::new(text);
    let in_file = if file.is_file() { Some(small_text(file)?) } else { None };
    in_file.as_deref().unwrap_or(text).trim().parse().map_err(|why| {
        let what = if in_file.is_some() {
            "the file holds no public key"
        } else {
            "no public key, and no file"
        };
        CliError::usage(
            format!("--key {text}: {what}: {why}"),
            "Give what `agw audit key` prints, or a file with it.",
        )
    })
}

/// A checkpoint that this key signed.
pub(super) fn checkpoint(file: &Path, key: &VerifyingKey) -> Result<Checkpoint, CliError> {
    let note = small_text(file)?;
    key.open(&note).map_err(|why| not_accepted("checkpoint", file, &why.to_string()))
}

/// A receipt, as JSON (`_meta["agw/receipt"]` in MCP) or as the header
/// `Agw-Receipt` has it; its checkpoint must be signed with this key.
pub(super) fn receipt(file: &Path, key: &VerifyingKey) -> Result<CheckedReceipt, CliError> {
    let receipt = parse_receipt(&small_text(file)?).ok_or_else(|| {
        CliError::usage(
            format!("{} is no receipt", file.display()),
            "Give a file with the JSON of `_meta[\"agw/receipt\"]`, or with what the header Agw-Receipt has.",
        )
    })?;
    receipt.check(key).map_err(|why| not_accepted("receipt", file, &why.to_string()))
}

fn not_accepted(what: &str, file: &Path, why: &str) -> CliError {
    CliError::failed(
        NOT_PROVEN,
        format!("the {what} in {} is not accepted: {why}", file.display()),
        format!("Check that it is the whole {what}, and that the key is of the same gateway."),
    )
}

fn parse_receipt(text: &str) -> Option<Receipt> {
    let text = text.trim();
    let json = match text.starts_with('{') {
        true => text.as_bytes().to_vec(),
        false => BASE64.decode(text).ok()?,
    };
    let receipt: agw_api::Receipt = serde_json::from_slice(&json).ok()?;
    let hash = |text: &String| -> Option<Hash> { BASE64.decode(text).ok()?.try_into().ok() };
    Some(Receipt {
        index: receipt.index,
        leaf: hash(&receipt.leaf)?,
        proof: receipt.proof.iter().map(hash).collect::<Option<_>>()?,
        checkpoint: receipt.checkpoint,
    })
}

/// How many records the checkpoint in a file covers. Nothing is proven yet.
pub(super) fn size_of(file: &Path) -> Result<u64, CliError> {
    let note = small_text(file)?;
    let size = note.lines().nth(1).filter(|line| line.bytes().all(|byte| byte.is_ascii_digit()));
    size.and_then(|line| line.parse().ok()).ok_or_else(|| {
        CliError::usage(
            format!("{} is no checkpoint", file.display()),
            "Take a file that `agw audit checkpoint --out FILE` wrote.",
        )
    })
}

/// The content of a file that cannot be long.
fn small_text(file: &Path) -> Result<String, CliError> {
    let failed = |error| {
        CliError::io(&format!("cannot read {}", file.display()), &error, "Check the path.")
            .into_usage()
    };
    let mut text = String::new();
    let read = File::open(file)
        .and_then(|open| open.take(MAX_FILE + 1).read_to_string(&mut text))
        .map_err(failed)?;
    if read as u64 > MAX_FILE {
        return Err(failed(std::io::Error::other(format!("longer than {MAX_FILE} bytes"))));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use agw_core::log::SigningKey;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn signer(seed: u8) -> SigningKey {
        SigningKey::from_seed("agw/x", &[seed; 32]).unwrap()
    }

    #[test]
    fn a_key_as_it_is_or_in_a_file() {
        let expected = signer(1).verifying();
        let text = expected.to_string();
        assert_eq!(key(&text).unwrap(), expected);
        let in_file = file(&format!("{text}\n"));
        assert_eq!(key(in_file.path().to_str().unwrap()).unwrap(), expected);
        let other = file("no key");
        for bad in [&text[..text.len() - 4], "/nowhere", other.path().to_str().unwrap(), ""] {
            assert!(matches!(key(bad), Err(CliError::Usage(_))), "{bad}");
        }
    }

    #[test]
    fn a_checkpoint_has_to_be_signed() {
        let note = file(&signer(1).sign(41, &[3; 32]));
        assert_eq!(checkpoint(note.path(), &signer(1).verifying()).unwrap().size, 41);
        assert_eq!(size_of(note.path()).unwrap(), 41);
        let error = checkpoint(note.path(), &signer(2).verifying()).unwrap_err();
        assert_eq!(error.code(), Some(NOT_PROVEN));
    }

    #[test]
    fn what_is_no_checkpoint_has_no_size() {
        for bad in ["", "agw/x\n", "agw/x\n+1\nAAAA\n", "agw/x\n\nAAAA\n", &"x".repeat(300_000)] {
            assert!(matches!(size_of(file(bad).path()), Err(CliError::Usage(_))), "{bad}");
        }
        assert!(matches!(size_of(Path::new("/nowhere")), Err(CliError::Usage(_))));
    }

    #[test]
    fn a_receipt_as_json_or_as_the_header_has_it() {
        let leaf = [5; 32];
        let receipt_of = |key: &SigningKey| {
            serde_json::to_string(&agw_api::Receipt {
                index: 0,
                leaf: BASE64.encode(leaf),
                proof: Vec::new(),
                checkpoint: key.sign(1, &leaf),
            })
            .unwrap()
        };
        let json = receipt_of(&signer(1));
        let key = signer(1).verifying();
        for text in [json.clone(), format!("{}\n", BASE64.encode(&json))] {
            assert_eq!(receipt(file(&text).path(), &key).unwrap().seq(), 1);
        }
        let error = receipt(file(&receipt_of(&signer(2))).path(), &key).unwrap_err();
        assert_eq!(error.code(), Some(NOT_PROVEN));
        let error = receipt(file("{}").path(), &key).unwrap_err();
        assert!(matches!(error, CliError::Usage(_)));
    }
}
