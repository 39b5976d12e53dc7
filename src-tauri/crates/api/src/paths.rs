//! Where the parts of one installation meet on disk.

use std::io;
use std::path::{Path, PathBuf};

use interprocess::local_socket::Name;

use crate::ServiceFile;

/// The admin socket inside a data folder (0600). On Windows its path names
/// the pipe.
pub fn admin_socket(data_dir: &Path) -> PathBuf {
    data_dir.join("agw.sock")
}

/// The name that the service listens on and clients connect to: the path of
/// [`admin_socket`] itself on Unix; on Windows a named pipe, which lives in a
/// name space of its own, called after that path.
pub fn admin_socket_name(data_dir: &Path) -> io::Result<Name<'static>> {
    let path = admin_socket(data_dir);
    #[cfg(not(windows))]
    {
        use interprocess::local_socket::{GenericFilePath, ToFsName as _};
        path.to_fs_name::<GenericFilePath>()
    }
    #[cfg(windows)]
    {
        use interprocess::local_socket::{GenericNamespaced, ToNsName as _};
        // Pipe names hold no backslash and, like paths here, ignore case.
        let path = std::path::absolute(path)?;
        crate::segment(&path.to_string_lossy().to_lowercase()).to_ns_name::<GenericNamespaced>()
    }
}

/// What the running service says about itself; see [`ServiceFile`].
pub fn service_file(data_dir: &Path) -> PathBuf {
    data_dir.join("service.json")
}

/// # Errors
/// Where there is no such file, and where it is not understood.
pub fn service(data_dir: &Path) -> io::Result<ServiceFile> {
    Ok(serde_json::from_slice(&std::fs::read(service_file(data_dir))?)?)
}

/// Where the gateway of this data folder listens: as it says, else where it
/// does unless it is told otherwise.
pub fn service_url(data_dir: &Path) -> String {
    let url = service(data_dir).map_or_else(|_| "http://127.0.0.1:7410".to_owned(), |it| it.url);
    url.trim_end_matches('/').to_owned()
}

/// The command line's signed-in session (0600).
pub fn cli_session(data_dir: &Path) -> PathBuf {
    data_dir.join("session")
}

/// The data folder when neither `--data-dir` nor `AGW_DATA_DIR` names one:
/// the platform's place for a user's application data, `None` where the
/// environment names no home.
pub fn default_data_dir() -> Option<PathBuf> {
    let var = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if cfg!(windows) {
        return var("LOCALAPPDATA").map(|dir| dir.join("agw"));
    }
    let home = var("HOME")?;
    if cfg!(target_os = "macos") {
        return Some(home.join("Library/Application Support/agw"));
    }
    Some(var("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("agw"))
}
