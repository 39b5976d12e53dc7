//! What every page says when there is nothing to show, and why there is not.

use agw_gateway::Timeouts;
use serde_json::json;

use super::{SCREENS, Visit, axe, table::Screen};
use crate::support::{
    InProcess, PASSWORD,
    chromium::{Chromium, LOOKS, Look},
    process::eventually,
    seed,
};

/// Every route as it is opened first: without anything opened on it.
pub(super) fn pages() -> impl Iterator<Item = &'static Screen> {
    let mut seen = Vec::new();
    SCREENS.iter().filter(move |screen| {
        // Without the frame around them.
        let apart = ["/welcome", "/prompt"].contains(&screen.route());
        let first = !apart && !seen.contains(&screen.route());
        seen.push(screen.route());
        first
    })
}

/// Whether something with this state is shown, if anything was to be read.
async fn check(visit: &Visit, what: &str, expected: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for screen in pages() {
        let bare = Screen { name: screen.name, at: screen.route(), steps: &[], shows: "#page h1" };
        visit.browser.go("about:blank").await;
        visit.browser.go(&format!("{}#{}", visit.base, bare.at)).await;
        visit.browser.page.matching("#page h1").await;
        if !expected.is_empty() {
            visit.browser.page.matching(expected).await;
        }
        let name = format!("{} ({what})", bare.name);
        for (look_name, look) in LOOKS {
            visit.browser.look(look).await;
            wrong.extend(axe::violations(&visit.browser.page, look, &name, look_name).await);
        }
        visit.browser.look(Look::Light).await;
    }
    wrong
}

