//! What can go wrong in a verb, in Hadoop's words: scripts look for them.

use crate::dfs::AddressError;
use crate::glob::GlobError;
use std::io;

/// Why a verb fails, or one of its paths. Hadoop: `PathIOException` and its kinds.
#[derive(Debug, thiserror::Error)]
pub(super) enum FsError {
    #[error("`{0}': No such file or directory")]
    NotFound(String),
    /// The same for a path to be made, with its address where that was not given in full.
    #[error("`{0}': No such file or directory: `{1}'")]
    NoParent(String, String),
    #[error("`{0}': File exists")]
    Exists(String),
    #[error("`{0}': Is a directory")]
    IsDirectory(String),
    #[error("`{0}': Is not a directory")]
    IsNotDirectory(String),
    #[error("`{0}': Directory is not empty")]
    NotEmpty(String),
    #[error("`{0}': Input/output error")]
    InputOutput(String),
    /// Something else about a path.
    #[error("`{0}': {1}")]
    Path(String, String),
    /// Something about two paths.
    #[error("`{0}' to `{1}': {2}")]
    Paths(String, String, &'static str),
    #[error("{0}")]
    Other(String),
    /// The words make no command. Java: `IllegalArgumentException`; the usage follows.
    #[error("{0}")]
    Usage(String),
    #[error("Unable to write to output stream.")]
    Output,
}

impl FsError {
    /// What the operating system said about a path.
    pub(super) fn io(shown: &str, error: &io::Error) -> Self {
        let shown = shown.to_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound(shown),
            io::ErrorKind::PermissionDenied => Self::Path(shown, "Permission denied".to_owned()),
            io::ErrorKind::AlreadyExists => Self::Exists(shown),
            io::ErrorKind::NotADirectory => Self::IsNotDirectory(shown),
            io::ErrorKind::IsADirectory => Self::IsDirectory(shown),
            io::ErrorKind::DirectoryNotEmpty => Self::NotEmpty(shown),
            _ => Self::Path(shown, error.to_string()),
        }
    }

    /// Why what was given is no address.
    pub(super) fn address(given: &str, error: AddressError) -> Self {
        match error {
            // Hadoop: Path.checkPathArg.
            AddressError::Empty => Self::Usage("Can not create a Path from an empty string".to_owned()),
            AddressError::Scheme(scheme) => Self::Other(format!("No FileSystem for scheme \"{scheme}\"")),
            error => Self::Path(given.to_owned(), error.to_string()),
        }
    }

    pub(super) fn glob(given: &str, error: GlobError) -> Self {
        match error {
            GlobError::Bad(what) => Self::Other(format!("Illegal file pattern: {what}")),
            GlobError::Io(error) => Self::io(given, &error.source),
        }
    }
}
