//! Every screen in a real browser at a real gateway: with everything on it,
//! with nothing, while the gateway is sealed, gone or refuses, in every look.

mod axe;
mod hostile;
mod keyboard;
mod members;
mod pictures;
mod states;
mod table;

use std::time::Duration;

use crate::support::{
    InProcess, PASSWORD,
    chromium::{Chromium, LOOKS, Look},
    process::eventually,
    seed::Seeded,
};
use table::{SCREENS, Screen, Step};

/// The sizes that the window has at first and at least, and a phone's.
const SIZES: [(u32, u32); 3] = [(1280, 800), (900, 600), (390, 844)];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs until it is interrupted: a gateway to look at"]
async fn seeded_gateway_to_look_at() {
    let seeded = Seeded::start().await;
    println!("{}  root, ana or vera / {PASSWORD}", seeded.gateway.url("/"));
    std::future::pending::<()>().await;
}

/// A screen that takes longer on a busy machine is not there.
const OPENS_WITHIN: Duration = Duration::from_secs(45);

/// A browser at a gateway.
struct Visit {
    browser: Chromium,
    base: String,
}

impl Visit {
    async fn start(gateway: &InProcess) -> Self {
        let browser = Chromium::open().await;
        browser.resize(1280, 800).await;
        Self { browser, base: gateway.url("/") }
    }

    async fn signed_in(gateway: &InProcess, user: &str) -> Self {
        let visit = Self::start(gateway).await;
        visit.browser.go(&visit.base).await;
        visit.sign_in(user).await;
        visit
    }

    async fn sign_in(&self, user: &str) {
        self.browser.page.fill("signin-user", user).await;
        self.browser.page.fill("signin-password", PASSWORD).await;
        self.browser.page.click("signin-submit").await;
        self.browser.page.matching("#page h1").await;
    }

    /// Opens a screen as if it was the first thing that somebody opens.
    async fn open(&self, screen: &Screen) {
        let page = &self.browser.page;
        self.browser.go("about:blank").await;
        self.browser.go(&format!("{}#{}", self.base, screen.at)).await;
        page.matching("main").await;
        for step in screen.steps {
            match *step {
                Step::Click(id) => page.click(id).await,
                Step::ClickCss(css) => page.click_matching(css).await,
                Step::Fill(id, text) => page.fill(id, text).await,
                Step::Press(keys) => self.browser.press(keys).await,
            }
        }
        page.matching(screen.shows).await;
        self.settled().await;
    }

    /// The same; says so if the screen does not come, so that the others are looked at, too.
    async fn opens(&self, screen: &Screen) -> Result<(), String> {
        let opened = tokio::time::timeout(OPENS_WITHIN, self.open(screen)).await;
        let shows = screen.shows;
        let page = &self.browser.page;
        match opened {
            Ok(()) => Ok(()),
            Err(_) => Err(format!("{}: no {shows}; it says: {}", screen.name, page.text().await)),
        }
    }

    /// Nothing is being read any more.
    async fn settled(&self) {
        let still = "return document.querySelector('.loading, [data-loading]') === null";
        let page = &self.browser.page;
        let check = async || (page.run(still).await == true).then_some(());
        eventually("nothing is read any more", check).await;
    }

    /// What sticks out sideways.
    async fn sticks_out(&self) -> String {
        let script = "const page = document.getElementById('page') ?? document.body;
            const wide = page.scrollWidth > page.clientWidth || document.body.scrollWidth > innerWidth;
            if (!wide) return '';
            const right = page.getBoundingClientRect().right;
            const out = [...page.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > right + 1 && !e.closest('.table-scroll, [class*=ScrollArea], .feed-scroll'));
            return out.slice(0, 5).map((e) => e.outerHTML.slice(0, 160)).join(' | ') || 'the page';";
        let found = self.browser.page.run(script).await;
        found.as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_passes_axe_in_every_look() {
    let seeded = Seeded::start().await;
    let visit = Visit::signed_in(&seeded.gateway, "root").await;
    let mut wrong = Vec::new();
    for screen in SCREENS {
        visit.browser.look(Look::Light).await;
        if let Err(missing) = visit.opens(screen).await {
            wrong.push(missing);
            continue;
        }
        for (name, look) in LOOKS {
            visit.browser.look(look).await;
            wrong.extend(axe::violations(&visit.browser.page, look, screen.name, name).await);
        }
    }
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), wrong.join("\n"));
    // What was refused or is not there yet, the browser says itself.
    let mut console = visit.browser.console().await;
    console.retain(|line| !line.contains("status of 401") && !line.contains("status of 404"));
    assert!(console.is_empty(), "{console:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_fits_its_window_with_large_text_and_wide_spacing_too() {
    let seeded = Seeded::start().await;
    let visit = Visit::signed_in(&seeded.gateway, "root").await;
    // WCAG 1.4.12, on top of what the screen does itself.
    let spacing = "const style = document.createElement('style');
        style.textContent = '* { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }';
        document.head.append(style);";
    let mut wrong = Vec::new();
    for screen in SCREENS {
        visit.browser.resize(1280, 800).await;
        if let Err(missing) = visit.opens(screen).await {
            wrong.push(missing);
            continue;
        }
        // At 1280 pixels and 200 %, there is room for 640.
        for (width, height) in SIZES.into_iter().chain([(640, 400)]) {
            visit.browser.resize(width, height).await;
            let out = visit.sticks_out().await;
            if !out.is_empty() {
                wrong.push(format!("{} at {width}: {out}", screen.name));
            }
        }
        visit.browser.resize(1280, 800).await;
        visit.browser.page.run(spacing).await;
        let out = visit.sticks_out().await;
        if !out.is_empty() {
            wrong.push(format!("{} with wide spacing: {out}", screen.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_route_has_a_screen_in_the_table() {
    let router = include_str!("../ui/src/app/router.tsx");
    let routes: Vec<&str> =
        router.split("path: \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(routes.len() >= 7, "{routes:?}");
    let known = |route: &str| SCREENS.iter().any(|screen| screen.route() == route);
    let missing: Vec<_> = routes.iter().filter(|route| !known(route)).collect();
    assert!(missing.is_empty(), "add them to tests/screens/table.rs: {missing:?}");
    let gone: Vec<&str> = SCREENS
        .iter()
        .filter(|screen| !routes.contains(&screen.route()))
        .map(|screen| screen.name)
        .collect();
    assert!(gone.is_empty(), "no such route any more: {gone:?}");
}
