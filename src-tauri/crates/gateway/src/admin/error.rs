//! Failures of the admin API, each with what to do next.

use agw_api::{ErrorBody, Place, codes};
use agw_core::ConditionError;
use axum::{
    extract::rejection::{JsonRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::store::StoreError;

/// See [`ErrorBody`].
#[derive(Debug)]
pub(crate) struct AdminError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) next: String,
    pub(crate) current: Option<Box<serde_json::Value>>,
    pub(crate) place: Option<Place>,
    /// Seconds.
    pub(crate) retry_after: Option<u64>,
}

impl AdminError {
    pub(crate) fn new(
        code: &'static str,
        message: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        let (message, next) = (message.into(), next.into());
        Self { code, message, next, current: None, place: None, retry_after: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(codes::INVALID, message, "correct it and try again")
    }

    pub(crate) fn not_found(kind: &str, name: &str, next: &str) -> Self {
        Self::new(codes::NOT_FOUND, format!("there is no {kind} {name:?}"), next)
    }

    pub(crate) fn exists(kind: &str, name: &str) -> Self {
        let message = format!("there is already a {kind} {name:?}");
        Self::new(codes::EXISTS, message, "choose another name, or remove that one first")
    }

    pub(crate) fn sealed() -> Self {
        let next = "unlock it with `agw unlock` or in the window";
        Self::new(codes::SEALED, "the gateway is sealed", next)
    }

    /// A condition that is not one, and where.
    pub(crate) fn condition(error: &ConditionError) -> Self {
        let next = "correct the condition and try again";
        let place = place(error);
        Self { place: Some(place), ..Self::new(codes::INVALID_CONDITION, error.to_string(), next) }
    }

    pub(crate) fn sign_in() -> Self {
        Self::new(
            codes::SIGN_IN,
            "nobody is signed in",
            "sign in with `agw login` or in the window",
        )
    }

    pub(crate) fn not_set_up() -> Self {
        let next = "set it up with `agw setup --admin NAME` or in the window";
        Self::new(codes::NOT_SET_UP, "this gateway is not set up yet", next)
    }

    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(codes::INTERNAL, message, "look at the gateway's log")
    }

    fn status(&self) -> StatusCode {
        match self.code {
            codes::BAD_REQUEST => StatusCode::BAD_REQUEST,
            codes::INVALID | codes::INVALID_CONDITION => StatusCode::UNPROCESSABLE_ENTITY,
            codes::SIGN_IN | codes::BAD_CREDENTIALS => StatusCode::UNAUTHORIZED,
            codes::TOO_MANY_ATTEMPTS => StatusCode::TOO_MANY_REQUESTS,
            codes::FORBIDDEN => StatusCode::FORBIDDEN,
            codes::NOT_FOUND => StatusCode::NOT_FOUND,
            codes::EXISTS
            | codes::STALE
            | codes::ANSWERED
            | codes::NOT_SET_UP
            | codes::ALREADY_SET_UP => StatusCode::CONFLICT,
            codes::SEALED | codes::KEYCHAIN | codes::AUDIT_UNAVAILABLE => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

pub(crate) fn place(error: &ConditionError) -> Place {
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { at: narrow(error.at), length: narrow(error.length) }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Full => Self::new(
                codes::AUDIT_UNAVAILABLE,
                error.to_string(),
                "nothing was changed; try again when the disk is writable",
            ),
            other => {
                tracing::error!(error = %other, "the admin API failed");
                Self::internal(other.to_string())
            }
        }
    }
}

impl From<rusqlite::Error> for AdminError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<JsonRejection> for AdminError {
    fn from(rejection: JsonRejection) -> Self {
        let message = without_values(&rejection.body_text());
        Self::new(codes::BAD_REQUEST, message, "correct the request's body")
    }
}

/// Takes out of serde's words the value that they quote: it may be a password
/// in the wrong place. Names of members and positions stay.
fn without_values(text: &str) -> String {
    for what in ["invalid type", "invalid value", "unknown variant"] {
        if let Some((before, rest)) = text.split_once(what)
            && let Some((_, expected)) = rest.rsplit_once(", expected ")
        {
            return format!("{before}{what}, expected {expected}");
        }
    }
    text.to_owned()
}

impl From<QueryRejection> for AdminError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(codes::BAD_REQUEST, rejection.body_text(), "correct the request's query")
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = ErrorBody {
            code: self.code.to_owned(),
            message: self.message,
            next: self.next,
            current: self.current.map(|current| *current),
            place: self.place,
        };
        let mut response = (status, axum::Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_in_the_wrong_place_is_not_repeated() {
        for (body, kept) in [
            (r#"{"user":"a","password":["hunter2"]}"#, "password"),
            (r#"{"user":"a","password":123456789}"#, "password"),
            (r#""hunter2, expected x""#, "SignInRequest"),
        ] {
            let error = serde_json::from_str::<agw_api::SignInRequest>(body).err().unwrap();
            let message = without_values(&format!("Failed: password: {error}"));
            assert!(message.contains(kept) && message.contains("line 1"), "{message}");
            assert!(!message.contains("hunter2") && !message.contains("1234"), "{message}");
        }
    }
}
