//! A picture of every screen at each of its sizes, in light and in dark, left
//! in `target/screenshots`: to look at, and for the docs. `cargo xtask
//! screenshots` takes them, with those of the real window (`tests/window`).

use std::time::Duration;

use agw_gateway::Timeouts;

use super::{
    SCREENS, SIZES, Screen, Visit,
    states::{New, before_the_first_page, pages, sealed},
};
use crate::support::{InProcess, chromium::Look, seed::Seeded};

const LOOKS: [(&str, Look); 2] = [("light", Look::Light), ("dark", Look::Dark)];
/// Answers can be given again when nothing has moved for half a second.
const ANSWERABLE: Duration = Duration::from_secs(1);

/// What is open now: made larger and smaller, lighter and darker in place.
async fn take(visit: &Visit, name: &str, with_phone: bool) {
    println!("{name}");
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let file = words.collect::<Vec<_>>().join("-");
    for (width, height) in SIZES.into_iter().take(if with_phone { 3 } else { 2 }) {
        visit.browser.resize(width, height).await;
        if with_phone {
            tokio::time::sleep(ANSWERABLE).await;
        }
        for (look_name, look) in LOOKS {
            visit.browser.look(look).await;
            visit.settled().await;
            visit.browser.page.picture(&format!("{file}-{width}x{height}-{look_name}")).await;
        }
    }
    visit.browser.look(Look::Light).await;
    visit.browser.resize(1280, 800).await;
}

async fn take_all(
    visit: &Visit,
    screens: impl IntoIterator<Item = &Screen>,
    state: &str,
) -> Vec<String> {
    let mut missing = Vec::new();
    for screen in screens {
        let name = format!("{} {state}", screen.name);
        match visit.opens(screen).await {
            Ok(()) => take(visit, &name, screen.route() == "/approvals").await,
            Err(why) => missing.push(why),
        }
    }
    missing
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes pictures to look at: cargo xtask screenshots"]
async fn of_every_screen() {
    let seeded = Seeded::start().await;
    let visit = Visit::signed_in(&seeded.gateway, "root").await;
    // First those whose agents do not wait for ever.
    let (waiting, others): (Vec<&Screen>, Vec<&Screen>) =
        SCREENS.iter().partition(|screen| screen.route() == "/approvals");
    let mut missing = take_all(&visit, waiting.into_iter().chain(others), "").await;
    let visit = Visit::signed_in(&seeded.gateway, "ana").await;
    let own = SCREENS.iter().filter(|screen| ["home", "approvals"].contains(&screen.name));
    missing.extend(take_all(&visit, own, "of a member").await);
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes pictures to look at: cargo xtask screenshots"]
async fn of_every_page_with_nothing_on_it() {
    let gateway = InProcess::start_with_view(Timeouts::default()).await;
    let visit = Visit::signed_in(&gateway, "root").await;
    let bare =
        |page: &Screen| Screen { name: page.name, at: page.route(), steps: &[], shows: "#page h1" };
    let bare: Vec<_> = pages().map(bare).collect();
    let missing = take_all(&visit, &bare, "empty").await;
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes pictures to look at: cargo xtask screenshots"]
async fn of_what_comes_before_the_first_page() {
    let new = New::start().await;
    before_the_first_page(&new.visit, async |name| take(&new.visit, name, false).await).await;
    new.stop().await;
    let sealed = sealed().await;
    let visit = Visit::signed_in(&sealed, "root").await;
    take(&visit, "home, sealed", false).await;
}
