//! Looking at the gateway from the command line, and the keys and sessions
//! that people have.

use super::scene::{PASSWORD, Scene};

#[tokio::test]
async fn the_doctor_and_the_list_of_connections_speak_of_what_there_is() {
    let scene = Scene::open().await;
    let found = scene.cli.lines(&["doctor"]).await;
    for (of, id) in [("gateway", "keychain"), ("crm", "reach"), ("crm", "credential"), ("files", "command")] {
        let check = found.iter().find(|line| line["of"] == of && line["id"] == id);
        assert_eq!(check.unwrap_or_else(|| panic!("{of} {id}: {found:?}"))["finding"], "ok");
    }
    let own = scene.cli.lines(&["doctor", "crm"]).await;
    assert!(own.iter().all(|line| line["of"] == "crm"), "{own:?}");

    let egress = scene.cli.json(&["egress"], "").await;
    let entries = egress["entries"].as_array().unwrap();
    let kinds: Vec<_> = entries.iter().map(|e| (&e["kind"], &e["name"])).collect();
    assert!(kinds.iter().all(|(_, name)| *name == "crm"), "{egress}");
    assert!(kinds.iter().any(|(kind, _)| *kind == "connection"), "{egress}");
    assert_eq!(egress["programs"][0]["connection"], "files", "{egress}");
    let said = scene.cli.run(&["egress"], "").await;
    assert!(said.stderr.contains("whose own connections it does not see: npx (files)")
        || said.stderr.contains("(files)"), "{}", said.stderr);
}

#[tokio::test]
async fn sessions_end_and_a_new_recovery_key_takes_the_place_of_the_old_one() {
    let scene = Scene::open().await;
    let sessions = scene.cli.lines(&["session", "list"]).await;
    let this = sessions.iter().find(|session| session["current"] == true).unwrap();
    assert_eq!(this["place"], "command_line", "{sessions:?}");
    scene.cli.json(&["session", "end", "--others"], "").await;
    assert_eq!(scene.cli.lines(&["session", "list"]).await.len(), 1);

    scene.cli.refused(&["recovery-key", "--password-stdin"], "not the password\n").await;
    let made = scene.cli.json(&["recovery-key", "--password-stdin"], &format!("{PASSWORD}\n")).await;
    let key = made["recovery_key"].as_str().unwrap();
    assert_ne!(key, scene.recovery_key);
    let old = format!("{}\n", scene.recovery_key);
    scene.cli.refused(&["recover", "--recovery-key-stdin"], &old).await;
    scene.cli.json(&["recover", "--recovery-key-stdin"], &format!("{key}\n")).await;

    let id = this["id"].as_str().unwrap();
    scene.cli.json(&["session", "end", id], "").await;
    scene.cli.refused(&["session", "list"], "").await;
}
