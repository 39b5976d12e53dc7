//! What the person at this desktop has chosen of the shell: `desktop.json` in
//! the data folder. Whether it starts at login is not in it but where the
//! desktop keeps that ([`autostart`]), and so never two things.

use std::path::PathBuf;

use agw_api::{ErrorBody, codes};
use serde::{Deserialize, Serialize};
use tauri::State;
use tokio::sync::watch;

use crate::{Shell, autostart, stored};

/// When a call that waits is shown in a small window of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PromptWindow {
    /// Where the desktop's notifications cannot be answered.
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Chosen {
    pub(crate) notifications: bool,
    pub(crate) prompt_window: PromptWindow,
}

impl Default for Chosen {
    fn default() -> Self {
        Self { notifications: true, prompt_window: PromptWindow::Auto }
    }
}

pub(crate) struct Preferences {
    file: PathBuf,
    chosen: watch::Sender<Chosen>,
}

/// As the web view sees them.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    autostart: bool,
    #[serde(flatten)]
    chosen: Chosen,
}

/// What is left out stays as it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Change {
    autostart: Option<bool>,
    notifications: Option<bool>,
    prompt_window: Option<PromptWindow>,
}

impl Preferences {
    pub(crate) fn read(file: PathBuf) -> Self {
        let chosen = watch::Sender::new(stored::read(&file));
        Self { file, chosen }
    }

    pub(crate) fn now(&self) -> Chosen {
        *self.chosen.borrow()
    }

    pub(crate) fn follow(&self) -> watch::Receiver<Chosen> {
        self.chosen.subscribe()
    }

    /// Nothing changes that could not be stored.
    fn change(&self, change: &Change) -> anyhow::Result<()> {
        let mut next = self.now();
        next.notifications = change.notifications.unwrap_or(next.notifications);
        next.prompt_window = change.prompt_window.unwrap_or(next.prompt_window);
        if let Some(on) = change.autostart {
            autostart::set(on)?;
        }
        if next != self.now() {
            stored::write(&self.file, &next).map_err(|error| {
                anyhow::anyhow!("cannot write {}: {error}", self.file.display())
            })?;
            self.chosen.send_replace(next);
        }
        Ok(())
    }
}

#[tauri::command]
pub(crate) async fn preferences(shell: State<'_, Shell>) -> Result<Shown, ErrorBody> {
    Ok(Shown { autostart: autostart::is_on(), chosen: shell.preferences.now() })
}

#[tauri::command]
pub(crate) async fn set_preferences(
    shell: State<'_, Shell>,
    change: Change,
) -> Result<Shown, ErrorBody> {
    let changed = shell.preferences.change(&change);
    shell.look_again.notify_one();
    changed.map_err(|error| {
        let next = "Nothing was changed. Check that the folder can be written.";
        ErrorBody::new(codes::INTERNAL, format!("{error:#}"), next)
    })?;
    preferences(shell).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_survives_and_what_is_left_out_stays() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("desktop.json");
        let preferences = Preferences::read(file.clone());
        assert_eq!(preferences.now(), Chosen::default());
        let change = serde_json::from_str(r#"{"promptWindow": "always"}"#).unwrap();
        preferences.change(&change).unwrap();
        let now = Preferences::read(file.clone()).now();
        assert_eq!((now.notifications, now.prompt_window), (true, PromptWindow::Always));
        // One that an older version wrote, and one that nobody did.
        std::fs::write(&file, r#"{"notifications": false}"#).unwrap();
        assert!(!Preferences::read(file.clone()).now().notifications);
        std::fs::write(&file, r#"{"notifications": "loud"}"#).unwrap();
        assert_eq!(Preferences::read(file).now(), Chosen::default());
    }

    #[test]
    fn what_cannot_be_stored_is_not_chosen() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("desktop.json");
        std::fs::create_dir_all(file.join("in the way")).unwrap();
        let preferences = Preferences::read(file);
        let change = serde_json::from_str(r#"{"notifications": false}"#).unwrap();
        assert!(preferences.change(&change).is_err());
        assert!(preferences.now().notifications);
    }

    #[test]
    fn the_web_view_reads_what_it_writes() {
        let shown = Shown { autostart: false, chosen: Chosen::default() };
        let json = serde_json::to_value(shown).unwrap();
        let wanted = r#"{"autostart": false, "notifications": true, "promptWindow": "auto"}"#;
        assert_eq!(json, serde_json::from_str::<serde_json::Value>(wanted).unwrap());
        assert!(serde_json::from_value::<Change>(json).is_ok());
        assert!(serde_json::from_str::<Change>(r#"{"autoStart": true}"#).is_err());
    }
}
