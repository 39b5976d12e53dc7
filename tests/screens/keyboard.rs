//! Everything without a mouse, and where the focus is meanwhile.

use agw_api::Grant;

use super::Visit;
use crate::support::{PASSWORD, desktop::Driver, process::eventually, seed::Seeded};

const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const DOWN: &str = "\u{e015}";
const RIGHT: &str = "\u{e014}";
const CONTROL: &str = "\u{e009}";
const END_OF_CHORD: &str = "\u{e000}";

impl Visit {
    /// Goes on with Tab until what matches has the focus.
    async fn tab_to(&self, css: &str) {
        for _ in 0..120 {
            if focused(&self.browser.page, css).await {
                return;
            }
            self.browser.press(TAB).await;
        }
        panic!("Tab does not reach {css}; the focus is at {}", at(&self.browser.page).await);
    }

    async fn focus_is_at(&self, css: &str) {
        let what = format!("the focus is at {css}");
        let page = &self.browser.page;
        eventually(&what, async || focused(page, css).await.then_some(())).await;
    }

    /// Ctrl+K, some words, Enter.
    async fn by_palette(&self, words: &str, first: &str) {
        self.browser.press(&format!("{CONTROL}k{END_OF_CHORD}")).await;
        self.focus_is_at(".mantine-Spotlight-search").await;
        self.browser.press(words).await;
        let what = format!("the palette finds {first}");
        eventually(&what, async || {
            let found = self.browser.page.all(".mantine-Spotlight-action").await;
            let text = found.first()?.text().await.ok()?;
            text.contains(first).then_some(())
        })
        .await;
        self.browser.press(ENTER).await;
    }
}

async fn focused(page: &Driver, css: &str) -> bool {
    let script = format!("return document.activeElement?.matches({css:?}) ?? false");
    page.run(&script).await == true
}

