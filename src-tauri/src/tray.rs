//! The tray icon: whether calls are enforced, at a glance.

use std::time::Duration;

use agw_api::{Event, ServiceState};
use tauri::image::Image;
use tauri::menu::{Menu, MenuItem, PredefinedMenuItem};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager as _, Wry};
use tokio::time::sleep;

use crate::{Shell, open, set_paused, window};

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What the tray says about the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    Running(ServiceState),
    /// Something holds the socket and does not answer as it should.
    NotAnswering,
    Stopped,
}

impl Shown {
    fn words(self) -> &'static str {
        match self {
            Self::Running(ServiceState::Enforcing) => "Enforcing: every call is checked",
            Self::Running(ServiceState::Paused) => "Paused: all agents are refused",
            Self::Running(ServiceState::Unrecorded) => {
                "Records cannot be written: agents are refused"
            }
            Self::Running(ServiceState::Sealed) => "Sealed: all agents are refused",
            Self::Running(ServiceState::Unconfigured) => "Not set up: all agents are refused",
            Self::NotAnswering => "The gateway does not answer",
            Self::Stopped => "Stopped: the gateway is not running",
        }
    }

    /// Outline and colour both differ between them; see icons/source.
    fn icon(self) -> Image<'static> {
        match self {
            Self::Running(ServiceState::Enforcing) => {
                tauri::include_image!("icons/tray-enforcing.png")
            }
            Self::Running(ServiceState::Paused) => tauri::include_image!("icons/tray-paused.png"),
            Self::Running(ServiceState::Unrecorded) => {
                tauri::include_image!("icons/tray-unrecorded.png")
            }
            Self::Running(ServiceState::Sealed | ServiceState::Unconfigured) => {
                tauri::include_image!("icons/tray-sealed.png")
            }
            Self::NotAnswering | Self::Stopped => tauri::include_image!("icons/tray-stopped.png"),
        }
    }
}

struct Tray {
    icon: TrayIcon,
    state: MenuItem<Wry>,
    approvals: MenuItem<Wry>,
    pause: MenuItem<Wry>,
    resume: MenuItem<Wry>,
}

/// Puts the icon into the tray and keeps it true. Where the desktop has no
/// tray, nothing is seen of it and the window does without.
pub(crate) fn install(app: &AppHandle) -> tauri::Result<()> {
    let first = Shown::Stopped;
    let item =
        |id: &str, text: &str, enabled| MenuItem::with_id(app, id, text, enabled, None::<&str>);
    let state = item("state", first.words(), false)?;
    let approvals = item("approvals", &approvals_words(None), true)?;
    let pause = item("pause", "Pause all agents", false)?;
    let resume = item("resume", "Resume", false)?;
    let menu = Menu::with_items(
        app,
        &[
            &state,
            &PredefinedMenuItem::separator(app)?,
            &item("open", "Open", true)?,
            &approvals,
            &pause,
            &resume,
            &PredefinedMenuItem::separator(app)?,
            &item("quit", "Quit…", true)?,
        ],
    )?;
    let icon = TrayIconBuilder::with_id("gateway")
        .icon(first.icon())
        .tooltip(tooltip(first, None))
        .menu(&menu)
        // On Windows a left click opens the app; elsewhere it opens the menu.
        .show_menu_on_left_click(cfg!(not(windows)))
        .on_menu_event(|app, event| chosen(app, event.id().as_ref()))
        .on_tray_icon_event(|icon, event| {
            let clicked = matches!(
                event,
                TrayIconEvent::Click {
                    button: MouseButton::Left,
                    button_state: MouseButtonState::Up,
                    ..
                }
            );
            if cfg!(windows) && clicked {
                open(icon.app_handle());
            }
        })
        .build(app)?;
    let tray = Tray { icon, state, approvals, pause, resume };
    tauri::async_runtime::spawn(keep_true(app.clone(), tray, first));
    Ok(())
}

