//! The desktop app as a person uses it: a real window, a real tray, a real
//! keychain.

use serde_json::{Value, json};

use crate::support::{
    PASSWORD,
    desktop::{Desktop, Driver, Tray},
    http,
    upstream::Fixture,
};

const TITLE: &str = "^AI Agent Gateway$";

#[tokio::test]
async fn experiment() {
    let upstream = Fixture::start().await;
    let mut desktop = Desktop::with_tray();
    let window = Driver::open(&mut desktop, &[]).await;
    window.fill("setup-admin", "root").await;
    window.fill("setup-password", PASSWORD).await;
    window.fill("setup-password-again", PASSWORD).await;
    window.picture("set-up").await;
    window.click("setup-submit").await;
    let key = window.find("recovery-key").await.text().await.unwrap();
    eprintln!("{key}");
    window.picture("recovery-key").await;
    window.click("recovery-stored").await;
    window.click("recovery-continue").await;
    window.find("nav-home").await;
    let tray = Tray::of(&desktop).await;
    eprintln!("{:?}", tray.menu().await);
    desktop.picture("desktop");
    desktop.press("alt+F4");
    desktop.eventually("closing", |d| (!d.has_window(TITLE)).then_some(()));
    eprintln!("{:?}", desktop.running());
    eprintln!("{:?}", window.page.windows().await);
    tray.choose("Open").await;
    desktop.eventually("opening", |d| d.has_window(TITLE).then_some(()));
    for _ in 0..5 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        eprintln!("{:?}", window.page.windows().await);
    }
    eprintln!("{:?}", desktop.running());
    let w = window.page.windows().await.unwrap();
    eprintln!("{:?}", window.page.switch_to_window(w.last().unwrap().clone()).await);
    window.picture("reopened").await;
    eprintln!("{}", window.text().await);
}
