//! What a command works with: the data folder, the client signed in with the
//! stored session, and the output.

use std::path::{Path, PathBuf};

use agw_api::{Client, paths};

use crate::error::CliError;
use crate::output::Output;
use crate::private_file;

#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) data_dir: &'a Path,
    pub(crate) output: &'a Output,
    pub(crate) client: Client,
}

impl<'a> Context<'a> {
    pub(crate) fn new(data_dir: &'a Path, output: &'a Output) -> Result<Self, CliError> {
        let session = private_file::read(&paths::cli_session(data_dir))?
            .filter(|token| !token.is_empty())
            .map(|token| token.to_string());
        let client = Client::new(data_dir).with_session(session);
        Ok(Self { data_dir, output, client })
    }
}

/// For `DELETE`: the row must still be at the version that was seen.
pub(crate) fn at_version(path: &str, version: Option<u64>) -> String {
    version.map_or_else(|| path.to_owned(), |version| format!("{path}?version={version}"))
}

/// `--data-dir`, `AGW_DATA_DIR` or the platform's folder.
pub(crate) fn data_dir(chosen: Option<PathBuf>) -> Result<PathBuf, CliError> {
    chosen.filter(|path| !path.as_os_str().is_empty()).or_else(paths::default_data_dir).ok_or_else(
        || {
            CliError::usage(
                "there is no home folder to keep data in",
                "Name a data folder with --data-dir or AGW_DATA_DIR.",
            )
        },
    )
}
