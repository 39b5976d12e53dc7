//! The first run as somebody does it who has never seen the window: from the
//! welcome to a call that went through and one that was refused. How many
//! clicks it takes is counted and held; how long it takes is printed.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{
    PASSWORD,
    cli::{Cli, agw},
    desktop::{Desktop, Driver},
    parts::Python,
    process::eventually,
};

/// Buttons from the welcome to the end, each step done and none skipped.
const CLICKS_MAX: usize = 12;

/// A person at the window who counts.
struct Person<'w> {
    window: &'w Driver,
    /// Of pictures.
    name: &'static str,
    clicks: usize,
    fields: usize,
}

impl<'w> Person<'w> {
    fn at(window: &'w Driver, name: &'static str) -> Self {
        Self { window, name, clicks: 0, fields: 0 }
    }

    async fn takes_picture(&self, of: &str) {
        self.window.picture(&format!("{}-{of}", self.name)).await;
    }

    async fn clicks(&mut self, id: &str) {
        self.window.click(id).await;
        self.clicks += 1;
    }

    async fn fills(&mut self, id: &str, text: &str) {
        self.window.fill(id, text).await;
        self.fields += 1;
    }

    /// Welcome, password and recovery key; gives the key back.
    async fn sets_up(&mut self) -> String {
        self.window.find("welcome-begin").await;
        self.takes_picture("1-welcome").await;
        self.clicks("welcome-begin").await;
        self.fills("setup-admin", "root").await;
        self.fills("setup-password", PASSWORD).await;
        self.fills("setup-password-again", PASSWORD).await;
        self.window.find("strength").await;
        self.takes_picture("2-password").await;
        self.clicks("setup-submit").await;
        let key = self.window.text_of("[data-testid='recovery-key']").await;
        assert!(key.len() > 50, "{key}");
        self.takes_picture("3-recovery-key").await;
        let groups: Vec<&str> = key.trim().split('-').collect();
        for field in self.window.all("[data-testid='recovery-group']").await {
            let index = field.attr("data-group").await.unwrap().unwrap();
            field.send_keys(groups[index.parse::<usize>().unwrap()]).await.unwrap();
            self.fields += 1;
        }
        self.clicks("recovery-continue").await;
        self.window.find("start").await;
        key.trim().to_owned()
    }
}

