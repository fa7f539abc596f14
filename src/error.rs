//! The one error that every floor shares: an input or output operation that failed, with what it was
//! doing and to which path. Errors of a single room live beside that room's code.
//!
//! Also here: an interrupted call is no error.

mod refusal;

pub use refusal::Refusal;
pub(crate) use refusal::explain_write;

use crate::printable::one_line;
use std::any::Any;
use std::io;
use std::path::{Path, PathBuf};

/// An operation on a path that the operating system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}", path.display())]
pub struct IoError {
    /// What was being done, as the words after "cannot": `open`, `write spill`.
    pub action: &'static str,
    /// What it was done to.
    pub path: PathBuf,
    /// What the operating system said.
    #[source]
    pub source: io::Error,
}

impl IoError {
    /// With what is known of the disk, if the error is about one.
    fn new(action: &'static str, path: &Path, source: io::Error, needed_bytes: Option<u64>) -> Self {
        Self { action, path: path.to_path_buf(), source: refusal::explain(source, path, needed_bytes) }
    }
}

/// Adds the action and the path to an [`io::Error`].
pub trait At<T> {
    /// Wraps the error as "cannot `action` `path`".
    fn at(self, action: &'static str, path: &Path) -> Result<T, IoError>;
    /// The same of a write of so many bytes.
    fn at_write(self, action: &'static str, path: &Path, bytes: u64) -> Result<T, IoError>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, IoError> {
        self.map_err(|source| IoError::new(action, path, source, None))
    }

    fn at_write(self, action: &'static str, path: &Path, bytes: u64) -> Result<T, IoError> {
        self.map_err(|source| IoError::new(action, path, source, Some(bytes)))
    }
}

/// Makes a call again for as long as signals interrupt it.
pub(crate) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// An error and its causes on one line, `outer: inner: innermost`, each cause once. Line ends and control characters in
/// names are escaped.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        next = cause.source();
    }
    one_line(&text).into_owned()
}

/// What a panic said, from what it carries.
pub fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a panic".to_owned())
}
