//! axe-core, which knows WCAG's rules, and what it does not look at.

use serde_json::{Value, json};

use crate::support::{chromium::Look, desktop::Driver};

/// From the web view's own packages.
const AXE: &str = include_str!("../../ui/node_modules/axe-core/axe.min.js");

/// What is wrong with the page as it is, a line each.
pub async fn violations(page: &Driver, look: Look, screen: &str, name: &str) -> Vec<String> {
    if page.run("return typeof window.axe").await == "undefined" {
        page.run(AXE).await;
    }
    let script = "const [options, done] = arguments;
        axe.run(document, options).then(
            ({ violations }) => done(violations.flatMap(({ id, nodes }) => nodes.map((node) => id + ': ' + node.target.join(' ') + ' — ' + node.html.slice(0, 200) + ' — ' + node.failureSummary.replaceAll('\\n', ' ').slice(0, 260)))),
            (error) => done(['axe failed: ' + error]));";
    let found = page.run_async(script, vec![options(look)]).await;
    let found = found.as_array().unwrap_or_else(|| panic!("{found}")).clone();
    let mut lines: Vec<String> = found
        .iter()
        .filter_map(Value::as_str)
        // A cell of a grid says all about itself; its sign is no label to call it by.
        .filter(|line| !(line.starts_with("label-content-name") && line.contains("gridcell")))
        .map(|line| format!("{screen}, {name}: {line}"))
        .collect();
    if look == Look::Light {
        lines.extend(structure(page).await.into_iter().map(|line| format!("{screen}: {line}")));
    }
    lines
}

/// Once all rules, then those that depend on colors: with more contrast, AAA's.
fn options(look: Look) -> Value {
    let tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    match look {
        Look::Light => json!({"runOnly": tags}),
        Look::Dark => json!({"runOnly": {"type": "rule", "values": ["color-contrast"]}}),
        Look::Contrast | Look::DarkContrast => {
            json!({"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}})
        }
        // The system's colors are not ours to judge; that what is named stays there is.
        Look::Forced => json!({"runOnly": ["cat.name-role-value"]}),
    }
}

/// One title, levels without gaps, landmarks, a name for every control, and a
/// window that is named after the page.
async fn structure(page: &Driver) -> Vec<String> {
    let script = "const wrong = [];
        const seen = (e) => e.checkVisibility({ visibilityProperty: true });
        const framed = document.querySelector('.shell') !== null;
        const main = document.querySelectorAll('main');
        if (main.length !== 1) wrong.push(main.length + ' main landmarks');
        const titles = [...document.querySelectorAll('main h1')].filter(seen);
        if (titles.length !== 1) wrong.push(titles.length + ' titles (h1)');
        if (framed && document.querySelectorAll('nav[aria-label]').length === 0) wrong.push('no navigation');
        if (framed && document.querySelectorAll('[role=status], [aria-live]').length === 0) wrong.push('no live region');
        if (framed && titles[0] && !document.title.includes(' · ')) wrong.push('the window is called ' + document.title);
        const levels = [...document.querySelectorAll('main :is(h1,h2,h3,h4)')].filter(seen).map((h) => Number(h.tagName[1]));
        levels.forEach((level, at) => { if (at > 0 && level > levels[at - 1] + 1) wrong.push('a heading of level ' + level + ' below one of ' + levels[at - 1]); });
        for (const e of document.querySelectorAll('button, a[href], input, select, textarea, [role=button], [role=tab], [role=radio]')) {
            if (!seen(e) || e.closest('[aria-hidden=true]') || e.type === 'hidden') continue;
            const labels = [...(e.labels ?? [])].map((l) => l.textContent).join('');
            const by = (e.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent ?? '').join('');
            if (!(e.textContent + labels + by + (e.getAttribute('aria-label') ?? '')).trim()) wrong.push('no name: ' + e.outerHTML.slice(0, 160));
        }
        return wrong;";
    let found = page.run(script).await;
    let found = found.as_array().unwrap_or_else(|| panic!("{found}")).clone();
    found.iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
}
