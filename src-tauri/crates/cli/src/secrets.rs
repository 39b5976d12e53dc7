//! How secrets come in: asked for without echo at a terminal, else read from
//! stdin. Never from arguments, which other processes can list.
//!
//! ```text
//! $ printf 'Authorization=Bearer x\n' | agw connection add crm --http https://… --header Authorization
//! ```
//!
//! No error repeats what was read: a person may have pasted the secret in the
//! wrong place.

use std::fmt;
use std::io::{self, BufRead, IsTerminal as _, Read as _};

use agw_api::CredentialValue;
use zeroize::Zeroizing;

use crate::error::CliError;

/// The longest line of stdin that holds a secret. Private keys fit.
const MAX_LINE: u64 = 64 * 1024;
/// The shortest password and passphrase that the gateway takes.
const MIN_PASSWORD_CHARS: usize = 10;

/// A secret on its way into a request. Cleared from memory when dropped.
pub(crate) struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text as a field of a request body.
    pub(crate) fn into_body(mut self) -> String {
        std::mem::take(&mut *self.0)
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// Where the secrets of one command come from.
pub(crate) enum SecretInput {
    Terminal,
    Lines(Box<dyn BufRead>),
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretInput")
    }
}

impl SecretInput {
    /// Stdin where asked for or where it is no terminal, else prompts.
    pub(crate) fn new(from_stdin: bool) -> Self {
        if from_stdin || !io::stdin().is_terminal() {
            Self::Lines(Box::new(io::stdin().lock()))
        } else {
            Self::Terminal
        }
    }

    /// An existing secret: asked for once, or the next line.
    pub(crate) fn ask(&mut self, what: &str) -> Result<SecretText, CliError> {
        let text = match self {
            Self::Terminal => prompt(&format!("{}: ", capitalised(what)))?,
            Self::Lines(lines) => {
                secret_line(lines, what)?.ok_or_else(|| missing(what, "stdin ended before it"))?
            }
        };
        if text.0.is_empty() { Err(missing(what, "it is empty")) } else { Ok(text) }
    }

    /// A new password or passphrase: asked for twice, or the next line.
    pub(crate) fn choose(&mut self, what: &str) -> Result<SecretText, CliError> {
        let chosen = self.ask(what)?;
        if chosen.0.chars().count() < MIN_PASSWORD_CHARS {
            return Err(CliError::usage(
                format!("the {what} is too short"),
                format!("Use at least {MIN_PASSWORD_CHARS} characters."),
            ));
        }
        if matches!(self, Self::Terminal) {
            let again = prompt(&format!("{} again: ", capitalised(what)))?;
            if *again.0 != *chosen.0 {
                return Err(CliError::usage(
                    format!("the two entries of the {what} differ"),
                    "Run the command again.",
                ));
            }
        }
        Ok(chosen)
    }

    /// A value for each of `names`: asked for one by one, or from KEY=VALUE
    /// lines in any order. `fold_case` is for headers, whose names have none.
    pub(crate) fn credentials(
        &mut self,
        names: &[String],
        fold_case: bool,
    ) -> Result<Vec<CredentialValue>, CliError> {
        refuse_twice(names, fold_case)?;
        match self {
            Self::Terminal => names
                .iter()
                .map(|name| {
                    let value = prompt(&format!("Value of {name}: "))?;
                    if value.0.is_empty() {
                        return Err(missing(&format!("value of {name}"), "it is empty"));
                    }
                    Ok(CredentialValue { name: name.clone(), value: value.into_body() })
                })
                .collect(),
            Self::Lines(lines) => key_value_lines(lines, names, fold_case),
        }
    }
}

fn same(a: &str, b: &str, fold_case: bool) -> bool {
    a == b || (fold_case && a.eq_ignore_ascii_case(b))
}

fn refuse_twice(names: &[String], fold_case: bool) -> Result<(), CliError> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if seen.iter().any(|earlier| same(earlier, name, fold_case)) {
            return Err(CliError::usage(format!("{name} is named twice"), "Name each key once."));
        }
        seen.push(name);
    }
    Ok(())
}

