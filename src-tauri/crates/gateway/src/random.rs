//! Texts that nobody can guess: session ids, codes, `state`.

use std::fmt::Write as _;

use zeroize::Zeroizing;

/// So many random bytes, in hex.
pub(crate) fn text<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; BYTES]);
    getrandom::fill(&mut *bytes)?;
    Ok(hex(&*bytes))
}

/// In lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}