/// Answers what pages read; who is signed in and how the gateway is stay true.
fn instead(answer: &str) -> String {
    format!(
        "const real = window.fetch;
        window.fetch = (request, options) => {{
            const path = new URL(request.url ?? request, location.href).pathname;
            const kept = /^\\/api\\/v1\\/(health|session|sessions|status|setup)$/.test(path);
            return kept || !path.startsWith('/api/') ? real(request, options) : {answer};
        }};"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_with_nothing_on_them_say_what_to_do() {
    let gateway = InProcess::start_with_view(Timeouts::default()).await;
    let visit = Visit::signed_in(&gateway, "root").await;
    let wrong = check(&visit, "empty", "").await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_that_they_wait_and_why_they_could_not_be_read() {
    let gateway = InProcess::start_with_view(Timeouts::default()).await;
    let visit = Visit::signed_in(&gateway, "root").await;
    let refusal = json!({"code": "internal", "message": "the disk is full", "next": "make room"});
    let failing = format!(
        "Promise.resolve(new Response('{refusal}', {{ status: 500, headers: {{ 'content-type': 'application/json' }} }}))"
    );
    let mut wrong = Vec::new();
    for (what, answer, expected) in [
        ("waiting", "new Promise(() => {})", "[data-testid='state-loading']"),
        ("failing", failing.as_str(), "[data-testid='state-failed']"),
        (
            "offline",
            "Promise.reject(new TypeError('Failed to fetch'))",
            "[data-testid='state-offline'], [data-testid='state-failed']",
        ),
    ] {
        let visit = Visit { browser: Chromium::open().await, base: visit.base.clone() };
        visit.browser.resize(1280, 800).await;
        visit.browser.go(&visit.base).await;
        visit.sign_in("root").await;
        visit.browser.before_pages(&instead(answer)).await;
        wrong.extend(check(&visit, what, expected).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A gateway that does not find its master key.
pub(super) async fn sealed() -> InProcess {
    let gateway = InProcess::start_with_view(Timeouts::default()).await;
    gateway.add_user("ana", None).await;
    let away = |dir: &std::path::Path| {
        std::fs::rename(dir.join("master.key"), dir.join("away.key")).unwrap();
    };
    gateway.restart_after(away).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_that_the_gateway_is_sealed_or_gone() {
    let gateway = sealed().await;
    let visit = Visit::signed_in(&gateway, "root").await;
    let mut wrong = check(&visit, "sealed", "[data-testid='sealed']").await;

    let page = &visit.browser.page;
    let fetched = "const there = performance.getEntriesByType('resource').filter((entry) => entry.responseEnd > 0);
        return ['approvals', 'audit', 'grants', 'people', 'settings'].every((name) => there.some((entry) => entry.name.includes('/' + name + '-')));";
    let all = async || (page.run(fetched).await == true).then_some(());
    eventually("the code of all pages is there", all).await;
    gateway.stop().await;
    page.matching("[data-testid='state'][data-state='stopped']").await;
    // Those that were never opened, too: their code is there before they are wanted.
    for id in ["nav-home", "nav-approvals", "nav-grants", "nav-people", "nav-settings", "nav-audit"]
    {
        page.click(id).await;
        page.matching("#page h1").await;
        page.matching("#page .notice[data-tone='deny']").await;
        wrong.extend(axe::violations(page, Look::Light, id, "gone").await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A gateway that nobody has set up, and a browser at it.
pub(super) struct New {
    pub(super) visit: Visit,
    running: agw_gateway::Running,
    _dir: tempfile::TempDir,
}

impl New {
    pub(super) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let view = Some(seed::web_view());
        let running = InProcess::serve_view(dir.path(), Timeouts::default(), view).await;
        let browser = Chromium::open().await;
        browser.resize(1280, 800).await;
        let visit = Visit { browser, base: format!("http://{}/", running.address()) };
        visit.browser.go(&visit.base).await;
        Self { visit, running, _dir: dir }
    }

    pub(super) async fn stop(self) {
        self.running.stop().await;
    }
}

/// Goes from the welcome to the first page and back out; looks at what comes before it.
pub(super) async fn before_the_first_page(visit: &Visit, mut look_at: impl AsyncFnMut(&str)) {
    let page = &visit.browser.page;
    page.find("welcome-begin").await;
    look_at("welcome").await;
    page.click("welcome-begin").await;
    page.find("setup-submit").await;
    look_at("set-up").await;
    page.fill("setup-admin", "root").await;
    page.fill("setup-password", PASSWORD).await;
    page.fill("setup-password-again", "another").await;
    page.click("setup-submit").await;
    look_at("set-up with a mistake").await;
    let again = "document.querySelector(\"[data-testid='setup-password-again']\").select()";
    page.run(again).await;
    page.fill("setup-password-again", PASSWORD).await;
    page.click("setup-submit").await;
    page.find("recovery-key").await;
    look_at("the recovery key").await;
    // Whoever loads the page anew has the session, and not the key.
    visit.browser.go("about:blank").await;
    visit.browser.go(&visit.base).await;
    page.matching("#page h1").await;
    page.click("account").await;
    page.click("sign-out").await;
    page.find("signin-submit").await;
    look_at("signed out").await;
    page.fill("signin-user", "root").await;
    page.fill("signin-password", "wrong").await;
    page.click("signin-submit").await;
    page.matching("[role='alert']").await;
    look_at("a wrong password").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_page_everything_passes_too() {
    let new = New::start().await;
    let Visit { browser, .. } = &new.visit;
    let mut wrong = Vec::new();
    before_the_first_page(&new.visit, async |name| {
        for (look_name, look) in LOOKS {
            browser.look(look).await;
            let found = axe::violations(&browser.page, look, name, look_name).await;
            let of_page =
                |line: &String| !line.contains("no navigation") && !line.contains("no live");
            wrong.extend(found.into_iter().filter(of_page));
        }
    })
    .await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_auditors_get_pages_that_pass_too() {
    let seeded = seed::Seeded::start().await;
    let mut wrong = Vec::new();
    for user in ["ana", "vera"] {
        let visit = Visit::signed_in(&seeded.gateway, user).await;
        for screen in pages() {
            visit.browser.go("about:blank").await;
            visit.browser.go(&format!("{}#{}", visit.base, screen.route())).await;
            visit.browser.page.matching("#page h1").await;
            visit.settled().await;
            let name = format!("{} of {user}", screen.name);
            let page = &visit.browser.page;
            wrong.extend(axe::violations(page, Look::Light, &name, "light").await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
