//! The icon with its menu, as the desktop has it.

use agw_api::ServiceState;
use tauri::menu::{CheckMenuItem, Menu, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};

use super::icon::icon;
use super::{Look, Shown, approvals_words, denials_words, quit, turn_autostart};
use crate::window::{self, Ask};
use crate::{open, set_paused};

/// Before the id of what an entry leads to.
const CALL: &str = "call:";
const STORY: &str = "story:";

pub(super) struct Tray {
    icon: TrayIcon,
    menu: Menu<Wry>,
    state: MenuItem<Wry>,
    approvals: MenuItem<Wry>,
    /// Right below `approvals`.
    calls: Vec<MenuItem<Wry>>,
    denials: Submenu<Wry>,
    stories: Vec<MenuItem<Wry>>,
    pause: MenuItem<Wry>,
    resume: MenuItem<Wry>,
    autostart: CheckMenuItem<Wry>,
}

impl Tray {
    pub(super) fn install(app: &AppHandle, first: &Look) -> tauri::Result<Self> {
        let item = |id: &str, text: &str, enabled| entry(app, id, text, enabled);
        let line = || PredefinedMenuItem::separator(app);
        let state = item("state", first.service.words(), false)?;
        let approvals = item("approvals", &approvals_words(None), true)?;
        let words = denials_words(None);
        let denials = Submenu::with_id(app, "denials", words, false)?;
        let pause = item("pause", "Pause all agents", false)?;
        let resume = item("resume", "Resume", false)?;
        let words = "Start at login";
        let autostart = CheckMenuItem::with_id(app, "autostart", words, true, false, None::<&str>)?;
        let menu = Menu::with_items(
            app,
            &[
                &state,
                &line()?,
                &approvals,
                &denials,
                &line()?,
                &item("open", "Open", true)?,
                &pause,
                &resume,
                &line()?,
                &autostart,
                &item("quit", "Quit…", true)?,
            ],
        )?;
        let icon = icon_with(app, &menu, first)?;
        let (calls, stories) = (Vec::new(), Vec::new());
        Ok(Self { icon, menu, state, approvals, calls, denials, stories, pause, resume, autostart })
    }

    /// Changes what has changed: a menu may be open meanwhile.
    pub(super) fn show(&mut self, app: &AppHandle, was: &Look, now: &Look) -> tauri::Result<()> {
        if (now.service, now.count()) != (was.service, was.count()) {
            self.icon.set_icon(Some(icon(now.service, now.count())))?;
            self.icon.set_tooltip(Some(now.tooltip()))?;
        }
        if now.service != was.service {
            self.state.set_text(now.service.words())?;
            self.pause.set_enabled(now.service == Shown::Running(ServiceState::Enforcing))?;
            self.resume.set_enabled(now.service == Shown::Running(ServiceState::Paused))?;
        }
        if now.waiting != was.waiting {
            self.show_calls(app, now)?;
        }
        if now.denials != was.denials {
            self.show_denials(app, now)?;
        }
        // A click turns the mark by itself, whatever comes of it.
        if self.autostart.is_checked()? != now.autostart {
            self.autostart.set_checked(now.autostart)?;
        }
        Ok(())
    }

    fn show_calls(&mut self, app: &AppHandle, now: &Look) -> tauri::Result<()> {
        self.approvals.set_text(approvals_words(now.count()))?;
        for gone in self.calls.drain(..) {
            self.menu.remove(&gone)?;
        }
        let below = self.menu.items()?.iter().position(|item| item.id() == self.approvals.id());
        let first = now.waiting.iter().flat_map(|waiting| &waiting.first);
        for ((id, line), at) in first.zip(below.map_or(0, |at| at + 1)..) {
            let call = entry(app, &format!("{CALL}{id}"), &format!("    {}", plain(line)), true)?;
            self.menu.insert(&call, at)?;
            self.calls.push(call);
        }
        Ok(())
    }

    fn show_denials(&mut self, app: &AppHandle, now: &Look) -> tauri::Result<()> {
        let denials = now.denials.as_deref();
        self.denials.set_text(denials_words(denials))?;
        self.denials.set_enabled(denials.is_some_and(|denials| !denials.is_empty()))?;
        for gone in self.stories.drain(..) {
            self.denials.remove(&gone)?;
        }
        for denial in denials.unwrap_or_default() {
            let id = format!("{STORY}{}", denial.id);
            let story = entry(app, &id, &plain(&denial.words), true)?;
            self.denials.append(&story)?;
            self.stories.push(story);
        }
        Ok(())
    }
}

fn entry(app: &AppHandle, id: &str, text: &str, enabled: bool) -> tauri::Result<MenuItem<Wry>> {
    MenuItem::with_id(app, id, text, enabled, None::<&str>)
}

/// In a menu, `&` would underline the letter after it.
fn plain(text: &str) -> String {
    text.replace('&', "&&")
}

fn icon_with(app: &AppHandle, menu: &Menu<Wry>, first: &Look) -> tauri::Result<TrayIcon> {
    TrayIconBuilder::with_id("gateway")
        .icon(icon(first.service, first.count()))
        .tooltip(first.tooltip())
        .menu(menu)
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
        .build(app)
}

fn chosen(app: &AppHandle, entry: &str) {
    let ask = |asked| {
        let app = app.clone();
        tauri::async_runtime::spawn(async move { window::ask(&app, asked).await });
    };
    let pause = |paused| {
        let app = app.clone();
        tauri::async_runtime::spawn(async move { set_paused(&app, paused).await });
    };
    match entry {
        "open" => open(app),
        "approvals" => ask(Ask::Approvals { id: None }),
        "pause" => pause(true),
        "resume" => pause(false),
        "autostart" => turn_autostart(app),
        "quit" => {
            let app = app.clone();
            tauri::async_runtime::spawn(async move { quit(&app).await });
        }
        entry => {
            if let Some(id) = entry.strip_prefix(CALL) {
                ask(Ask::Approvals { id: Some(id.to_owned()) });
            } else if let Some(id) = entry.strip_prefix(STORY) {
                ask(Ask::Story { id: id.to_owned() });
            }
        }
    }
}
