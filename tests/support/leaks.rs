//! Looks for secrets where none may be.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD_NO_PAD};

/// A secret that was planted, and the one place that may show it.
#[derive(Clone)]
pub struct Planted {
    name: String,
    value: String,
    /// How that place's name begins, e.g. `agw token`.
    shown_by: Option<&'static str>,
}

impl Planted {
    pub fn new(name: &str, value: &str) -> Self {
        assert!(value.len() >= 10, "{name} would be found by chance");
        Self { name: name.to_owned(), value: value.to_owned(), shown_by: None }
    }

    /// In the place whose name begins like this, it may be.
    pub fn shown_by(self, place: &'static str) -> Self {
        Self { shown_by: Some(place), ..self }
    }

    /// As it is, and as it might be written down.
    fn forms(&self) -> [Vec<u8>; 4] {
        let hex = |format: fn(&u8) -> String| self.value.bytes().map(|b| format(&b)).collect();
        let hex: [String; 2] = [hex(|b| format!("{b:02x}")), hex(|b| format!("{b:02X}"))];
        // The last character depends on what follows.
        let mut base64 = BASE64_STANDARD_NO_PAD.encode(&self.value);
        base64.pop();
        [self.value.clone(), base64, hex[0].clone(), hex[1].clone()].map(String::into_bytes)
    }
}

/// Some bytes, and where they are from.
pub struct Place {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

/// Every file below a folder; sockets hold nothing.
pub fn files(folder: &Path) -> Vec<Place> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let bytes = std::fs::read(entry.path()).unwrap();
                found.push(Place { name: entry.path().display().to_string(), bytes });
            }
        }
    }
    found
}

/// Which secrets are where, beside where they may be.
pub fn find(planted: &[Planted], places: &[Place]) -> Vec<String> {
    let mut found = Vec::new();
    for secret in planted {
        let may_show = |place: &&Place| secret.shown_by.is_some_and(|p| place.name.starts_with(p));
        for place in places.iter().filter(|place| !may_show(place)) {
            for form in secret.forms() {
                if let Some(at) = position(&place.bytes, &form) {
                    let from = at.saturating_sub(120);
                    let to = (at + form.len() + 40).min(place.bytes.len());
                    let around = String::from_utf8_lossy(&place.bytes[from..to]).into_owned();
                    found.push(format!("{} in {place:?}: {around:?}", secret.name));
                }
            }
        }
    }
    found
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, wanted)
}

#[test]
fn a_secret_is_found_in_each_form_and_not_where_it_may_be() {
    let secret = [Planted::new("password", "hunter2-hunter2").shown_by("agw token")];
    let place = |name: &str, text: &str| Place { name: name.into(), bytes: text.into() };
    let clean = [place("log", "nothing"), place("agw token ana", "hunter2-hunter2")];
    assert_eq!(find(&secret, &clean), Vec::<String>::new());
    for text in [
        "..hunter2-hunter2..",
        "aHVudGVyMi1odW50ZXIy",
        "68756e746572322d68756e74657232",
        "68756E746572322D68756E74657232",
    ] {
        assert_eq!(find(&secret, &[place("log", text)]).len(), 1, "{text}");
    }
}
