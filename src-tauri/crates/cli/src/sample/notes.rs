//! The notes themselves: in memory, or as files of one folder.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::CliError;

/// Longest name, in characters; longest text, in bytes; most notes.
pub(super) const NAME_MAX: usize = 64;
const TEXT_MAX: usize = 64 << 10;
const NOTES_MAX: usize = 200;
/// What the file of a note is called, after its name.
const SUFFIX: &str = ".txt";

#[derive(Debug)]
pub(super) enum Notes {
    Memory(BTreeMap<String, String>),
    Folder(PathBuf),
}

impl Notes {
    pub(super) fn new(folder: Option<PathBuf>) -> Result<Self, CliError> {
        let Some(folder) = folder else {
            let first = [
                (
                    "welcome",
                    "An agent read this through the gateway: it was identified, it was allowed to, and it is on record.",
                ),
                ("shopping", "Milk, bread, apples."),
                ("ideas", "Let an agent write a note, and be asked before it may."),
            ];
            let first = first.map(|(name, text)| (name.to_owned(), text.to_owned()));
            return Ok(Self::Memory(first.into()));
        };
        if folder.is_dir() {
            return Ok(Self::Folder(folder));
        }
        let message = format!("{} is not a folder", folder.display());
        Err(CliError::usage(message, "Make it first, or leave --folder away."))
    }

    /// The names, in order. Failures are sentences for the agent.
    pub(super) fn list(&self) -> Result<Vec<String>, String> {
        match self {
            Self::Memory(notes) => Ok(notes.keys().cloned().collect()),
            Self::Folder(folder) => {
                let files = fs::read_dir(folder).map_err(|error| failed("list", &error))?;
                let name = |file: io::Result<fs::DirEntry>| {
                    let name = file.ok()?.file_name().into_string().ok()?;
                    let name = name.strip_suffix(SUFFIX)?;
                    is_name(name).then(|| name.to_owned())
                };
                let mut names: Vec<String> = files.filter_map(name).take(NOTES_MAX).collect();
                names.sort();
                Ok(names)
            }
        }
    }

    pub(super) fn read(&self, name: &str) -> Result<String, String> {
        let missing = || format!("there is no note {name:?}; list_notes has the names");
        match self {
            Self::Memory(notes) => notes.get(name).cloned().ok_or_else(missing),
            Self::Folder(folder) => {
                let path = file(folder, name)?;
                if !is_file(&path) {
                    return Err(missing());
                }
                fs::read_to_string(path).map_err(|error| failed("read", &error))
            }
        }
    }

    pub(super) fn write(&mut self, name: &str, text: &str) -> Result<(), String> {
        checked(name)?;
        if text.len() > TEXT_MAX {
            return Err(format!("a note has at most {TEXT_MAX} bytes"));
        }
        let names = self.list()?;
        if names.len() >= NOTES_MAX && !names.iter().any(|known| known == name) {
            return Err(format!("there are {NOTES_MAX} notes; delete one first"));
        }
        match self {
            Self::Memory(notes) => {
                notes.insert(name.to_owned(), text.to_owned());
                Ok(())
            }
            Self::Folder(folder) => {
                let path = file(folder, name)?;
                if path.symlink_metadata().is_ok() && !is_file(&path) {
                    return Err("in its place is something else than a note".to_owned());
                }
                fs::write(path, text).map_err(|error| failed("write", &error))
            }
        }
    }

    pub(super) fn delete(&mut self, name: &str) -> Result<(), String> {
        let _ = self.read(name)?;
        match self {
            Self::Memory(notes) => {
                notes.remove(name);
                Ok(())
            }
            Self::Folder(folder) => {
                fs::remove_file(file(folder, name)?).map_err(|error| failed("delete", &error))
            }
        }
    }
}

/// Never out of the folder: a name has nothing that a path is made of.
fn file(folder: &Path, name: &str) -> Result<PathBuf, String> {
    checked(name)?;
    Ok(folder.join(format!("{name}{SUFFIX}")))
}

/// A file itself, and no link to one somewhere else.
fn is_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}

fn checked(name: &str) -> Result<(), String> {
    if is_name(name) {
        return Ok(());
    }
    Err(format!("a name has 1 to {NAME_MAX} letters, digits, spaces, - and _"))
}

fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_');
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(fits) && name.trim() == name
}

fn failed(what: &str, error: &io::Error) -> String {
    format!("the sample cannot {what} it: {}", error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stay_in_their_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("notes");
        fs::create_dir(&folder).unwrap();
        fs::write(dir.path().join("secret.txt"), "outside").unwrap();
        let mut notes = Notes::new(Some(folder.clone())).unwrap();
        for name in ["../secret", "", "..", "a/b", "a\\b", "a\0b", ".hidden", &"x".repeat(65)] {
            assert!(notes.read(name).is_err(), "{name}");
            assert!(notes.write(name, "x").is_err(), "{name}");
            assert!(notes.delete(name).is_err(), "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(dir.path().join("secret.txt"), folder.join("link.txt"))
                .unwrap();
            assert!(notes.read("link").is_err());
            assert!(notes.write("link", "changed").is_err());
        }
        notes.write("plan b", "later").unwrap();
        assert_eq!(notes.read("plan b").unwrap(), "later");
        assert!(notes.list().unwrap().contains(&"plan b".to_owned()));
        notes.delete("plan b").unwrap();
        assert!(notes.read("plan b").is_err());
        assert_eq!(fs::read_to_string(dir.path().join("secret.txt")).unwrap(), "outside");
    }
}
