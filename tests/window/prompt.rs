//! The prompt: a call that waits, where the desktop's notifications cannot be
//! answered.

use serde_json::json;

use super::{Agent, WEB_PROCESS, sign_in};
use crate::support::{
    PASSWORD,
    desktop::{Desktop, Driver, Notifications, Tray},
    process::eventually,
};

/// The first of its window's pages is the app's, the second the prompt's.
const WITH_PROMPT: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn where_notifications_have_no_buttons_a_prompt_asks() {
    let mut desktop = Desktop::with_tray().await;
    let notifications = Notifications::without_buttons(desktop.bus_address()).await;
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let agent = Agent::of_ana(&desktop).await;
    desktop.agw(&["grant", "ana", "fix.echo", "ask"], "").await;
    sign_in(&window).await;

    approved_in_the_prompt(&desktop, &window, &agent).await;
    denied_in_the_prompt(&desktop, &window, &agent).await;
    answered_elsewhere(&desktop, &agent).await;
    put_off_and_opened(&desktop, &window, &agent).await;
    assert_eq!(notifications.shown(), [], "it was told twice");
    gone_with_the_session(&desktop, &window, &agent).await;
}

/// What a gateway has asked goes with it: nothing that is shown can be answered
/// to another one, and nothing is let through by that.
#[tokio::test(flavor = "multi_thread")]
async fn the_prompt_goes_with_the_gateway_that_asked() {
    let mut desktop = Desktop::with_tray().await;
    let _notifications = Notifications::without_buttons(desktop.bus_address()).await;
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let mut agent = Agent::of_ana(&desktop).await;
    desktop.agw(&["grant", "ana", "fix.echo", "ask"], "").await;
    sign_in(&window).await;
    let tray = Tray::of(&desktop).await;

    // It hangs: what waits is not known, so nothing is shown until it is.
    let hangs = async {
        desktop.prompt(true).await;
        desktop.signal("STOP").await;
        desktop.prompt(false).await;
        desktop.signal("CONT").await;
        desktop.prompt(true).await;
        window.look_at_prompt(true).await;
        window.matching("[data-testid='prompt-deny']:not([disabled])").await;
        window.click_and_close("prompt-deny").await;
        desktop.prompt(false).await;
    };
    let ((), _) = tokio::join!(hangs, agent.say("while it hangs"));

    // It ends, and another one is started that was asked nothing.
    let held = agent.begins("as it ends");
    desktop.prompt(true).await;
    desktop.signal("KILL").await;
    desktop.prompt(false).await;
    tray.wait_for_state("Stopped").await;
    assert!(held.await.is_err(), "it was answered");
    agent.url = desktop.bring_back().await.url;
    tray.wait_for_state("Enforcing").await;
    window.look_at_prompt(false).await;
    let approves = async {
        desktop.prompt(true).await;
        window.look_at_prompt(true).await;
        window.matching("[data-testid='prompt'][data-approval='p3']").await;
        window.matching("[data-testid='prompt-once']:not([disabled])").await;
        window.click_and_close("prompt-once").await;
        desktop.prompt(false).await;
    };
    let ((), reply) = tokio::join!(approves, agent.say("after it ended"));
    assert_eq!(reply, Some((200, json!({"echo": {"text": "after it ended"}}))));
    assert_eq!(agent.upstream.calls().len(), 1, "only that one was let through");

    // It ends, and comes back sealed.
    let held = agent.begins("before it is sealed");
    desktop.prompt(true).await;
    desktop.lock_keychain().await;
    desktop.signal("KILL").await;
    desktop.prompt(false).await;
    tray.wait_for_state("Stopped").await;
    assert!(held.await.is_err(), "it was answered");
    agent.url = desktop.bring_back().await.url;
    tray.wait_for_state("Sealed").await;
    agent.is_refused(503, "sealed").await;
    desktop.prompt(false).await;
    assert_eq!(agent.upstream.calls().len(), 1);
}

