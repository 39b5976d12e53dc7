//! The one window. It is destroyed when closed, so that its web view takes no
//! memory, and built again when asked for.

mod placement;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Emitter as _, Manager as _, Url, WebviewUrl, WebviewWindowBuilder};

use crate::Shell;
use placement::{Placed, seen_on};

pub(crate) const LABEL: &str = "main";
const TITLE: &str = "AI Agent Gateway";
const SIZE: (f64, f64) = (1280.0, 800.0);
const MIN_SIZE: (f64, f64) = (900.0, 600.0);
/// The event that carries an [`Ask`].
const ASK: &str = "ask";

/// What the page is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(crate) enum Ask {
    /// To ask whether the gateway should stop, too.
    Quit,
    /// To show the calls that wait for an answer, or one of them.
    Approvals { id: Option<String> },
    /// To show the story of a call.
    Story { id: String },
}

#[derive(Debug)]
pub(crate) struct Window {
    /// Held while the window is being built: there is only one.
    building: tokio::sync::Mutex<()>,
    page: Mutex<Page>,
    placed: Arc<Placed>,
}

/// Events reach only a page that already listens. What is emitted earlier
/// waits here until the page says with `pending` that it does.
#[derive(Debug, Default)]
struct Page {
    listens: bool,
    waiting: Option<Ask>,
}

impl Window {
    /// `file` remembers where it was.
    pub(crate) fn new(file: PathBuf) -> Self {
        let placed = Placed::read(file);
        Self { building: tokio::sync::Mutex::default(), page: Mutex::default(), placed }
    }

    fn page(&self) -> std::sync::MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page listens from now on; returns what it has missed.
    pub(crate) fn listens(&self) -> Option<Ask> {
        let mut page = self.page();
        page.listens = true;
        page.waiting.take()
    }
}

/// Opens the window, or brings it to the front.
pub(crate) async fn show(app: &AppHandle) {
    let shell = app.state::<Shell>();
    let _building = shell.window.building.lock().await;
    let shown = match app.get_webview_window(LABEL) {
        Some(window) => {
            window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus())
        }
        None => build(app),
    };
    if let Err(error) = shown {
        tracing::error!("cannot open the window: {error}");
    }
}

fn build(app: &AppHandle) -> tauri::Result<()> {
    let before = app.state::<Shell>().window.placed.now();
    let size = before.size.unwrap_or(SIZE);
    let size = (size.0.max(MIN_SIZE.0), size.1.max(MIN_SIZE.1));
    let position = seen_on(&app.available_monitors()?, before.position, size);
    let builder = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(TITLE)
        .inner_size(size.0, size.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .maximized(before.maximized)
        // The page is the app's own and stays so, whatever a link or an
        // upstream's text says.
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    let Some(position) = position else { return builder.center().build().map(drop) };
    let window = builder.visible(false).build()?;
    window.set_position(position)?;
    window.show()?;
    window.set_focus()
}

/// The person has moved or resized it.
pub(crate) fn moved(window: &tauri::Window) {
    window.state::<Shell>().window.placed.note(window);
}

/// `tauri://localhost` or, on Windows, `http://tauri.localhost`.
pub(crate) fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// Opens the window and asks its page, at once or when it is ready for it.
pub(crate) async fn ask(app: &AppHandle, ask: Ask) {
    show(app).await;
    {
        let shell = app.state::<Shell>();
        let mut page = shell.window.page();
        if !page.listens {
            page.waiting = Some(ask.clone());
        }
    }
    if let Err(error) = app.emit_to(LABEL, ASK, ask) {
        tracing::error!("cannot ask the window: {error}");
    }
}

pub(crate) fn page_loads(app: &AppHandle, event: PageLoadEvent) {
    if event == PageLoadEvent::Started {
        app.state::<Shell>().window.page().listens = false;
    }
}

pub(crate) fn closed(app: &AppHandle) {
    let shell = app.state::<Shell>();
    *shell.window.page() = Page::default();
    shell.events.stop();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_before_the_page_listens_is_kept_once() {
        let window = Window::new(PathBuf::new());
        window.page().waiting = Some(Ask::Quit);
        assert_eq!(window.listens(), Some(Ask::Quit));
        assert_eq!(window.listens(), None);
        assert!(window.page().listens);
    }

    #[test]
    fn the_page_is_asked_in_words_that_it_knows() {
        let json = |ask: Ask| serde_json::to_string(&ask).unwrap();
        assert_eq!(json(Ask::Quit), r#"{"what":"quit"}"#);
        let one = Ask::Approvals { id: Some("p1".into()) };
        assert_eq!(json(one), r#"{"what":"approvals","id":"p1"}"#);
        assert_eq!(json(Ask::Story { id: "c".into() }), r#"{"what":"story","id":"c"}"#);
    }

    #[test]
    fn the_web_view_goes_nowhere_else() {
        let own = |url: &str| is_own_page(&url.parse().unwrap());
        assert!(own("tauri://localhost/connections"));
        for elsewhere in [
            "https://example.com/",
            "http://127.0.0.1:7410/",
            "tauri://elsewhere/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
        ] {
            assert!(!own(elsewhere), "{elsewhere}");
        }
    }
}