/// Every name exactly once, nothing else. Empty lines are skipped; a value may
/// hold `=` and spaces, and is taken as it stands.
fn key_value_lines(
    lines: &mut dyn BufRead,
    names: &[String],
    fold_case: bool,
) -> Result<Vec<CredentialValue>, CliError> {
    let expected =
        || format!("Give one KEY=VALUE line on stdin for each of: {}.", names.join(", "));
    let mut found: Vec<CredentialValue> = Vec::new();
    let mut number = 0_u32;
    while let Some(line) = secret_line(lines, "KEY=VALUE line")? {
        number = number.saturating_add(1);
        if line.0.trim().is_empty() {
            continue;
        }
        let refuse =
            |why: &str| CliError::usage(format!("line {number} of stdin {why}"), expected());
        let (key, value) = line.0.split_once('=').ok_or_else(|| refuse("is not KEY=VALUE"))?;
        let name = names
            .iter()
            .find(|name| same(name, key.trim(), fold_case))
            .ok_or_else(|| refuse("has a key that the command does not name"))?;
        if found.iter().any(|earlier| earlier.name == *name) {
            return Err(refuse(&format!("gives {name} a second time")));
        }
        if value.is_empty() {
            return Err(refuse(&format!("gives {name} no value")));
        }
        found.push(CredentialValue { name: name.clone(), value: value.to_owned() });
    }
    match names.iter().find(|name| found.iter().all(|given| given.name != **name)) {
        Some(name) => Err(CliError::usage(format!("stdin gives no value for {name}"), expected())),
        None => Ok(found),
    }
}

/// The next line without its end; `None` at the end of input.
fn secret_line(lines: &mut dyn BufRead, what: &str) -> Result<Option<SecretText>, CliError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = lines
        .take(MAX_LINE + 1)
        .read_until(b'\n', &mut bytes)
        .map_err(|error| CliError::io("cannot read stdin", &error, "Check what is piped in."))?;
    if read == 0 {
        return Ok(None);
    }
    if read as u64 > MAX_LINE {
        return Err(missing(what, &format!("the line is longer than {MAX_LINE} bytes")));
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| missing(what, "the line is not UTF-8"))?;
    Ok(Some(SecretText(Zeroizing::new(line.to_owned()))))
}

fn prompt(text: &str) -> Result<SecretText, CliError> {
    rpassword::prompt_password(text).map(|answer| SecretText(Zeroizing::new(answer))).map_err(
        |error| {
            CliError::io(
                "cannot ask at the terminal",
                &error,
                "Pipe the secret into stdin instead.",
            )
        },
    )
}

fn missing(what: &str, why: &str) -> CliError {
    CliError::usage(
        format!("no {what}: {why}"),
        format!("Type the {what} when asked, or pipe it in as one line of stdin."),
    )
}

fn capitalised(what: &str) -> String {
    let mut chars = what.chars();
    chars
        .next()
        .map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(text: &'static str) -> SecretInput {
        SecretInput::Lines(Box::new(text.as_bytes()))
    }

    fn credentials(
        names: &[&str],
        fold_case: bool,
        text: &'static str,
    ) -> Result<Vec<(String, String)>, CliError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let found = input(text).credentials(&names, fold_case)?;
        Ok(found.into_iter().map(|found| (found.name, found.value)).collect())
    }

    #[test]
    fn lines_are_taken_one_by_one() {
        let mut input = input("correct horse\r\nbattery staple\n");
        assert_eq!(input.choose("password").unwrap().into_body(), "correct horse");
        assert_eq!(input.ask("passphrase").unwrap().into_body(), "battery staple");
        assert!(input.ask("passphrase").is_err());
    }

    #[test]
    fn short_and_empty_passwords_are_bad_usage() {
        for text in ["short\n", "\n", ""] {
            assert!(matches!(input(text).choose("password"), Err(CliError::Usage(_))), "{text:?}");
        }
    }

    #[test]
    fn key_values_in_any_order() {
        let found = credentials(&["A", "B"], false, "B=x=y z\n\nA= 1\r\n").unwrap();
        assert_eq!(found, [("B".into(), "x=y z".into()), ("A".into(), " 1".into())]);
    }

    #[test]
    fn header_names_have_no_case() {
        let found = credentials(&["Authorization"], true, "authorization=Bearer x\n").unwrap();
        assert_eq!(found, [("Authorization".into(), "Bearer x".into())]);
        assert!(credentials(&["A", "a"], true, "A=1\na=2\n").is_err());
        assert!(credentials(&["A", "a"], false, "A=1\na=2\n").is_ok());
    }

    #[test]
    fn every_key_once_and_no_other() {
        for text in ["", "A=1\n", "A=1\nA=2\nB=3\n", "A=1\nB=2\nC=3\n", "A=1\nB\n", "A=1\nB=\n"] {
            assert!(
                matches!(credentials(&["A", "B"], false, text), Err(CliError::Usage(_))),
                "{text:?}"
            );
        }
        assert!(credentials(&["A", "A"], false, "A=1\n").is_err());
    }

    #[test]
    fn errors_do_not_repeat_what_was_read() {
        for text in ["hunter2\n", "hunter2=\n", "hunter2=hunter2\n", "A=hunter2\nA=hunter2\n"] {
            let error = format!("{:?}", credentials(&["A"], false, text).unwrap_err());
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
