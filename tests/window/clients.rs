//! A client of this machine, wired and unwired by clicking.

use std::{fs, path::Path};

use super::sign_in;
use crate::support::{
    PASSWORD,
    desktop::{Desktop, Driver},
    process::eventually,
};

/// As somebody may have it: comments, foreign keys, line ends of Windows.
const CONFIG: &str =
    "# mine\r\nmodel = 'o9'   # the newest\r\n\r\n[mcp_servers.own]\r\ncommand = \"own\"\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_wired_in_the_window() {
    let mut desktop = Desktop::with_tray().await;
    let file = desktop.path("home/.codex/config.toml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, CONFIG).unwrap();
    let window = Driver::open(&mut desktop, &[]).await;
    desktop.agw(&["setup", "--admin", "root", "--password-stdin"], PASSWORD).await;
    sign_in(&window).await;
    window.click("nav-people").await;
    window.click("people-clients").await;

    // Found, and shown what would be changed: nothing is, until that is agreed to.
    let row = window.text_of("[data-testid='client-codex']").await;
    assert!(row.contains("Codex") && row.contains("Not connected"), "{row}");
    let named = "return document.querySelector('[data-testid=client-codex] .client-file').title";
    assert_eq!(window.run(named).await, file.to_str().unwrap());
    window.click("client-wire-codex").await;
    let diff = window.text_of("[data-testid='client-diff']").await;
    assert!(diff.contains("+[mcp_servers.gateway]"), "{diff}");
    assert!(!diff.contains("-model") && !diff.contains("-# mine"), "{diff}");
    window.picture("clients-preview").await;
    assert_eq!(read(&file), CONFIG);
    assert!(desktop.agw(&["agent", "list"], "").await.is_empty());

    // A file that changes between the two is not written over.
    let other = format!("{CONFIG}# and more\r\n");
    fs::write(&file, &other).unwrap();
    window.click("client-connect").await;
    window.click_matching("[data-testid='state-failed'] button").await;
    assert_eq!(read(&file), other);
    let again = async || window.text_of("[data-testid='client-diff']").await.contains("and more");
    eventually("it is shown as it is now", async || again().await.then_some(())).await;

    window.click("client-connect").await;
    let said = window.text_of("[data-testid='client-done']").await;
    assert!(said.contains("root/codex"), "{said}");
    window.picture("clients-wired").await;
    window.click("client-close").await;
    let wired = read(&file);
    assert!(wired.starts_with(&other) && wired.contains("[mcp_servers.gateway]"), "{wired}");
    assert_eq!(desktop.agw(&["agent", "list"], "").await[0]["name"], "codex");
    let token = fs::read_to_string(desktop.path("agw/clients/codex.token")).unwrap();
    let page = window.run("return document.documentElement.outerHTML").await;
    assert!(token.starts_with("st_") && !wired.contains(token.trim()), "{wired}");
    assert!(!page.as_str().unwrap().contains(token.trim()), "the page has the token");
    let works = async || window.text_of("[data-testid='client-codex']").await.contains("Connected");
    eventually("the row says so", async || works().await.then_some(())).await;

    // Undone, it is what it was, to the byte, and its agent is no more.
    window.click("client-unwire-codex").await;
    window.find("client-diff").await;
    assert_eq!(read(&file), wired);
    window.picture("clients-undo").await;
    window.click("client-undo").await;
    let said = window.text_of("[data-testid='client-done']").await;
    assert!(said.contains("byte for byte") && said.contains("Revoked root/codex"), "{said}");
    window.click("client-close").await;
    assert_eq!(read(&file), other);
    assert!(desktop.agw(&["agent", "list"], "").await.is_empty());
    assert!(!desktop.path("agw/clients/codex.token").exists());
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