async fn at(page: &Driver) -> String {
    page.run("return document.activeElement?.outerHTML.slice(0, 200)").await.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_a_mouse() {
    let seeded = Seeded::start().await;
    let visit = Visit::start(&seeded.gateway).await;
    let (browser, page) = (&visit.browser, &visit.browser.page);
    browser.go(&visit.base).await;
    page.find("signin-user").await;
    visit.tab_to("[data-testid='signin-user']").await;
    browser.press("root").await;
    browser.press(TAB).await;
    visit.tab_to("[data-testid='signin-password']").await;
    browser.press(&format!("{PASSWORD}{ENTER}")).await;
    page.matching("#page h1").await;

    // The first stop is past the navigation, for those who want it.
    visit.tab_to(".skip").await;
    browser.press(ENTER).await;
    visit.focus_is_at("#page").await;

    // A page, by its keys; its title is what is read out.
    browser.press("g").await;
    browser.press("p").await;
    visit.focus_is_at("#page h1").await;
    assert!(page.text_of("#page h1").await.contains("People"));

    // A dialog keeps the focus, and gives it back.
    visit.tab_to("[data-testid='user-add']").await;
    browser.press(ENTER).await;
    visit.focus_is_at("[role='dialog'] *").await;
    for _ in 0..15 {
        browser.press(TAB).await;
        visit.focus_is_at("[role='dialog'] *").await;
    }
    browser.press(ESCAPE).await;
    visit.focus_is_at("[data-testid='user-add']").await;
    browser.press(ENTER).await;
    visit.tab_to("[data-testid='user-name']").await;
    // Letters are letters while one types: no page opens, and no list of keys.
    browser.press("gh?").await;
    assert!(page.all("[data-testid='key-sheet']").await.is_empty());
    browser.press("\u{e003}\u{e003}\u{e003}dora").await;
    browser.press(ENTER).await;
    page.find("user-dora").await;

    // A grant, in the grid: find dora, go to a tool, allow, apply.
    visit.by_palette("permissions", "Permissions").await;
    visit.focus_is_at("#page h1").await;
    page.find("permission-grid").await;
    visit.tab_to("[data-testid='permission-grid']").await;
    browser.press("p").await;
    visit.focus_is_at("input").await;
    browser.press("dora").await;
    page.matching("[data-testid^='cell-'][data-testid*='dora']").await;
    visit.tab_to("[data-testid='permission-grid']").await;
    browser.press(&format!("{DOWN}{RIGHT}a")).await;
    page.find("grid-apply").await;
    browser.press(&format!("{CONTROL}{ENTER}{END_OF_CHORD}")).await;
    // What is about to change is shown first.
    visit.tab_to("[data-testid='grid-review-apply']").await;
    browser.press(ENTER).await;
    eventually("dora is granted it", async || {
        let grants: Vec<Grant> = seeded.gateway.admin.get("/api/v1/grants").await.unwrap();
        grants.iter().any(|grant| grant.subject.contains("dora")).then_some(())
    })
    .await;

    // The story of a call, and back to where one was; no dialog takes the keys.
    page.gone("grid-review-apply").await;
    browser.press("g").await;
    browser.press("h").await;
    visit.focus_is_at("#page h1").await;
    visit.tab_to("[data-testid='feed-row'] button").await;
    let row = at(page).await;
    browser.press(ENTER).await;
    page.find("call-story").await;
    visit.focus_is_at("[role='dialog'] *").await;
    browser.press(ESCAPE).await;
    visit.focus_is_at("[data-testid='feed-row'] button").await;
    assert_eq!(at(page).await, row);

    // The list of keys, which can be switched off.
    browser.press("?").await;
    page.matching(".keys-list kbd").await;
    visit.tab_to("[data-testid='single-keys']").await;
    browser.press(" ").await;
    browser.press(ESCAPE).await;
    visit.focus_is_at("[data-testid='feed-row'] button").await;
    browser.press("?").await;
    assert!(page.all("[data-testid='key-sheet']").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_palette_finds_everything_and_respects_the_role() {
    let seeded = Seeded::start().await;
    let visit = Visit::signed_in(&seeded.gateway, "root").await;
    let page = &visit.browser.page;
    let address = async || page.run("return location.hash").await.as_str().unwrap().to_owned();
    for (words, first, shows) in [
        ("people", "People", "#/people"),
        ("vera", "vera", "#/people?user=vera"),
        ("cursor", "cursor", "#/people?user=ana"),
        ("wiki", "wiki", "#/connections?open=wiki"),
        ("update contact", "crm.update_contact", "#/tools?find=crm.update_contact"),
        ("verify", "Verify", "#/audit?view=proof"),
        ("connect an agent", "Connect an agent", "#/people?part=clients"),
        ("outgoing", "Outgoing connections", "#/settings?part=egress"),
        ("suggest", "Suggestions", "#/grants?view=suggestions"),
    ] {
        visit.by_palette(words, first).await;
        let what = format!("{words} leads to {shows}");
        eventually(&what, async || (address().await == shows).then_some(())).await;
    }
    for (words, dialog) in [("add a person", "user-name"), ("add a connection", "catalogue-find")] {
        visit.by_palette(words, "Add a").await;
        page.find(dialog).await;
        visit.browser.press(ESCAPE).await;
        page.gone(dialog).await;
        assert!(!address().await.contains("add="), "{words} is closed");
    }
    visit.by_palette("more contrast", "More contrast").await;
    page.matching("html[data-contrast='more']").await;
    visit.by_palette("colors dark", "Colors: dark").await;
    page.matching("html[data-mantine-color-scheme='dark']").await;
    visit.by_palette("pause all", "Pause all agents").await;
    page.matching("[data-testid='state'][data-state='paused']").await;
    visit.by_palette("resume all", "Resume all agents").await;
    page.matching("[data-testid='state'][data-state='enforcing']").await;

    let member = Visit::signed_in(&seeded.gateway, "ana").await;
    member.browser.press(&format!("{CONTROL}k{END_OF_CHORD}")).await;
    member.focus_is_at(".mantine-Spotlight-search").await;
    member.browser.page.matching(".mantine-Spotlight-action").await;
    let offered = member.browser.page.text_of(".mantine-Spotlight-body").await;
    assert!(offered.contains("Sign out"), "{offered}");
    for word in ["Pause all", "Add a person", "Add a connection", "Verify"] {
        assert!(!offered.contains(word), "a member is offered: {word}");
    }
}
