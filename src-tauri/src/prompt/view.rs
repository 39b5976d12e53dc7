//! The prompt's window: on top of the others, in a corner, without taking the
//! keyboard from whatever has it.

use std::time::{Duration, Instant};

use tauri::webview::NewWindowResponse;
use tauri::{
    AppHandle, Emitter as _, LogicalSize, Manager as _, Monitor, PhysicalPosition, WebviewUrl,
    WebviewWindow, WebviewWindowBuilder,
};

use tokio::time::sleep;

use super::Card;
use crate::window;

pub(crate) const LABEL: &str = "prompt";
const TITLE: &str = "A call waits for your answer";
/// The web view's route.
const ROUTE: &str = "index.html#/prompt";
/// The event that carries a [`Card`].
const CARD: &str = "card";
/// Logical pixels. The height follows what there is to read.
const WIDTH: f64 = 460.0;
const HEIGHTS: std::ops::RangeInclusive<f64> = 240.0..=680.0;
const FROM_EDGE: f64 = 16.0;
/// How long a window may take to go.
const GOES: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Of the display's height at most.
const OF_DISPLAY: f64 = 0.85;

#[derive(Default)]
pub(super) struct View {
    /// Held while the window is being built or destroyed: there is only one.
    changing: tokio::sync::Mutex<()>,
}

impl View {
    /// `card` is asked when it is this one's turn, so that the last word is
    /// the newest.
    pub(super) async fn show(&self, app: &AppHandle, card: impl Fn() -> Option<Card>) {
        let _changing = self.changing.lock().await;
        let shown = match (card(), app.get_webview_window(LABEL)) {
            (None, None) => Ok(()),
            // Destroyed, not hidden: its web view takes memory.
            (None, Some(window)) => match window.destroy() {
                Ok(()) => return gone(app).await,
                Err(error) => Err(error),
            },
            // The page asks for its card itself once it is ready.
            (Some(_), None) => build(app),
            (Some(card), Some(_)) => app.emit_to(LABEL, CARD, card),
        };
        if let Err(error) = shown {
            tracing::error!("cannot show the prompt: {error}");
        }
    }
}

/// While its window is going, a new one cannot be built.
async fn gone(app: &AppHandle) {
    let deadline = Instant::now() + GOES;
    while app.get_webview_window(LABEL).is_some() && Instant::now() < deadline {
        sleep(LOOK_EVERY).await;
    }
}

fn build(app: &AppHandle) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App(ROUTE.into()))
        .title(TITLE)
        .inner_size(WIDTH, *HEIGHTS.start())
        .resizable(false)
        .maximizable(false)
        .minimizable(false)
        .skip_taskbar(true)
        .always_on_top(true)
        .visible_on_all_workspaces(true)
        // Whoever types goes on typing where they were.
        .focused(false)
        .visible(false)
        .on_navigation(window::is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    if let Some(display) = display(&window)? {
        // Wayland leaves the place to the desktop.
        window.set_position(corner(&display))?;
    }
    window.show()
}

/// As high as what it shows, and never higher than the display has room for.
pub(super) fn fit(app: &AppHandle, height: f64) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    let room = display(&window)?.map_or(f64::MAX, |display| {
        f64::from(display.work_area().size.height) / display.scale_factor() * OF_DISPLAY
    });
    window.set_size(LogicalSize::new(WIDTH, fitting(height, room)))
}

fn fitting(height: f64, room: f64) -> f64 {
    // Not a number, it would be neither smaller nor larger.
    let height = if height.is_finite() { height } else { *HEIGHTS.start() };
    height.clamp(*HEIGHTS.start(), *HEIGHTS.end()).min(room)
}

/// Where the person is, as far as that can be told.
fn display(window: &WebviewWindow) -> tauri::Result<Option<Monitor>> {
    let pointer = window.cursor_position().ok();
    let at = pointer.and_then(|at| window.monitor_from_point(at.x, at.y).ok().flatten());
    match at {
        Some(display) => Ok(Some(display)),
        None => window.primary_monitor(),
    }
}

/// The upper right one.
fn corner(display: &Monitor) -> PhysicalPosition<i32> {
    let (area, scale) = (display.work_area(), display.scale_factor());
    let right = f64::from(area.position.x) + f64::from(area.size.width);
    let x = right - (WIDTH + FROM_EDGE) * scale;
    let y = f64::from(area.position.y) + FROM_EDGE * scale;
    PhysicalPosition::new(x.max(f64::from(area.position.x)), y).cast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_high_as_needed_within_bounds() {
        assert_eq!(fitting(400.0, 2000.0), 400.0);
        assert_eq!(fitting(10.0, 2000.0), 240.0);
        assert_eq!(fitting(9000.0, 2000.0), 680.0);
        assert_eq!(fitting(9000.0, 500.0), 500.0);
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(fitting(odd, 2000.0), 240.0);
        }
    }
}
