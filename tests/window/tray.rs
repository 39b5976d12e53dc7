//! The tray's menu, and what is chosen of the shell.

use std::fs;

use serde_json::json;

use super::{Agent, WEB_PROCESS, sign_in};
use crate::support::{
    PASSWORD,
    desktop::{Desktop, Driver, Notifications, Tray, app},
    process::eventually,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_tray_tells_what_waits_and_what_was_refused() {
    let mut desktop = Desktop::with_tray().await;
    let notifications = Notifications::serve(desktop.bus_address()).await;
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    let agent = Agent::of_ana(&desktop).await;
    sign_in(&window).await;
    let tray = Tray::of(&desktop).await;
    tray.wait_for_state("Enforcing").await;

    agent.is_refused(403, "not_granted").await;
    tray.choose_with("ana/claude · fix.echo").await;
    window.matching("[data-testid='call-story']").await;
    let told = async || window.text_of("[data-testid='call-story']").await.contains("fix.echo");
    eventually("the story is that call's", async || told().await.then_some(())).await;
    window.picture("story-from-tray").await;

    // The story also reaches a page that is not there yet.
    desktop.close_window().await;
    tray.choose_with("ana/claude · fix.echo").await;
    window.look_at_new_window().await;
    window.matching("[data-testid='call-story']").await;
    desktop.press("Escape").await;

    desktop.agw(&["grant", "ana", "fix.echo", "ask"], "").await;
    let enforcing = tray.icon().await;
    let answer = async {
        tray.choose("ana/claude · fix.echo").await;
        window.matching("[data-testid='approval'][data-selected='true']").await;
        let other = async || (tray.icon().await != enforcing).then_some(());
        eventually("the icon says that a call waits", other).await;
        desktop.picture("tray-waiting").await;
        let shown = eventually("it is shown", async || notifications.shown().pop()).await;
        assert!(shown.actions.contains(&"approve".to_owned()), "{shown:?}");
        window.matching("[data-testid='approve-once']:not([disabled])").await;
        window.click("approve-once").await;
    };
    let ((), reply) = tokio::join!(answer, agent.call());
    assert_eq!(reply.unwrap().0, 200);
    let same = async || (tray.icon().await == enforcing).then_some(());
    eventually("the icon is as before", same).await;

    // Whoever wants the prompt gets it also where notifications have buttons.
    let always = json!({"change": {"promptWindow": "always"}});
    window.invoke("set_preferences", always).await.unwrap();
    let answer = async {
        desktop.prompt(true).await;
        window.look_at_prompt(true).await;
        window.matching("[data-testid='prompt-deny']:not([disabled])").await;
        let none = async || notifications.shown().is_empty().then_some(());
        eventually("it is told in one place", none).await;
        window.click_and_close("prompt-deny").await;
    };
    let ((), reply) = tokio::join!(answer, agent.call());
    assert_eq!(reply.unwrap().0, 403);
    desktop.prompt(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_chosen_of_the_shell_survives_it() {
    let mut desktop = Desktop::with_tray().await;
    let entry = desktop.path("config/autostart/ai-agent-gateway.desktop");
    let window = Driver::open(&mut desktop, &[]).await;
    window.find("welcome-begin").await;
    let none = json!({});
    let first = json!({"autostart": false, "notifications": true, "promptWindow": "auto"});
    assert_eq!(window.invoke("preferences", none.clone()).await, Ok(first));
    assert!(!entry.exists());

    let change = json!({"change": {"notifications": false, "promptWindow": "never"}});
    window.invoke("set_preferences", change).await.unwrap();
    let tray = Tray::of(&desktop).await;
    tray.wait_for_mark("Start at login", false).await;
    tray.choose("Start at login").await;
    tray.wait_for_mark("Start at login", true).await;
    let written = fs::read_to_string(&entry).unwrap();
    let program = format!("Exec=\"{}\" --background\n", app().canonicalize().unwrap().display());
    assert!(written.contains(&program), "{written}");
    let path = entry.to_str().unwrap();
    desktop.run("desktop-file-validate", &[path]).await.expect(0);

    desktop.resize(1000, 700).await;
    desktop.move_to(60, 40).await;
    let wanted = async || desktop.place().await[2..] == [1000, 700];
    eventually("it has its new size", async || wanted().await.then_some(())).await;
    let placed = desktop.path("agw/window.json");
    eventually("its place is kept", async || placed.exists().then_some(())).await;
    let place = desktop.place().await;
    let is_kept = |text: String| text.contains("1000").then_some(());
    eventually("its size is kept", async || is_kept(fs::read_to_string(&placed).ok()?)).await;
    tray.choose("Quit").await;
    window.click_last("quit-stop").await;
    desktop.processes("ai-agent-gateway", 0).await;

    // As the desktop does at login: enforcement, and no window.
    desktop.start(app(), &["--background"]);
    desktop.service().await;
    let tray = Tray::of(&desktop).await;
    tray.wait_for_state("Not set up").await;
    desktop.processes(WEB_PROCESS, 0).await;
    tray.choose("Open").await;
    desktop.window(true).await;
    let same = async || (desktop.place().await == place).then_some(());
    eventually("it is where it was", same).await;
    tray.choose("Start at login").await;
    tray.wait_for_mark("Start at login", false).await;
    assert!(!entry.exists());
    let kept = fs::read_to_string(desktop.path("agw/desktop.json")).unwrap();
    assert!(kept.contains("\"notifications\": false") && kept.contains("never"), "{kept}");
}
