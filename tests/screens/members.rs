//! Members and auditors in a browser, from another machine: an invite, a
//! member's home, and that nothing is offered or asked for that is not theirs.

use serde_json::{Value, json};

use super::{Visit, axe, table::SCREENS};
use crate::support::{
    InProcess,
    chromium::{Chromium, Look},
    seed::Seeded,
    shared::share,
};

const CHOSEN: &str = "a long password of my own";

/// The pages of the sidebar.
const PAGES: [&str; 7] = [
    "nav-home",
    "nav-approvals",
    "nav-grants",
    "nav-tools",
    "nav-connections",
    "nav-people",
    "nav-audit",
];

async fn invited(gateway: &InProcess, user: &str) -> agw_api::InviteCreated {
    gateway.admin.post("/api/v1/invites", &json!({"user": user})).await.unwrap()
}

/// Goes to every page; what each of them says.
async fn rounds(visit: &Visit) -> String {
    let page = &visit.browser.page;
    let mut said = String::new();
    for id in PAGES {
        page.click(id).await;
        page.matching("#page h1").await;
        visit.settled().await;
        said.push_str(&page.text().await);
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_accepts_an_invite_on_another_machine_and_sees_only_what_is_theirs() {
    let seeded = Seeded::start().await;
    let gateway = &seeded.gateway;
    let base = share(gateway).await;
    let made = invited(gateway, "mia").await;
    gateway.grant("mia", "crm.search_contacts", "allow").await;
    let secret = made.link.rsplit_once('/').unwrap().1.to_owned();
    let browser = Chromium::open_trusting().await;
    browser.resize(1280, 800).await;
    let visit = Visit { browser, base: format!("{base}/") };
    let page = &visit.browser.page;

    visit.browser.go(&made.link).await;
    page.find("invite-password").await;
    assert!(page.text().await.contains("Welcome, mia"));
    assert!(axe::violations(page, Look::Light, "an invite", "light").await.is_empty());
    page.picture("invite-light").await;
    // The secret stays in the page's memory alone.
    let kept = "return location.href + JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.documentElement.outerHTML";
    let kept = page.run(kept).await;
    assert!(!kept.as_str().unwrap().contains(&secret));
    page.fill("invite-password", CHOSEN).await;
    page.fill("invite-again", CHOSEN).await;
    page.click("invite-submit").await;

    page.find("own-agents").await;
    visit.settled().await;
    assert!(page.text_of("[data-testid='own-permissions']").await.contains("search_contacts"));
    page.picture("member-home-light").await;
    visit.browser.look(Look::Dark).await;
    page.picture("member-home-dark").await;
    visit.browser.look(Look::Light).await;
    let said = rounds(&visit).await;
    for other in ["ben", "chen", "vera", "claude-desktop", "cursor", "send_invoice"] {
        let found = said.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
        assert!(found.into_iter().all(|word| word != other), "{other} in {said}");
    }
    for offered in ["user-add", "invite", "connection-add", "grant-add", "sharing-save"] {
        let found = page.all(&format!("[data-testid='{offered}']")).await;
        assert!(found.is_empty(), "{offered} is offered");
    }

    // An agent of their own: its token once, with the shared address.
    page.click("nav-home").await;
    page.click("agent-add").await;
    page.fill("agent-name", "laptop").await;
    page.click("agent-submit").await;
    let token = page.text_of("[data-testid='token']").await;
    assert!(page.text_of("[data-testid='client-snippet']").await.contains(&format!("{base}/mcp")));
    page.picture("member-token-light").await;
    page.click("token-done").await;
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let tools = crate::support::http::ask("GET", &format!("{base}/mcp/tools"), &headers, "").await;
    let tools: Value = tools.json();
    assert_eq!(tools["tools"][0]["id"], "crm.search_contacts");

    // Or none to handle: programs that sign in need the address alone.
    page.click("nav-home").await;
    page.click("agent-connect").await;
    let address = page.text_of("[data-testid='client-sign-in']").await;
    assert_eq!(address, format!("{base}/mcp"));
    page.picture("member-connect-light").await;

    // Nothing was asked for that is not theirs.
    let console = visit.browser.console().await;
    assert!(console.is_empty(), "{console:#?}");

    // The link is used up.
    visit.browser.go("about:blank").await;
    visit.browser.go(&made.link).await;
    page.find("invite-sign-in").await;
    assert!(page.text().await.contains("not good any more"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_asks_for_what_a_member_or_an_auditor_may_not_see() {
    let seeded = Seeded::start().await;
    for user in ["ana", "vera"] {
        let visit = Visit::signed_in(&seeded.gateway, user).await;
        let _ = visit.browser.console().await;
        rounds(&visit).await;
        let console = visit.browser.console().await;
        assert!(console.is_empty(), "{user}: {console:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_member_fit_a_phone() {
    let seeded = Seeded::start().await;
    let visit = Visit::signed_in(&seeded.gateway, "ana").await;
    let mut wrong = Vec::new();
    for name in ["home", "approvals"] {
        let screen = SCREENS.iter().find(|screen| screen.name == name).unwrap();
        visit.open(screen).await;
        visit.browser.resize(390, 844).await;
        let out = visit.sticks_out().await;
        if !out.is_empty() {
            wrong.push(format!("{name}: {out}"));
        }
        visit.browser.page.picture(&format!("member-{name}-phone")).await;
        visit.browser.resize(1280, 800).await;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
