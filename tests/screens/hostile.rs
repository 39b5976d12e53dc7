//! What upstreams and agents say is text, on every screen: it runs nowhere,
//! hides nothing and moves nothing.

use serde_json::{Value, json};

use super::{SCREENS, Visit};
use crate::support::seed::{Seeded, hostile_text};

/// Marks that turn text around, hide it or fake it; none may reach the screen as it is.
const DECEPTIVE: &str = "[\\u200b-\\u200f\\u202a-\\u202e\\u2066-\\u2069\\u001b]";

#[tokio::test(flavor = "multi_thread")]
async fn upstream_text_is_text_on_every_screen() {
    let mut seeded = Seeded::start().await;
    let text = hostile_text();
    assert!(text.chars().count() >= 10_000);
    let named = |name: &str| json!({"name": name, "title": text, "description": text, "inputSchema": {"type": "object", "description": text, "properties": {"query": {"type": "string", "title": text, "description": text}}}});
    seeded.mail.list(json!([
        named("search"),
        named("send"),
        named("read_message"),
        named("create_draft"),
        named("<img src=x>")
    ]));
    seeded.mail.list_others(
        &json!([{"name": "<img src=x onerror='window.pwned=1'>", "description": text}]),
        &json!([{"uri": "file:///<script>window.pwned=1</script>", "name": text, "description": text}]),
        &json!([{"uriTemplate": "file:///{<svg onload=window.pwned=1>}", "name": text}]),
    );
    let _: Value = seeded.gateway.admin.post("/api/v1/connections/mail/test", &()).await.unwrap();
    let args = json!({"to": [text, "<b>x</b>"], "subject": text, "body": text, "query": text, &*text: {"nested": text}});
    seeded.gateway.grant("ana", "crm.update_contact", "ask").await;
    seeded.rest("ana/claude-desktop", "crm.search_contacts", args.clone()).await;
    seeded.hold_one("ana/claude-desktop", "crm.update_contact", json!({"fields": text})).await;
    let visit = Visit::signed_in(&seeded.gateway, "root").await;
    let page = &visit.browser.page;
    let mut wrong = Vec::new();
    for screen in SCREENS {
        visit.browser.resize(1280, 800).await;
        if let Err(missing) = visit.opens(screen).await {
            wrong.push(missing);
            continue;
        }
        for width in [1280, 900, 390] {
            visit.browser.resize(width, 800).await;
            let out = visit.sticks_out().await;
            if !out.is_empty() {
                wrong.push(format!("{} at {width}: {out}", screen.name));
            }
        }
        let script = format!(
            "const found = [];
            if (window.pwned !== undefined) found.push('it ran');
            for (const e of document.querySelectorAll('img, #root script, iframe, object, embed')) found.push(e.outerHTML.slice(0, 120));
            const shown = document.body.innerText.match(/{DECEPTIVE}/);
            if (shown) found.push('shown as it is: U+' + shown[0].codePointAt(0).toString(16) + ' near ' + document.body.innerText.slice(Math.max(0, shown.index - 60), shown.index + 20));
            return found;"
        );
        let found = page.run(&script).await;
        for line in found.as_array().unwrap() {
            wrong.push(format!("{}: {line}", screen.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
