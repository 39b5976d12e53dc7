//! The desktop app: a tray icon that says whether calls are enforced, and a
//! window on the gateway.
//!
//! It is a client and nothing more. The gateway is `agw serve`, a process of
//! its own that this one starts or finds running ([`service`]), and that stays
//! when the window closes or this process ends. The web view has no network
//! and no session token: it asks [`bridge`], which speaks to the admin socket.
//!
//! ```text
//! web view ── api, subscribe ──▶ bridge ──▶ admin socket ──▶ agw serve
//! tray ────── health, pause, denials ──────────┤
//! desktop ─── approve, deny ── approvals ──────┤
//! prompt ──── approve, deny ───────────────────┘
//! ```

mod approvals;
mod autostart;
mod bridge;
mod clients;
mod denials;
mod export;
mod preferences;
mod prompt;
mod relay;
mod service;
mod stored;
mod text;
mod tray;
mod window;

use std::path::PathBuf;

use agw_api::{Client, ClientError, Status, codes, paths};
use anyhow::Context as _;
use tauri::{AppHandle, Manager as _, RunEvent, WindowEvent};
use tokio::sync::{Notify, watch};
use tracing_subscriber::EnvFilter;

use crate::service::Service;

/// What the parts of the app share.
struct Shell {
    service: Service,
    /// The signed-in session's token. It lives here and is forgotten when the
    /// app ends; the web view never has it.
    session: watch::Sender<Option<String>>,
    /// Wakes the tray before its next regular look at the service.
    look_again: Notify,
    window: window::Window,
    events: relay::Relay,
    preferences: preferences::Preferences,
    prompt: prompt::Prompt,
    /// Wakes what shows the calls that wait.
    approvals_changed: Notify,
    /// Calls that wait for an answer, while that is known.
    waiting: watch::Sender<Option<approvals::Waiting>>,
    denials: denials::Denials,
    saving: export::Saving,
}

impl Shell {
    fn new(data_dir: PathBuf) -> Self {
        let service = Service::new(data_dir);
        Self {
            window: window::Window::new(service.beside("window.json")),
            preferences: preferences::Preferences::read(service.beside("desktop.json")),
            service,
            session: watch::Sender::new(None),
            look_again: Notify::new(),
            events: relay::Relay::default(),
            prompt: prompt::Prompt::default(),
            approvals_changed: Notify::new(),
            waiting: watch::Sender::new(None),
            denials: denials::Denials::default(),
            saving: export::Saving::default(),
        }
    }

    /// A client with the session of this moment.
    fn client(&self) -> Client {
        self.service.client().with_session(self.session.borrow().clone())
    }

    /// An answer said that the session has ended.
    fn forget_session(&self) {
        self.session.send_if_modified(|token| token.take().is_some());
    }
}

/// Runs the app until the user quits it.
///
/// # Errors
/// When there is no data folder to work in or the desktop cannot be reached.
pub fn run() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let data_dir = std::env::var_os("AGW_DATA_DIR")
        .filter(|dir| !dir.is_empty())
        .map(PathBuf::from)
        .or_else(paths::default_data_dir)
        .context("no home folder to keep data in; set AGW_DATA_DIR to a folder")?;
    let data_dir = std::path::absolute(&data_dir)
        .with_context(|| format!("cannot use {} as data folder", data_dir.display()))?;
    let shell = Shell::new(data_dir);
    let in_background = is_background(std::env::args());

    tauri::Builder::default()
        // First, so that a second start ends before it does anything else.
        .plugin(tauri_plugin_single_instance::init(|app, args, _| {
            if !is_background(args) {
                open(app);
            }
        }))
        .manage(shell)
        .invoke_handler(tauri::generate_handler![
            bridge::api,
            bridge::subscribe,
            bridge::pending,
            bridge::start,
            bridge::quit,
            clients::clients,
            export::save_trail,
            export::stop_saving,
            preferences::preferences,
            preferences::set_preferences,
            prompt::prompt,
            prompt::prompt_answer,
            prompt::prompt_later,
            prompt::prompt_open,
            prompt::prompt_fit,
        ])
        .setup(move |app| {
            let app = app.handle();
            tray::install(app)?;
            tauri::async_runtime::spawn(approvals::watch(app.clone()));
            tauri::async_runtime::spawn(denials::watch(app.clone()));
            if in_background {
                let app = app.clone();
                tauri::async_runtime::spawn(async move { start_service(&app).await });
            } else {
                open(app);
            }
            Ok(())
        })
        .on_page_load(|webview, load| {
            if webview.label() == window::LABEL {
                window::page_loads(webview.app_handle(), load.event());
            }
        })
        .on_window_event(|window, event| match (window.label(), event) {
            (window::LABEL, WindowEvent::Destroyed) => window::closed(window.app_handle()),
            (window::LABEL, WindowEvent::Moved(_) | WindowEvent::Resized(_)) => {
                window::moved(window);
            }
            // By the person: the app itself destroys it without asking.
            (prompt::LABEL, WindowEvent::CloseRequested { .. }) => {
                prompt::put_off(window.app_handle());
            }
            // What has come while it went is shown in a new one.
            (prompt::LABEL, WindowEvent::Destroyed) => prompt::settle(window.app_handle()),
            _ => {}
        })
        .build(tauri::generate_context!())
        .context("cannot start the desktop app")?
        .run(|_, event| {
            // Closing the window frees the web view's memory; the tray stays.
            if let RunEvent::ExitRequested { code: None, api, .. } = event {
                api.prevent_exit();
            }
        });
    Ok(())
}

/// Started by the desktop at login: nobody has asked for a window.
fn is_background(args: impl IntoIterator<Item = String>) -> bool {
    args.into_iter().any(|arg| arg == autostart::BACKGROUND)
}

/// Shows the window, and brings the service back if it is gone: whoever opens
/// the app wants it to run.
fn open(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::join!(start_service(&app), window::show(&app));
    });
}

async fn start_service(app: &AppHandle) {
    let shell = app.state::<Shell>();
    if let Err(error) = shell.service.ensure().await {
        tracing::error!("{error:#}");
    }
    shell.look_again.notify_one();
}

/// Pauses or resumes all agents. Without a session the window opens instead,
/// and asks to sign in.
async fn set_paused(app: &AppHandle, paused: bool) {
    let path = if paused { "/api/v1/pause" } else { "/api/v1/resume" };
    let shell = app.state::<Shell>();
    let answer: Result<Status, ClientError> = shell.client().post(path, &()).await;
    if let Err(error) = answer {
        tracing::warn!("{error}");
        if error.code() == Some(codes::SIGN_IN) {
            shell.forget_session();
        }
        window::show(app).await;
    }
    shell.look_again.notify_one();
}
