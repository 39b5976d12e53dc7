//! Who may talk to a TCP port at all: requests that name this machine as
//! their host (the shared port's: by one of the names that an admin gave it)
//! and, if a browser sent them, that come from the gateway's own pages. A page on another site can make a browser call localhost; it cannot
//! make it lie about Host or Origin (DNS rebinding).

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};
use http_body_util::Limited;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::bearer;
use crate::{admin, bounds, door::Door, gateway::Gateway, pages::Visitor, pipeline::Presented};

/// Browsers remember for so long that this host is to be had over HTTPS.
const STRICT: &str = "max-age=2592000";

#[derive(Debug)]
struct Allowed {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Allowed {
    fn new(address: SocketAddr) -> Self {
        let hosts: Vec<String> = own_hosts(address).collect();
        let origins = hosts.iter().map(|host| format!("http://{host}")).collect();
        Self { hosts, origins }
    }

    fn allows(&self, headers: &HeaderMap) -> bool {
        let one_of = |list: &[String], value: &str| list.iter().any(|allowed| value == allowed);
        allows(headers, |host| one_of(&self.hosts, host), |origin| one_of(&self.origins, origin))
    }
}

/// One `Host`, and at most one `Origin`, each a good one.
fn allows(headers: &HeaderMap, host: impl Fn(&str) -> bool, origin: impl Fn(&str) -> bool) -> bool {
    let one = |name: header::HeaderName, good: &dyn Fn(&str) -> bool, otherwise: bool| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => otherwise,
            (Some(value), None) => value.to_str().is_ok_and(good),
            (Some(_), Some(_)) => false,
        }
    };
    one(header::HOST, &host, false) && one(header::ORIGIN, &origin, true)
}

/// How this machine may be called, with the port.
pub(crate) fn own_hosts(address: SocketAddr) -> impl Iterator<Item = String> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
    let own = match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    names.into_iter().chain([own]).map(move |name| format!("{name}:{}", address.port()))
}

pub(crate) fn guarded(router: Router, address: SocketAddr) -> Router {
    let allowed = Arc::new(Allowed::new(address));
    router.layer(middleware::from_fn_with_state(allowed, check))
}

async fn check(State(allowed): State<Arc<Allowed>>, request: Request, next: Next) -> Response {
    if !allowed.allows(request.headers()) {
        let text = "This address serves local clients only: use http://127.0.0.1 or http://localhost with the gateway's port, not from another web site.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    finished(next.run(request).await)
}

fn finished(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages choose how long they keep; answers to agents never do.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The same for the shared port, whose names may change.
pub(crate) fn guarded_shared(router: Router, gateway: &Arc<Gateway>) -> Router {
    router
        .layer(RequestBodyTimeoutLayer::new(bounds::SHARED_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(gateway), check_shared))
}

async fn check_shared(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response {
    let sharing = &gateway.sharing;
    let ours = |host: &str| sharing.is_host(host);
    if !allows(request.headers(), ours, |origin| sharing.is_origin(origin)) {
        let text = "The gateway is not called by this name, or the request comes from another web site. An administrator sets its names under Listening and sharing.\n";
        return (StatusCode::FORBIDDEN, text).into_response();
    }
    let Some(request) = bounded(&gateway, request) else {
        let text = "That is too long for somebody unknown. Send the token as `Authorization: Bearer`, or sign in first.\n";
        return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
    };
    let mut response = finished(next.run(request).await);
    if sharing.is_strict() {
        let strict = HeaderValue::from_static(STRICT);
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, strict);
    }
    response
}

/// Bodies are held in memory, and many connections may bring one: somebody who
/// shows nothing that is known gets little room. `None`: it says itself that
/// it is longer.
fn bounded(gateway: &Arc<Gateway>, request: Request) -> Option<Request> {
    let size = request.body().size_hint().upper();
    if size.is_some_and(|size| size <= bounds::STRANGER_BODY_MAX as u64)
        || is_known(gateway, &request)
    {
        return Some(request);
    }
    let unsaid = size.is_none();
    unsaid.then(|| request.map(|body| Body::new(Limited::new(body, bounds::STRANGER_BODY_MAX))))
}

/// Whether it comes with the token of an agent or user, or with a session.
/// What that opens is seen later.
fn is_known(gateway: &Arc<Gateway>, request: &Request) -> bool {
    let (door, headers) = (Door::of(request.extensions()), request.headers());
    let token = match bearer::presented(door, headers) {
        Presented::Token(hash, _) => gateway.live.snapshot.load().tokens.contains_key(&hash),
        _ => false,
    };
    token
        || admin::is_signed_in(gateway, door, headers)
        || Visitor::of(gateway, door, headers).signed_in.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_by_name_and_no_foreign_pages() {
        let allowed = Allowed::new("127.0.0.1:7410".parse().unwrap());
        let check = |pairs: &[(header::HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name, value.parse().unwrap());
            }
            allowed.allows(&headers)
        };
        use header::{HOST, ORIGIN};
        assert!(check(&[(HOST, "127.0.0.1:7410")]));
        assert!(check(&[(HOST, "localhost:7410"), (ORIGIN, "http://localhost:7410")]));
        for bad in [
            &[][..],
            &[(HOST, "evil.example:7410")],
            &[(HOST, "127.0.0.1")],
            &[(HOST, "127.0.0.1:7410"), (HOST, "evil.example")],
            &[(HOST, "localhost:7410"), (ORIGIN, "https://evil.example")],
            &[(HOST, "localhost:7410"), (ORIGIN, "null")],
            &[(HOST, "localhost:7410"), (ORIGIN, "http://localhost:3000")],
        ] {
            assert!(!check(bad), "{bad:?}");
        }
    }
}
