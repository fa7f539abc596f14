//! No file for a task without records. Hadoop: `LazyOutputFormat`.

use super::{OutputError, RecordWriter, Stored};
use crate::record::RecordRef;

/// What makes the writer behind a [`LazyWriter`].
type Open = Box<dyn FnOnce() -> Result<Box<dyn RecordWriter>, OutputError> + Send>;

/// Opens another writer when the first record comes, and nothing if none does.
pub(super) struct LazyWriter {
    open: Option<Open>,
    writer: Option<Box<dyn RecordWriter>>,
}

impl LazyWriter {
    /// Writes to what `open` returns.
    pub(super) fn new(
        open: impl FnOnce() -> Result<Box<dyn RecordWriter>, OutputError> + Send + 'static,
    ) -> Self {
        Self { open: Some(Box::new(open)), writer: None }
    }
}

impl RecordWriter for LazyWriter {
    fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        if let Some(open) = self.open.take() {
            self.writer = Some(open()?);
        }
        match &mut self.writer {
            Some(writer) => writer.write(record),
            // The first record could not be written, and its error has been returned.
            None => Ok(()),
        }
    }

    fn finish(self: Box<Self>) -> Result<Stored, OutputError> {
        self.writer.map_or_else(|| Ok(Stored::default()), RecordWriter::finish)
    }
}
