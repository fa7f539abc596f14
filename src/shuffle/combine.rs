//! What shrinks a run before it is kept. The task room implements [`Combine`]; it knows processes and
//! classes, the shuffle does not.

use super::ShuffleError;
use super::merge::RecordStream;
use crate::record::RecordRef;

/// A combiner.
pub(crate) trait Combine: Send + Sync {
    /// Takes all records of `input`, which are of one partition and sorted, and gives its own to `output`
    /// in the order in which they shall stay.
    fn combine(
        &self,
        input: &mut dyn RecordStream,
        output: &mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    ) -> Result<(), ShuffleError>;
}
