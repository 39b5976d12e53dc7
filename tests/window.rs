//! The desktop app as a person uses it: a real window, a real tray, a real
//! keychain. What it looks like is left in `target/screenshots`.

mod agent;
mod clients;
mod first_run;
mod prompt;
mod tray;

use serde_json::json;

use crate::support::{
    PASSWORD,
    desktop::{Desktop, Driver, Notifications, Tray, app},
    process::eventually,
};
use agent::Agent;

/// As long as a tool's name may be, and nowhere to break it.
const LONG_NAME: &str = "list_all_the_things_that_somebody_has_ever_put_into_this_system_and_that_nobody_has_taken_out_again_since_then_however_old_it_is";
/// What the window's page runs in.
const WEB_PROCESS: &str = "WebKitWebProcess";

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_clicked_in_the_window_lets_the_next_call_through() {
    let mut desktop = Desktop::with_tray().await;
    let window = Driver::open(&mut desktop, &[]).await;
    first_run::set_up(&window).await;
    desktop.agw(&["login", "root", "--password-stdin"], PASSWORD).await;
    assert_eq!(desktop.agw(&["status"], "").await[0]["master_key"], "keychain");
    let agent = Agent::of_ana(&desktop).await;

    agent.is_refused(403, "not_granted").await;
    window.click("nav-grants").await;
    window.choose("grants-user", "ana").await;
    // The grid has moved, and has no others any more.
    window.find("cell-ana/claude-fix.echo").await;
    grant_by_mouse(&window, "allow", true).await;
    agent.is_allowed().await;
    window.picture("grants").await;

    window.click("nav-home").await;
    seen_calls(&window, 1, 1).await;
    agent.is_allowed().await;
    seen_calls(&window, 2, 1).await;
    let row = window.text_of("[data-testid='feed-row'][data-decision='allow']").await;
    assert!(row.contains("ana / claude") && row.contains("fix.echo"), "{row}");
    window.picture("home").await;

    window.click("nav-grants").await;
    window.choose("grants-user", "ana").await;
    // The grid has moved, and has no others any more.
    window.find("cell-ana/claude-fix.echo").await;
    grant_by_mouse(&window, "none", true).await;
    agent.is_refused(403, "not_granted").await;
    // Denied is what those calls were before.
    grant_by_mouse(&window, "deny", false).await;
    assert_eq!(desktop.agw(&["grants", "ana"], "").await[0]["effect"], "deny");
    agent.is_refused(403, "not_granted").await;
    assert_eq!(agent.upstream.calls().len(), 2);
    take_pictures(&desktop, &window, "light").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_grid_is_edited_by_keyboard_alone() {
    let mut desktop = Desktop::bare().await;
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let agent = Agent::of_ana(&desktop).await;
    sign_in(&window).await;
    agent.is_refused(403, "not_granted").await;

    tab_to(&desktop, &window, "nav-grants").await;
    desktop.press("Return").await;
    window.find("permission-grid").await;
    tab_to(&desktop, &window, "permission-grid").await;
    // From all of everything to all of the connection, and its first tool.
    desktop.press("Down").await;
    desktop.press("Down").await;
    let active = "const grid = document.querySelector('[role=grid]');
        return document.getElementById(grid.getAttribute('aria-activedescendant'))?.dataset.testid";
    let at_echo = async || (window.run(active).await == "cell-ana-fix.echo").then_some(());
    eventually("the keys lead to the cell", at_echo).await;

    for (key, effect) in [("a", "allow"), ("d", "deny"), ("k", "ask"), ("BackSpace", "none")] {
        desktop.press(key).await;
        window.matching("[data-testid='grid-changes'][data-count='1']:not([data-past=''])").await;
        desktop.press("ctrl+Return").await;
        let applied =
            format!("[data-testid='cell-ana-fix.echo'][data-own='{effect}']:not([data-pending])");
        // Where past calls would have come out otherwise, it asks first.
        let is_asked = async || {
            let asked = !window.all("[data-testid='grid-review-apply']").await.is_empty();
            (asked || !window.all(&applied).await.is_empty()).then_some(asked)
        };
        if eventually("it is applied or asks", is_asked).await {
            tab_to(&desktop, &window, "grid-review-apply").await;
            desktop.press("Return").await;
        }
        window.matching(&applied).await;
        match effect {
            "allow" => agent.is_allowed().await,
            "deny" | "none" => agent.is_refused(403, "not_granted").await,
            _ => assert_eq!(desktop.agw(&["grants", "ana"], "").await[0]["effect"], "ask"),
        }
        window.gone("grid-review-dialog").await;
        tab_to(&desktop, &window, "permission-grid").await;
    }
    assert_eq!(agent.upstream.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tray_pauses_agents_and_enforcement_outlives_the_window() {
    let mut desktop = Desktop::with_tray().await;
    let window = Driver::open(&mut desktop, &[]).await;
    let tray = Tray::of(&desktop).await;
    tray.wait_for_state("Not set up").await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    // Nobody reloads the window: it notices.
    sign_in(&window).await;
    let agent = Agent::of_ana(&desktop).await;
    desktop.agw(&["grant", "ana", "fix.echo", "allow"], "").await;
    agent.is_allowed().await;

    pausing_from_tray_and_window(&desktop, &window, &tray, &agent).await;
    closing_and_opening(&desktop, &window, &tray, &agent).await;

    // The question also reaches a page that is not there yet.
    desktop.close_window().await;
    tray.choose("Quit").await;
    window.look_at_new_window().await;
    window.find("quit-cancel").await;
    window.picture("quit").await;
    window.click("quit-cancel").await;
    window.gone("quit-cancel").await;
    tray.choose("Quit").await;
    let service = desktop.service().await;
    window.click_last("quit-leave").await;
    desktop.processes("ai-agent-gateway", 0).await;
    agent.is_allowed().await;

    // The next start finds the service that runs, and stops it if asked.
    let window = Driver::open(&mut desktop, &[("GTK_THEME", "Adwaita:dark")]).await;
    window.find("signin-user").await;
    window.picture("sign-in-dark").await;
    sign_in(&window).await;
    assert_eq!(desktop.service().await.pid, service.pid);
    take_pictures(&desktop, &window, "dark").await;
    Tray::of(&desktop).await.choose("Quit").await;
    window.find("quit-stop").await;
    window.picture("quit-dark").await;
    window.click_last("quit-stop").await;
    desktop.processes("ai-agent-gateway", 0).await;
    desktop.processes("agw", 0).await;
    assert!(agent.call().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_at_the_desktop_answers_calls_that_are_held() {
    let mut desktop = Desktop::with_tray().await;
    let notifications = Notifications::serve(desktop.bus_address()).await;
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let agent = Agent::of_ana(&desktop).await;
    let grant = &desktop.agw(&["grant", "ana", "fix.echo", "ask"], "").await[0];
    sign_in(&window).await;
    let tray = Tray::of(&desktop).await;

    // From the notification.
    let answer = async {
        let shown = eventually("it is shown", async || notifications.shown().pop()).await;
        assert!(shown.summary.contains("ana/claude") && shown.summary.contains("fix.echo"));
        assert!(shown.body.contains("hi"), "{shown:?}");
        assert_eq!(shown.actions, ["default", "approve", "deny"]);
        tray.choose("1 call waits").await;
        window.matching("[data-testid='approval']").await;
        window.picture("approval").await;
        assert_eq!(agent.upstream.calls().len(), 0, "it was not held");
        notifications.invoke(shown.id, "approve").await;
    };
    let ((), reply) = tokio::join!(answer, agent.call());
    assert_eq!(reply, Some((200, json!({"echo": {"text": "hi"}}))));

    // In the window, with a note.
    let answer = async {
        window.matching("[data-testid='approval'][data-approval='p2']").await;
        window.fill("deny-note", "ask me again tomorrow").await;
        window.matching("[data-testid='deny']:not([disabled])").await;
        window.click("deny").await;
    };
    let ((), reply) = tokio::join!(answer, agent.call());
    let (status, body) = reply.unwrap();
    assert_eq!((status, &body["code"]), (403, &json!("approval_denied")), "{body}");
    assert!(body["message"].as_str().unwrap().contains("tomorrow"), "{body}");
    let gone = async || notifications.shown().is_empty().then_some(());
    eventually("nothing is left on the desktop", gone).await;

    // And the grant is narrowed.
    window.click("nav-grants").await;
    window.click("grants-view-all").await;
    window.click(&format!("edit-{}", grant["id"].as_str().unwrap())).await;
    window.fill("grant-cel", "args.text == 'bye'").await;
    window.matching("[data-testid='grant-save']:not([disabled])").await;
    window.picture("grant-dialog").await;
    window.click("grant-save").await;
    window.gone("grant-dialog").await;
    assert_eq!(desktop.agw(&["grants"], "").await[0]["when"], "args.text == 'bye'");
    agent.is_refused(403, "denied").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_a_second_start_brings_the_window_back() {
    let mut desktop = Desktop::bare().await;
    desktop.start(app(), &[]);
    desktop.window(true).await;
    let service = desktop.service().await;
    desktop.processes(WEB_PROCESS, 1).await;

    desktop.close_window().await;
    // With the window goes the memory that it took.
    desktop.processes(WEB_PROCESS, 0).await;
    desktop.processes("ai-agent-gateway", 1).await;

    desktop.run(app(), &[]).await.expect(0);
    desktop.window(true).await;
    desktop.processes(WEB_PROCESS, 1).await;
    desktop.processes("ai-agent-gateway", 1).await;
    assert_eq!(desktop.service().await.pid, service.pid);
}

/// Sets what `ana` may do with `fix.echo`, and applies it; `flips` says whether
/// calls of the past would have been decided otherwise, which is asked about.
async fn grant_by_mouse(window: &Driver, effect: &str, flips: bool) {
    window.click("cell-ana-fix.echo").await;
    window.click(&format!("grant-fix.echo-{effect}")).await;
    let past = if flips { "other" } else { "same" };
    window.matching(&format!("[data-testid='grid-changes'][data-past='{past}']")).await;
    window.click("grid-apply").await;
    if flips {
        window.click("grid-review-apply").await;
    }
    let applied =
        format!("[data-testid='cell-ana-fix.echo'][data-own='{effect}']:not([data-pending])");
    window.matching(&applied).await;
    window.gone("grid-changes").await;
}

/// Presses the Tab key until this has the focus.
async fn tab_to(desktop: &Desktop, window: &Driver, id: &str) {
    for _ in 0..60 {
        if window.run("return document.activeElement?.dataset.testid ?? ''").await == id {
            return;
        }
        desktop.press("Tab").await;
    }
    panic!("the Tab key never leads to {id}");
}

pub async fn sign_in(window: &Driver) {
    window.fill("signin-user", "root").await;
    window.fill("signin-password", PASSWORD).await;
    window.click("signin-submit").await;
    window.find("nav-home").await;
}

async fn pausing_from_tray_and_window(
    desktop: &Desktop,
    window: &Driver,
    tray: &Tray,
    agent: &Agent,
) {
    tray.wait_for_state("Enforcing").await;
    let enforcing = tray.icon().await;
    tray.choose("Pause all agents").await;
    tray.wait_for_state("Paused").await;
    agent.is_refused(503, "paused").await;
    window.matching("[data-testid='state'][data-state='paused']").await;
    let row = window.text_of("[data-testid='feed-row'][data-decision='deny']").await;
    assert!(row.contains("ana / claude") && row.contains("fix.echo"), "{row}");
    assert!(row.contains("Paused"), "{row}");
    window.picture("paused").await;
    desktop.picture("desktop-paused").await;
    assert_ne!(tray.icon().await, enforcing);
    tray.choose("Resume").await;
    tray.wait_for_state("Enforcing").await;
    agent.is_allowed().await;
    assert_eq!(tray.icon().await, enforcing);

    window.click("pause").await;
    tray.wait_for_state("Paused").await;
    agent.is_refused(503, "paused").await;
    window.click("resume").await;
    tray.wait_for_state("Enforcing").await;
    agent.is_allowed().await;
}

async fn closing_and_opening(desktop: &Desktop, window: &Driver, tray: &Tray, agent: &Agent) {
    desktop.close_window().await;
    agent.is_allowed().await;
    tray.wait_for_state("Enforcing").await;
    tray.choose("Pause all agents").await;
    tray.wait_for_state("Paused").await;
    agent.is_refused(503, "paused").await;

    tray.choose("Open").await;
    desktop.window(true).await;
    window.look_at_new_window().await;
    window.matching("[data-testid='state'][data-state='paused']").await;
    // Still signed in: the session is the app's, not the page's.
    window.click("resume").await;
    window.matching("[data-testid='state'][data-state='enforcing']").await;
    agent.is_allowed().await;
}

/// Waits until the feed shows so many calls.
async fn seen_calls(window: &Driver, allowed: usize, denied: usize) {
    let count = async |decision: &str| {
        let rows = format!("[data-testid='feed-row'][data-decision='{decision}']");
        window.all(&rows).await.len()
    };
    let what = format!("the feed has {allowed} calls allowed and {denied} denied");
    let wanted = (allowed, denied);
    let shown = async || (count("allow").await, count("deny").await);
    eventually(&what, async || (shown().await == wanted).then_some(())).await;
}

/// Every page at the window's first size and at its smallest. Nothing may
/// stick out sideways.
async fn take_pictures(desktop: &Desktop, window: &Driver, scheme: &str) {
    let is_dark = window.run("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(is_dark, scheme == "dark");
    for (width, height) in [(1280, 800), (900, 600)] {
        desktop.resize(width, height).await;
        let size = json!([width, height]);
        let inner = async || window.run("return [innerWidth, innerHeight]").await;
        eventually("the page has its new size", async || (inner().await == size).then_some(()))
            .await;
        for page in ["home", "approvals", "audit", "connections", "grants", "people", "tools"] {
            window.click(&format!("nav-{page}")).await;
            if page == "grants" {
                window.choose("grants-user", "ana").await;
                window.find("cell-ana-fix.echo").await;
            }
            window.picture(&format!("{page}-{width}-{scheme}")).await;
            let sticks_out = "const page = document.getElementById('page');
                return page.scrollWidth > page.clientWidth
                    || document.body.scrollWidth > innerWidth";
            assert_eq!(window.run(sticks_out).await, false, "{page} at {width}");
        }
    }
}
