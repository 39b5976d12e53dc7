//! Who is signed in with one's own name, and ending that.

use std::sync::Arc;

use agw_api::{OpenSession, SessionPlace, codes};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};

use super::{
    AdminError, Signed,
    session::{self, Hash},
};
use crate::gateway::Gateway;

/// Where one is signed in: one's own sessions, latest used first.
#[utoipa::path(
    get, path = "/api/v1/sessions", operation_id = "list_sessions", tag = "session",
    responses((status = 200, body = [OpenSession]), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn list(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Json<Vec<OpenSession>> {
    Json(gateway.staff.shown(&signed))
}

/// End all of one's own sessions but this one.
#[utoipa::path(
    delete, path = "/api/v1/sessions", operation_id = "end_other_sessions", tag = "session",
    responses((status = 200, body = [OpenSession]), (status = 401, body = agw_api::ErrorBody))
)]
pub(super) async fn end_others(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
) -> Result<Json<Vec<OpenSession>>, AdminError> {
    for hash in gateway.staff.others(&signed) {
        session::end(&gateway, signed.user, hash).await?;
    }
    Ok(Json(gateway.staff.shown(&signed)))
}

/// End one of one's own sessions.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", operation_id = "end_session", tag = "session",
    params(("id" = String, Path)),
    responses(
        (status = 204),
        (status = 401, body = agw_api::ErrorBody),
        (status = 404, body = agw_api::ErrorBody)
    )
)]
pub(super) async fn end(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<StatusCode, AdminError> {
    let found: Option<Hash> = gateway.staff.named(signed.user, &id);
    let missing = || {
        let message = format!("you have no session {id:?}");
        AdminError::new(codes::NOT_FOUND, message, "list them again: it may have ended by itself")
    };
    session::end(&gateway, signed.user, found.ok_or_else(missing)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

const PLACES: [(SessionPlace, &str); 4] = [
    (SessionPlace::Window, "window"),
    (SessionPlace::CommandLine, "command_line"),
    (SessionPlace::Browser, "browser"),
    (SessionPlace::Pages, "pages"),
];

/// As the column has it.
pub(super) fn word(place: SessionPlace) -> &'static str {
    PLACES.iter().find(|(known, _)| *known == place).map_or("", |(_, word)| word)
}

pub(super) fn place(word: &str) -> Option<SessionPlace> {
    PLACES.iter().find(|(_, known)| *known == word).map(|(place, _)| *place)
}

/// The more particular name first: Edge says that it is Chrome, too, and
/// everybody that they are Safari.
const BROWSERS: [(&str, &str); 6] = [
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 6] = [
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// What a browser says of itself, in words of ours.
pub(super) fn browser(said: &str) -> String {
    let known = |names: &[(&str, &'static str)]| {
        names.iter().find(|(part, _)| said.contains(part)).map(|(_, name)| *name)
    };
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, Some(system)) => format!("another browser on {system}"),
        (None, None) => "another browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_told_in_our_words() {
        for (said, shown) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1 (KHTML, like Gecko) Version/19.0 Safari/605.1",
                "Safari on macOS",
            ),
            ("<script>alert(1)</script>", "another browser"),
        ] {
            assert_eq!(browser(said), shown);
        }
    }

    #[test]
    fn places_have_words() {
        for (known, text) in PLACES {
            assert_eq!(place(word(known)), Some(known), "{text}");
        }
    }
}
