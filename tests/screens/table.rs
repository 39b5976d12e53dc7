//! The screens: every route, and what can be opened on it.

/// One look at the web view.
pub struct Screen {
    pub name: &'static str,
    /// The address behind the `#`.
    pub at: &'static str,
    /// What somebody does there.
    pub steps: &'static [Step],
    /// What is to be seen then.
    pub shows: &'static str,
}

pub enum Step {
    /// What has this test id.
    Click(&'static str),
    /// The first that this selector finds.
    ClickCss(&'static str),
    Fill(&'static str, &'static str),
    Press(&'static str),
}

impl Screen {
    pub fn route(&self) -> &'static str {
        self.at.split('?').next().unwrap_or_default()
    }
}

const fn page(name: &'static str, at: &'static str, shows: &'static str) -> Screen {
    Screen { name, at, steps: &[], shows }
}

const fn after(
    name: &'static str,
    at: &'static str,
    steps: &'static [Step],
    shows: &'static str,
) -> Screen {
    Screen { name, at, steps, shows }
}

use Step::{Click, ClickCss, Fill, Press};

/// A new route without a row here fails a test.
pub const SCREENS: &[Screen] = &[
    page("home", "/", "[data-testid='feed-row']"),
    after(
        "the story of a call",
        "/",
        &[ClickCss("[data-testid='feed-row'] button")],
        "[data-testid='call-story'] [data-testid='story-decision']",
    ),
    after("the palette", "/", &[Click("find")], ".mantine-Spotlight-action"),
    after("the palette, searching", "/", &[Click("find"), Press("a")], ".mantine-Spotlight-action"),
    after("the menu of the account", "/", &[Click("account")], "[data-testid='sign-out']"),
    after("the keys", "/", &[Click("account"), Click("keys")], ".keys-list kbd"),
    after(
        "changing one's password",
        "/",
        &[Click("account"), Click("change-password")],
        "[data-testid='password-submit']",
    ),
    page("approvals", "/approvals", "[data-testid='approval']"),
    after(
        "an approval's exact arguments",
        "/approvals",
        &[Click("approval-exact")],
        "[data-testid='approval']",
    ),
    after(
        "allowing always",
        "/approvals",
        &[ClickCss("[data-testid='approve-always']:not([disabled])")],
        "[role='dialog']",
    ),
    page("the grid", "/grants", "[data-testid='permission-grid']"),
    after(
        "a cell of the grid",
        "/grants?subject=ana",
        &[ClickCss("[data-testid^='cell-'][data-testid$='-mail.send']")],
        "[data-testid='cell-why']",
    ),
    after("the keys of the grid", "/grants", &[Click("grid-keys")], "[role='dialog']"),
    page("all grants", "/grants?view=all", "[data-testid^='edit-']"),
    after(
        "a grant",
        "/grants?view=all",
        &[ClickCss("[data-testid^='edit-']")],
        "[data-testid='grant-save']",
    ),
    after(
        "removing a grant",
        "/grants?view=all",
        &[ClickCss("[data-testid^='remove-']")],
        "[role='dialog']",
    ),
    page("suggestions", "/grants?view=suggestions", "#page h1"),
    page("explaining", "/grants?view=why", "#page h1"),
    page("tools", "/tools", "[data-testid^='tool-row-']"),
    after(
        "a changed tool",
        "/tools?show=changed",
        &[Click("review-files.read_file")],
        "[data-testid='review-accept']",
    ),
    after(
        "what the trail keeps of a tool",
        "/tools",
        &[Click("recording-mail.send")],
        "[data-testid='recording-save']",
    ),
    page("connections", "/connections", "[data-testid='connection-mail']"),
    page("a connection", "/connections?open=mail", "[data-testid='connection-test']"),
    page("a connection that failed", "/connections?open=wiki", "[data-testid='connection-test']"),
    after(
        "the catalogue of connections",
        "/connections",
        &[Click("connection-add")],
        "[data-testid='catalogue-by-hand']",
    ),
    after(
        "adding a connection",
        "/connections",
        &[Click("connection-add"), Click("catalogue-by-hand")],
        "[data-testid='connection-name']",
    ),
    page("people", "/people", "[data-testid='user-ana']"),
    page("a person", "/people?user=ana", "[data-testid='agent-add']"),
    page("agents", "/people?part=agents", "#page table"),
    page("teams", "/people?part=teams", "#page h2"),
    page("connecting an agent", "/people?part=clients", "#page p"),
    after("adding a person", "/people", &[Click("user-add")], "[data-testid='user-submit']"),
    after(
        "adding an agent",
        "/people?user=ana",
        &[Click("agent-add")],
        "[data-testid='agent-submit']",
    ),
    after("inviting somebody", "/people", &[Click("invite")], "[data-testid='invite-make']"),
    page("the trail", "/audit", "[data-testid='audit-row']"),
    after(
        "filters of the trail",
        "/audit",
        &[Click("audit-more-filters")],
        "[data-testid='audit-fields']",
    ),
    after(
        "a search that finds nothing",
        "/audit",
        &[Fill("audit-text", "no such thing")],
        "[data-testid='state-empty']",
    ),
    after(
        "exporting the trail",
        "/audit",
        &[Click("audit-export")],
        "[data-testid='export-dialog']",
    ),
    page("the proof of the trail", "/audit?view=proof", "[data-testid='audit-checkpoint']"),
    page("settings: sharing", "/settings?part=sharing", "[data-testid='sharing-save']"),
    page("settings: the keychain", "/settings?part=keychain", "[data-testid='keychain-state']"),
    page("settings: sessions", "/settings?part=sessions", "[data-testid='sessions-end-others']"),
    page(
        "settings: appearance",
        "/settings?part=appearance",
        "[data-testid='appearance-contrast']",
    ),
    page("settings: the desktop", "/settings?part=desktop", "#page h1"),
    page("settings: the doctor", "/settings?part=diagnostics", "[data-testid='doctor-again']"),
    page("settings: outgoing connections", "/settings?part=egress", "#page h1"),
    page("the first run: a tool", "/welcome?step=tool", "[data-testid='start']"),
    page("the first run: an agent", "/welcome?step=agent", "[data-testid='start']"),
    page("the first run: a call", "/welcome?step=call", "[data-testid='start']"),
    // Of a window of its own: in a browser there is nothing to ask.
    page("the prompt", "/prompt", "[data-testid='prompt-elsewhere']"),
    page("settings of the trail", "/audit?view=settings", "[data-testid='settings-save']"),
];
