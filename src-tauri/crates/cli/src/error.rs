//! How a command fails: exit code, message, and what to do next.

use std::io::{self, Write as _};
use std::process::ExitCode;

use agw_api::{ClientError, ErrorBody, codes};
use clap::error::{ContextKind, ContextValue};

use crate::output::{self, Output};

#[derive(Debug)]
pub(crate) enum CliError {
    /// The command was called wrongly: exit 2.
    Usage(Box<ErrorBody>),
    /// The gateway refused, or something failed: exit 1.
    Failed(Box<ErrorBody>),
    /// The same, where the gateway found fault with this condition: exit 1.
    Condition { body: Box<ErrorBody>, when: String },
    /// Whoever read our output went away (`agw audit list | head`), which is
    /// no failure.
    OutputClosed,
}

fn body(code: &str, message: impl Into<String>, next: impl Into<String>) -> Box<ErrorBody> {
    Box::new(ErrorBody::new(code, message, next))
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Usage(body("usage", message, next))
    }

    pub(crate) fn failed(code: &str, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Failed(body(code, message, next))
    }

    /// `operation` is what was tried, e.g. `cannot write /x/session`.
    pub(crate) fn io(operation: &str, error: &io::Error, next: &str) -> Self {
        Self::failed("io", format!("{operation}: {error}"), next)
    }

    /// From an error of the house's form, `what went wrong; what to do`.
    pub(crate) fn advised(code: &str, error: &impl std::error::Error) -> Self {
        let text = error.to_string();
        let (message, next) = text
            .rsplit_once("; ")
            .unwrap_or((text.as_str(), "check the service with `agw status`"));
        Self::failed(code, message, output::sentence(next))
    }

    /// What the gateway says of a condition is told with the condition.
    pub(crate) fn about(self, when: Option<&str>) -> Self {
        match (self, when) {
            (Self::Failed(body), Some(when)) if body.code == codes::INVALID_CONDITION => {
                Self::Condition { body, when: when.to_owned() }
            }
            (error, _) => error,
        }
    }

    /// The same as bad usage.
    pub(crate) fn into_usage(self) -> Self {
        match self {
            Self::Failed(body) => Self::Usage(body),
            other => other,
        }
    }

    /// The stable code, where there is one.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Usage(body) | Self::Failed(body) | Self::Condition { body, .. } => {
                Some(&body.code)
            }
            Self::OutputClosed => None,
        }
    }

    /// Tells the person (or, with `--json`, the script) and gives the exit code.
    pub(crate) fn report(&self, output: &Output) -> ExitCode {
        let (body, when, code) = match self {
            Self::OutputClosed => return ExitCode::SUCCESS,
            Self::Failed(body) => (body, None, 1),
            Self::Condition { body, when } => (body, Some(when.as_str()), 1),
            Self::Usage(body) => (body, None, 2),
        };
        output.error(body, when);
        ExitCode::from(code)
    }
}

pub(crate) const NOT_RUNNING: &str = "not_running";

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { body, .. } => Self::Failed(body),
            ClientError::NotRunning { data_dir } => Self::failed(
                NOT_RUNNING,
                format!("the gateway is not running (data folder {})", data_dir.display()),
                "Start it with `agw serve`, or name its data folder with --data-dir or AGW_DATA_DIR.",
            ),
            other => Self::advised(codes::INTERNAL, &other),
        }
    }
}

/// Shows what clap has to say: help and version are no errors.
pub(crate) fn usage_exit(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    // The arguments did not parse, so whether JSON was asked for has to be
    // looked up by hand.
    let json = std::env::args_os()
        .skip(1)
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json");
    let hidden = without_secret(error);
    if json && error.use_stderr() {
        let text = hidden.unwrap_or_else(|| error.to_string());
        let message = text.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        Output::new(true).error(&body("usage", message, "See the same command with --help."), None);
    } else if let Some(text) = hidden {
        let _ = write!(io::stderr(), "{text}");
    } else {
        // A closed pipe is no reason to fail: `agw --help | head -1`.
        let _ = error.print();
    }
    ExitCode::from(code)
}

/// The text of an error about an argument in which people put secrets by
/// mistake (`--env KEY=VALUE`), without that argument's value.
fn without_secret(error: &clap::Error) -> Option<String> {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let argument = text(ContextKind::InvalidArg)?;
    let touchy = ["--env", "--header", "--http", "--url"];
    let value = text(ContextKind::InvalidValue).filter(|value| !value.is_empty())?;
    touchy
        .iter()
        .any(|name| argument.starts_with(name))
        .then(|| error.to_string().replace(value, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_its_code_and_advice() {
        let refused = ClientError::Refused {
            status: http::StatusCode::UNAUTHORIZED,
            body: body(codes::SIGN_IN, "You are not signed in.", "Run `agw login NAME`."),
        };
        let error = CliError::from(refused);
        assert_eq!(error.code(), Some(codes::SIGN_IN));
        assert!(matches!(error, CliError::Failed(body) if body.next == "Run `agw login NAME`."));
    }

    #[test]
    fn only_a_bad_condition_is_told_with_the_condition() {
        let refused = |code| CliError::Failed(body(code, "no", "x"));
        let about = refused(codes::INVALID_CONDITION).about(Some("args.x"));
        assert_eq!(about.code(), Some(codes::INVALID_CONDITION));
        assert!(matches!(about, CliError::Condition { when, .. } if when == "args.x"));
        assert!(matches!(refused(codes::INVALID).about(Some("args.x")), CliError::Failed(_)));
        assert!(matches!(refused(codes::INVALID_CONDITION).about(None), CliError::Failed(_)));
    }

    #[test]
    fn a_lost_connection_says_what_to_do() {
        let lost = ClientError::Io {
            operation: "GET /api/v1/status".into(),
            source: io::Error::other("reset"),
        };
        let CliError::Failed(body) = CliError::from(lost) else {
            panic!("not a failure");
        };
        assert_eq!(
            body.message,
            "GET /api/v1/status: the connection to the gateway failed (reset)"
        );
        assert!(body.next.starts_with("Check with `agw status`"), "{}", body.next);
    }
}
