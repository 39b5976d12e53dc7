//! A client's file on disk: read whole, refused where a change would do harm,
//! replaced in one step.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::client::Client;
use crate::error::{Refusal, refusal};

/// The largest file that is read. Claude Code's, which also has the history of
/// its projects, grows to a few megabytes.
pub(crate) const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;

/// The digest of a file that is not there.
pub(crate) const ABSENT: &str = "absent";

pub(crate) fn digest(text: Option<&str>) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.map_or_else(|| ABSENT.to_owned(), |text| hex(&Sha256::digest(text.as_bytes())))
}

/// `None` where there is no file.
fn metadata(client: Client, path: &Path) -> Result<Option<Metadata>, Refusal> {
    let shown = path.display();
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Refusal::io("read", path, &error)),
    };
    if metadata.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        return Err(Refusal::new(
            refusal::SYMLINK,
            format!("{shown} is a link to {}", target.display()),
            format!(
                "What manages {} would undo a change, or lose it. Add the entry there by hand, or put a file in the place of the link.",
                target.display()
            ),
        ));
    }
    if !metadata.is_file() {
        return Err(Refusal::new(
            refusal::NOT_A_FILE,
            format!("{shown} is not a file"),
            format!("Move it away; {} makes a new one.", client.title()),
        ));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(Refusal::new(
            refusal::TOO_LARGE,
            format!("{shown} has {} bytes; {MAX_FILE_BYTES} are read at most", metadata.len()),
            "Look at what fills it; make it smaller, or add the entry by hand.",
        ));
    }
    Ok(Some(metadata))
}

/// The text; `None` where there is no file.
pub(crate) fn read(client: Client, path: &Path) -> Result<Option<String>, Refusal> {
    if metadata(client, path)?.is_none() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| Refusal::io("read", path, &error))?;
    String::from_utf8(bytes).map(Some).map_err(|_| malformed(client, path, "it is not UTF-8 text"))
}

pub(crate) fn malformed(client: Client, path: &Path, why: &str) -> Refusal {
    Refusal::new(
        refusal::MALFORMED,
        format!("{} cannot be changed: {why}", path.display()),
        format!("Repair it in an editor; {} may not read it either.", client.title()),
    )
}

/// Refuses what a person has made read-only, although a rename would do.
pub(crate) fn check_writable(client: Client, path: &Path) -> Result<(), Refusal> {
    if metadata(client, path)?.is_some_and(|metadata| metadata.permissions().readonly()) {
        return Err(Refusal::new(
            refusal::READ_ONLY,
            format!("{} is read-only", path.display()),
            "Somebody meant it to stay as it is. Make it writable first if that is you.",
        ));
    }
    Ok(())
}

/// Puts `text` into the place of what has the digest `seen`, in one step, with
/// the mode and owner that were there; `None` removes the file.
pub(crate) fn replace(
    client: Client,
    path: &Path,
    seen: &str,
    text: Option<&str>,
) -> Result<(), Refusal> {
    check_writable(client, path)?;
    let there = metadata(client, path)?;
    let Some(text) = text else {
        still(client, path, seen)?;
        return fs::remove_file(path).map_err(|error| Refusal::io("remove", path, &error));
    };
    if let Some(folder) = path.parent() {
        make_private_folder(folder)?;
    }
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".agw-{}", std::process::id()));
    let new = path.with_file_name(name);
    let done = write_new(&new, text, there.as_ref())
        .map_err(|error| Refusal::io("write beside", path, &error))
        .and_then(|()| still(client, path, seen))
        .and_then(|()| {
            fs::rename(&new, path).map_err(|error| Refusal::io("replace", path, &error))
        });
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done?;
    sync_folder(path);
    Ok(())
}

/// Whether the file is what a person saw before they agreed.
fn still(client: Client, path: &Path, seen: &str) -> Result<(), Refusal> {
    if digest(read(client, path)?.as_deref()) == seen { Ok(()) } else { Err(changed(path)) }
}

pub(crate) fn changed(path: &Path) -> Refusal {
    Refusal::new(
        refusal::CHANGED,
        format!("{} has changed since the change was shown", path.display()),
        "Nothing was done. Look at the change again.",
    )
}

fn write_new(path: &Path, text: &str, like: Option<&Metadata>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    // Nobody else may read it before it has the mode of the other.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    if let Some(like) = like {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt as _;
            let now = file.metadata()?;
            if (now.uid(), now.gid()) != (like.uid(), like.gid()) {
                std::os::unix::fs::fchown(&file, Some(like.uid()), Some(like.gid()))?;
            }
        }
        file.set_permissions(like.permissions())?;
    }
    file.sync_all()
}

/// The rename itself on disk, where that can be asked for.
fn sync_folder(path: &Path) {
    #[cfg(unix)]
    if let Some(folder) = path.parent().and_then(|folder| File::open(folder).ok()) {
        let _ = folder.sync_all();
    }
    #[cfg(not(unix))]
    let _ = path;
}

pub(crate) fn make_private_folder(path: &Path) -> Result<(), Refusal> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| Refusal::io("make the folder", path, &error))
}

/// A file of ours, 0600 from its first moment, replaced in one step.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Refusal> {
    if let Some(folder) = path.parent() {
        make_private_folder(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let _ = fs::remove_file(&new);
    let done = write_new(&new, text, None).and_then(|()| fs::rename(&new, path));
    done.map_err(|error| {
        let _ = fs::remove_file(&new);
        Refusal::io("write", path, &error)
    })?;
    sync_folder(path);
    Ok(())
}

pub(crate) fn remove_private(path: &Path) -> Result<(), Refusal> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Refusal::io("remove", path, &error))
        }
        _ => Ok(()),
    }
}
