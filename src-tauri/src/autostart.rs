//! Whether the app starts at login, where the desktop keeps that. Off unless
//! somebody has chosen it. What starts so shows no window.

pub(crate) use os::{is_on, set};

/// The argument of a start that nobody has asked a window of.
pub(crate) const BACKGROUND: &str = "--background";

/// The freedesktop.org Desktop Application Autostart Specification. By hand:
/// the library knows neither `XDG_CONFIG_HOME` nor paths with spaces.
#[cfg(all(unix, not(target_os = "macos")))]
mod os {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};
    use std::{fs, io};

    use anyhow::Context as _;

    use super::BACKGROUND;

    const FILE: &str = "ai-agent-gateway.desktop";

    pub(crate) fn is_on() -> bool {
        let Some(file) = file(|name| std::env::var_os(name)) else { return false };
        fs::read_to_string(file).is_ok_and(|entry| is_enabled(&entry))
    }

    pub(crate) fn set(on: bool) -> anyhow::Result<()> {
        let file = file(|name| std::env::var_os(name)).context("there is no home folder")?;
        let done = if on { write(&file) } else { remove(&file) };
        done.with_context(|| format!("cannot change {}", file.display()))
    }

    fn file(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
        let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
        Some(config.join("autostart").join(FILE))
    }

    fn write(file: &Path) -> anyhow::Result<()> {
        // An AppImage runs from a place that is gone by the next login.
        let program = std::env::var_os("APPIMAGE").map(PathBuf::from);
        let program = program.map_or_else(std::env::current_exe, Ok)?;
        let program = program.to_str().context("the program's path is not text")?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(file, entry(program))?)
    }

    fn remove(file: &Path) -> anyhow::Result<()> {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn entry(program: &str) -> String {
        format!(
            "[Desktop Entry]\nType=Application\nName=AI Agent Gateway\n\
             Comment=Shows whether agents' calls are checked\nIcon=ai-agent-gateway\n\
             Exec={} {BACKGROUND}\nTerminal=false\n",
            quoted(program)
        )
    }

    /// Quoted as an argument, and that as a value: a backslash counts twice.
    fn quoted(argument: &str) -> String {
        let mut quoted = String::from("\"");
        for char in argument.chars() {
            match char {
                '"' | '`' | '$' => quoted.extend(["\\\\", char.encode_utf8(&mut [0; 4])]),
                '\\' => quoted.push_str("\\\\\\\\"),
                '%' => quoted.push_str("%%"),
                char => quoted.push(char),
            }
        }
        quoted.push('"');
        quoted
    }

    /// A desktop's own settings switch an entry off without removing it.
    fn is_enabled(entry: &str) -> bool {
        let off = ["Hidden=true", "X-GNOME-Autostart-enabled=false"];
        entry.lines().all(|line| !off.contains(&line.trim()))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_file_lies_where_desktops_look() {
            let with = |config: Option<&str>| {
                file(|name| match name {
                    "XDG_CONFIG_HOME" => config.map(OsString::from),
                    _ => Some("/home/ana".into()),
                })
            };
            let own = PathBuf::from("/c/autostart/ai-agent-gateway.desktop");
            assert_eq!(with(Some("/c")), Some(own));
            let usual = PathBuf::from("/home/ana/.config/autostart/ai-agent-gateway.desktop");
            for none in [None, Some(""), Some("relative")] {
                assert_eq!(with(none), Some(usual.clone()), "{none:?}");
            }
        }

        #[test]
        fn a_path_stays_one_argument() {
            assert_eq!(quoted("/opt/a b/app"), r#""/opt/a b/app""#);
            assert_eq!(quoted(r#"/o$t/"a\%"#), r#""/o\\$t/\\"a\\\\%%""#);
        }

        #[test]
        fn it_is_written_and_removed() {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("autostart").join(FILE);
            remove(&file).unwrap();
            write(&file).unwrap();
            let entry = fs::read_to_string(&file).unwrap();
            assert!(entry.contains("\nExec=\"/") && entry.contains("\" --background\n"), "{entry}");
            assert!(is_enabled(&entry));
            assert!(!is_enabled(&format!("{entry}Hidden=true\n")));
            remove(&file).unwrap();
            assert!(!file.exists());
        }
    }
}

#[cfg(any(windows, target_os = "macos"))]
mod os {
    use anyhow::Context as _;
    use auto_launch::{AutoLaunch, AutoLaunchBuilder};

    use super::BACKGROUND;

    pub(crate) fn is_on() -> bool {
        entry().and_then(|entry| Ok(entry.is_enabled()?)).unwrap_or(false)
    }

    pub(crate) fn set(on: bool) -> anyhow::Result<()> {
        let entry = entry()?;
        if on { entry.enable() } else { entry.disable() }
            .context("cannot change what starts at login")
    }

    fn entry() -> anyhow::Result<AutoLaunch> {
        let program = std::env::current_exe()?;
        let program = program.to_str().context("the program's path is not text")?;
        // On Windows the entry is a command line.
        let program = if cfg!(windows) { format!("\"{program}\"") } else { program.to_owned() };
        let mut builder = AutoLaunchBuilder::new();
        builder.set_app_name("AI Agent Gateway").set_app_path(&program).set_args(&[BACKGROUND]);
        #[cfg(target_os = "macos")]
        builder.set_macos_launch_mode(auto_launch::MacOSLaunchMode::LaunchAgent);
        Ok(builder.build()?)
    }
}