fn chosen(app: &AppHandle, id: &str) {
    let app = app.clone();
    match id {
        "open" => open(&app),
        "approvals" => drop(tauri::async_runtime::spawn(async move {
            window::ask(&app, window::APPROVALS).await;
        })),
        "pause" => drop(tauri::async_runtime::spawn(async move { set_paused(&app, true).await })),
        "resume" => drop(tauri::async_runtime::spawn(async move { set_paused(&app, false).await })),
        "quit" => drop(tauri::async_runtime::spawn(async move { quit(&app).await })),
        _ => {}
    }
}

/// Leaves at once when there is nothing to decide; otherwise the window asks
/// whether the gateway should stop as well.
async fn quit(app: &AppHandle) {
    if app.state::<Shell>().service.look().await == Shown::Stopped {
        app.exit(0);
    } else {
        window::ask(app, window::ASK_QUIT).await;
    }
}

async fn keep_true(app: AppHandle, tray: Tray, first: Shown) {
    let shell = app.state::<Shell>();
    let mut calls = shell.waiting.subscribe();
    let mut shown = (first, None);
    loop {
        let state = shell.service.look().await;
        let seen = (state, *calls.borrow_and_update());
        if state != shown.0 {
            shell.events.tell(&Event::Changed { what: "status".to_owned() });
        }
        if seen != shown {
            match tray.show(seen.0, seen.1) {
                Ok(()) => shown = seen,
                Err(error) => tracing::warn!("cannot change the tray icon: {error}"),
            }
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            () = shell.look_again.notified() => {}
            _ = calls.changed() => {}
        }
    }
}

impl Tray {
    fn show(&self, shown: Shown, waiting: Option<usize>) -> tauri::Result<()> {
        self.icon.set_icon(Some(shown.icon()))?;
        self.icon.set_tooltip(Some(tooltip(shown, waiting)))?;
        self.state.set_text(shown.words())?;
        self.approvals.set_text(approvals_words(waiting))?;
        self.pause.set_enabled(shown == Shown::Running(ServiceState::Enforcing))?;
        self.resume.set_enabled(shown == Shown::Running(ServiceState::Paused))
    }
}

fn tooltip(shown: Shown, waiting: Option<usize>) -> String {
    let mut tooltip = format!("AI Agent Gateway\n{}", shown.words());
    if waiting.is_some_and(|calls| calls > 0) {
        tooltip.push('\n');
        tooltip.push_str(&approvals_words(waiting));
    }
    tooltip
}

/// Nothing is said of what is not known: without a session, the window asks
/// to sign in.
fn approvals_words(waiting: Option<usize>) -> String {
    match waiting {
        None => "Approvals".to_owned(),
        Some(0) => "No call waits for an answer".to_owned(),
        Some(1) => "1 call waits for an answer".to_owned(),
        Some(calls) => format!("{calls} calls wait for an answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_enforcing_looks_like_enforcing() {
        let enforcing = Shown::Running(ServiceState::Enforcing);
        for other in [
            Shown::Running(ServiceState::Paused),
            Shown::Running(ServiceState::Unrecorded),
            Shown::Running(ServiceState::Sealed),
            Shown::Running(ServiceState::Unconfigured),
            Shown::NotAnswering,
            Shown::Stopped,
        ] {
            assert_ne!(other.icon().rgba(), enforcing.icon().rgba(), "{other:?}");
            assert_ne!(other.words(), enforcing.words());
        }
    }

    #[test]
    fn calls_that_wait_are_told_where_they_are_known() {
        let enforcing = Shown::Running(ServiceState::Enforcing);
        assert!(tooltip(enforcing, Some(2)).ends_with("\n2 calls wait for an answer"));
        assert_eq!(tooltip(enforcing, Some(0)), tooltip(enforcing, None));
        assert_eq!(approvals_words(Some(1)), "1 call waits for an answer");
        assert_eq!(approvals_words(None), "Approvals");
    }
}
