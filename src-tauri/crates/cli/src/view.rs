//! The web view that browsers are served, inside of this program. A debug build
//! reads the files where they were built, so that it need not be built again
//! after them.

use std::borrow::Cow;

#[derive(rust_embed::Embed)]
#[folder = "../../../ui/dist"]
#[allow_missing = true]
struct Built;

/// A file of it, e.g. `index.html`.
pub(crate) fn file(path: &str) -> Option<Cow<'static, [u8]>> {
    Built::get(path).map(|file| file.data)
}