/// The part of the first run that makes an admin; the rest is put off.
pub async fn set_up(window: &Driver) {
    let mut person = Person::at(window, "set-up");
    let recovery_key = person.sets_up().await;
    person.clicks("start-leave").await;
    window.matching("[data-testid='state'][data-state='enforcing']").await;
    assert!(!window.text().await.contains(&recovery_key));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_sees_a_call_go_through_and_one_refused_within_a_few_clicks() {
    let mut desktop = Desktop::with_tray().await;
    let window = Driver::open(&mut desktop, &[]).await;
    let begun = Instant::now();
    let mut person = Person::at(&window, "first-run");
    let recovery_key = person.sets_up().await;
    desktop.agw(&["login", "root", "--password-stdin"], PASSWORD).await;

    // A tool: the sample, its command shown before it is started.
    window.picture("first-run-4-tool").await;
    person.clicks("catalogue-sample").await;
    window.find("connection-confirm").await;
    window.picture("first-run-5-command").await;
    assert!(desktop.agw(&["connection", "list"], "").await.is_empty());
    person.clicks("connection-confirm").await;
    window.matching("[data-testid='connected-sample'][data-health='ready']").await;
    let sample = desktop.agw(&["connection", "show", "sample"], "").await.remove(0);
    let argv = sample["transport"]["argv"].clone();
    assert_eq!(argv, json!([agw().canonicalize().unwrap(), "sample"]), "{sample}");
    window.picture("first-run-6-connected").await;
    person.clicks("start-next").await;

    // An agent; and a reload is at the same step.
    window.matching("[data-testid='start'][data-step='agent']").await;
    window.run("location.reload()").await;
    window.matching("[data-testid='start'][data-step='agent']").await;
    person.clicks("client-make").await;
    let token = window.text_of("[data-testid='token']").await.trim().to_owned();
    window.picture("first-run-7-agent").await;
    let kept = window
        .run("return JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])")
        .await;
    let kept = kept.as_str().unwrap();
    assert!(!kept.contains(&token) && !kept.contains(&recovery_key), "{kept}");
    person.clicks("start-next").await;

    // A call.
    person.clicks("start-allow").await;
    story(&window, "waiting").await;
    window.picture("first-run-8-waiting").await;
    let line = format!("{} call sample.list_notes", agw().canonicalize().unwrap().display());
    window.click("start-test-call").await;
    assert_eq!(window.text_of("[data-testid='start-test-line']").await, line);
    let url = format!("{}/mcp", desktop.service().await.url);
    let mut agent = Python::connect(&Cli::new(), "legacy", &url, &token).await;
    let answer = agent.call("sample__read_note", &json!({"name": "shopping"})).await;
    assert_eq!(answer["structuredContent"], json!({"text": "Milk, bread, apples."}), "{answer}");
    story(&window, "allowed").await;
    let row = window.text_of("[data-testid='first-call-row'][data-decision='allow']").await;
    assert!(row.contains("sample.read_note") && row.contains("root / claude"), "{row}");
    window.picture("first-run-9-allowed").await;

    // Taken back with one click; the line of the window is tried, too.
    person.clicks("start-revoke").await;
    story(&window, "taken").await;
    let answer = agent.call("sample__read_note", &json!({"name": "shopping"})).await;
    assert_eq!(answer["_meta"]["dev.aiagentgateway/code"], "not_granted", "{answer}");
    story(&window, "denied").await;
    window.picture("first-run-10-denied").await;
    let refused = calls(&desktop, &token).await;
    assert_eq!(refused["code"], "not_granted", "{refused}");

    person.clicks("start-next").await;
    window.matching("[data-testid='state'][data-state='enforcing']").await;
    let took = begun.elapsed();
    // Nothing is left to do.
    eventually("the checklist is gone", async || {
        window.all("[data-testid='start-checklist']").await.is_empty().then_some(())
    })
    .await;
    window.picture("first-run-11-home").await;
    look_at_connection(&desktop, &window).await;
    let Person { clicks, fields, .. } = person;
    println!(
        "first run: {clicks} clicks, {fields} fields, {:.1} s from the welcome to Home",
        took.as_secs_f64()
    );
    assert!(clicks <= CLICKS_MAX, "{clicks} clicks");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_off_waits_on_home_and_goes_on_where_it_was() {
    let mut desktop = Desktop::with_tray().await;
    let window = Driver::open(&mut desktop, &[("GTK_THEME", "Adwaita:dark")]).await;
    set_up(&window).await;
    desktop.agw(&["login", "root", "--password-stdin"], PASSWORD).await;
    let list = async || window.text_of("[data-testid='start-checklist']").await;
    assert!(list().await.contains("Connect your first tool"));
    window.picture("checklist-dark").await;
    window.click("start-resume").await;
    window.matching("[data-testid='start'][data-step='tool']").await;
    for (width, height) in [(1280, 800), (900, 600)] {
        desktop.resize(width, height).await;
        window.picture(&format!("first-run-tool-{width}-dark")).await;
        let sticks_out = "return document.body.scrollWidth > innerWidth";
        assert_eq!(window.run(sticks_out).await, false, "at {width}");
    }
    // Done elsewhere, it is done here, too.
    let argv = [agw().display().to_string(), "sample".to_owned()];
    let add = ["connection", "add", "sample", "--stdio", "--", &argv[0], &argv[1]];
    desktop.agw(&add, "").await;
    window.click("start-leave").await;
    window.click("start-resume").await;
    window.matching("[data-testid='start'][data-step='agent']").await;
    window.picture("first-run-agent-900-dark").await;
    window.click("start-next").await;
    window.matching("[data-testid='start-allow']").await;
    window.picture("first-run-call-900-dark").await;
    window.click("start-leave").await;
    window.click("nav-connections").await;
    window.click("connection-add").await;
    window.find("catalogue-find").await;
    window.picture("catalogue-900-dark").await;
    desktop.resize(1280, 800).await;
    window.fill("catalogue-find", "postgres").await;
    window.picture("catalogue-1280-dark").await;
    desktop.press("Escape").await;
    window.gone("catalogue-find").await;
    window
        .run("document.querySelector('[data-testid=\"connection-sample\"] button').click()")
        .await;
    window.find("connection-logs").await;
    window.picture("connection-1280-dark").await;
    desktop.resize(900, 600).await;
    window.click("connection-restart").await;
    window.find("connection-report").await;
    window.picture("connection-900-dark").await;
    window.click("connection-edit").await;
    window.find("edit-connection").await;
    window.picture("connection-edit-900-dark").await;
}

/// The panel of the connection, at both sizes.
async fn look_at_connection(desktop: &Desktop, window: &Driver) {
    window.click("nav-connections").await;
    window
        .run("document.querySelector('[data-testid=\"connection-sample\"] button').click()")
        .await;
    window.find("connection-logs").await;
    window
        .run("document.querySelector('[data-testid=\"tool-sample.read_note\"] summary').click()")
        .await;
    window.find("access-sample.read_note").await;
    for (width, height) in [(1280, 800), (900, 600)] {
        desktop.resize(width, height).await;
        window.picture(&format!("connection-open-{width}")).await;
        let sticks_out = "const page = document.getElementById('page');
            return page.scrollWidth > page.clientWidth || document.body.scrollWidth > innerWidth";
        assert_eq!(window.run(sticks_out).await, false, "at {width}");
    }
}

async fn story(window: &Driver, what: &str) {
    window.matching(&format!("[data-testid='first-call'][data-story='{what}']")).await;
}

/// `agw call`, with the token from stdin; what it was refused with.
async fn calls(desktop: &Desktop, token: &str) -> Value {
    let said = desktop.agw_refused(&["call", "sample.list_notes"], &format!("{token}\n")).await;
    serde_json::from_str(&said).unwrap()
}
