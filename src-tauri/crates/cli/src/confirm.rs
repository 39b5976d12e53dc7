//! Asking before what cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use crate::error::CliError;
use crate::output::safe;

/// The longest answer.
const MAX_ANSWER: u64 = 64;

/// Goes on if `yes` (`--yes`) or if the person at the terminal says so; where
/// there is no terminal, nobody can. `what` is a sentence.
pub(crate) fn confirm(what: &str, yes: bool) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            format!("not done, because nobody could be asked: {what}"),
            "Add --yes if that is what you want.",
        ));
    }
    let failed = |error: io::Error| {
        CliError::io("cannot ask at the terminal", &error, "Add --yes to go on without a question.")
    };
    let mut stderr = io::stderr().lock();
    write!(stderr, "{}\nGo on? [y/N] ", safe(what))
        .and_then(|()| stderr.flush())
        .map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().take(MAX_ANSWER).read_line(&mut answer).map_err(failed)?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(CliError::failed("not_confirmed", "nothing was done", "Run it again and say y to go on."))
}
