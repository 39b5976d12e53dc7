//! The one window. It is destroyed when closed, so that its web view takes no
//! memory, and built again when asked for.

use std::sync::{Mutex, PoisonError};

use tauri::webview::{NewWindowResponse, PageLoadEvent};
use tauri::{AppHandle, Emitter as _, Manager as _, Url, WebviewUrl, WebviewWindowBuilder};

use crate::Shell;

const LABEL: &str = "main";
const TITLE: &str = "AI Agent Gateway";
const SIZE: (f64, f64) = (1280.0, 800.0);
const MIN_SIZE: (f64, f64) = (900.0, 600.0);

/// Tells the page to ask whether the gateway should stop, too.
pub(crate) const ASK_QUIT: &str = "ask-quit";
/// Tells the page to show the calls that wait for an answer.
pub(crate) const APPROVALS: &str = "approvals";

#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Held while the window is being built: there is only one.
    building: tokio::sync::Mutex<()>,
    page: Mutex<Page>,
}

/// Events reach only a page that already listens. What is emitted earlier
/// waits here until the page says with `pending` that it does.
#[derive(Debug, Default)]
struct Page {
    listens: bool,
    waiting: Option<&'static str>,
}

impl Window {
    fn page(&self) -> std::sync::MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page listens from now on; returns what it has missed.
    pub(crate) fn listens(&self) -> Option<&'static str> {
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
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title(TITLE)
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
        .center()
        // The page is the app's own and stays so, whatever a link or an
        // upstream's text says.
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()
        .map(drop)
}

/// `tauri://localhost` or, on Windows, `http://tauri.localhost`.
fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => cfg!(windows) && url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

/// Opens the window and sends `event` to its page, at once or when it is ready
/// for it.
pub(crate) async fn ask(app: &AppHandle, event: &'static str) {
    show(app).await;
    {
        let shell = app.state::<Shell>();
        let mut page = shell.window.page();
        if !page.listens {
            page.waiting = Some(event);
        }
    }
    if let Err(error) = app.emit_to(LABEL, event, ()) {
        tracing::error!("cannot send {event} to the window: {error}");
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
        let window = Window::default();
        window.page().waiting = Some(ASK_QUIT);
        assert_eq!(window.listens(), Some(ASK_QUIT));
        assert_eq!(window.listens(), None);
        assert!(window.page().listens);
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