async fn approved_in_the_prompt(desktop: &Desktop, window: &Driver, agent: &Agent) {
    let before = desktop.focused().await;
    let answer = async {
        desktop.prompt(true).await;
        window.look_at_prompt(true).await;
        let said = window.text_of("[data-testid='prompt']").await;
        assert!(said.contains("ana / claude") && said.contains("fix.echo"), "{said}");
        assert!(said.contains("text") && said.contains("hi"), "{said}");
        window.picture("prompt").await;
        desktop.picture("prompt-desktop").await;
        assert_eq!(desktop.focused().await, before, "it took the keyboard");
        for command in ["api", "subscribe", "pending", "start", "quit", "set_preferences"] {
            let request = json!({"method": "GET", "path": "/api/v1/grants"});
            let args = json!({"request": request, "stop": true, "change": {"autostart": true}});
            let refused = window.invoke(command, args).await.unwrap_err().to_string();
            assert!(refused.contains("not allowed"), "{command}: {refused}");
        }
        // Another one than it shows, too.
        let other = window.invoke("prompt_answer", json!({"id": "p9", "answer": "once"})).await;
        assert_eq!(other.unwrap_err()["code"], "answered");
        assert_eq!(agent.upstream.calls().len(), 0, "it was not held");
        window.matching("[data-testid='prompt-once']:not([disabled])").await;
        window.click_and_close("prompt-once").await;
    };
    let ((), reply) = tokio::join!(answer, agent.say("hi"));
    assert_eq!(reply, Some((200, json!({"echo": {"text": "hi"}}))));
    desktop.prompt(false).await;
    // With it goes the memory that it took.
    desktop.processes(WEB_PROCESS, WITH_PROMPT - 1).await;
    window.look_at_prompt(false).await;
}

async fn denied_in_the_prompt(desktop: &Desktop, window: &Driver, agent: &Agent) {
    let answer = async {
        desktop.prompt(true).await;
        window.look_at_prompt(true).await;
        window.matching("[data-testid='prompt-deny']:not([disabled])").await;
        window.click_and_close("prompt-deny").await;
    };
    let ((), reply) = tokio::join!(answer, agent.say("denied"));
    let (status, body) = reply.unwrap();
    assert_eq!((status, &body["code"]), (403, &json!("approval_denied")), "{body}");
    desktop.prompt(false).await;
    window.look_at_prompt(false).await;
}

async fn answered_elsewhere(desktop: &Desktop, agent: &Agent) {
    let answer = async {
        desktop.prompt(true).await;
        let waiting = desktop.agw(&["approvals"], "").await;
        desktop.agw(&["approve", waiting[0]["id"].as_str().unwrap()], "").await;
        desktop.prompt(false).await;
    };
    let ((), reply) = tokio::join!(answer, agent.say("answered elsewhere"));
    assert_eq!(reply.unwrap().0, 200);
}

/// Closed, it answers nothing; the tray leads to the call.
async fn put_off_and_opened(desktop: &Desktop, window: &Driver, agent: &Agent) {
    let tray = Tray::of(desktop).await;
    let calls = agent.upstream.calls().len();
    let answer = async {
        desktop.prompt(true).await;
        window.look_at_prompt(true).await;
        window.click_and_close("prompt-later").await;
        desktop.prompt(false).await;
        assert!(tray.labels().await.contains(&"1 call waits for an answer".to_owned()));
        assert_eq!(agent.upstream.calls().len(), calls, "closing it let it through");
        window.look_at_prompt(false).await;
        tray.choose("ana/claude").await;
        window.matching("[data-testid='approval'][data-selected='true']").await;
        window.matching("[data-testid='approve-once']:not([disabled])").await;
        window.click("approve-once").await;
    };
    let ((), reply) = tokio::join!(answer, agent.say("put off"));
    assert_eq!(reply.unwrap().0, 200);
    tray.gone("1 call waits").await;
}

async fn gone_with_the_session(desktop: &Desktop, window: &Driver, agent: &Agent) {
    let answer = async {
        desktop.prompt(true).await;
        window.look_at_prompt(false).await;
        window.click("account").await;
        window.click("sign-out").await;
        desktop.prompt(false).await;
        let waiting = desktop.agw(&["approvals"], "").await;
        desktop.agw(&["deny", waiting[0]["id"].as_str().unwrap()], "").await;
    };
    let ((), reply) = tokio::join!(answer, agent.say("gone"));
    assert_eq!(reply.unwrap().0, 403);
    let tray = Tray::of(desktop).await;
    let known = async || tray.labels().await.contains(&"Approvals".to_owned()).then_some(());
    eventually("the tray tells a stranger nothing", known).await;
    tray.gone("ana/claude").await;
}
