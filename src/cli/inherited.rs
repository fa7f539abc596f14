//! What the caller of this process did to its signals, undone where jobs could not be run or stopped with it.

use super::host;
use nix::sys::signal::SigSet;
use signal_hook::consts::SIGCHLD;
use std::sync::Arc;

/// Lets this process wait for children, and be stopped, whatever its caller ignores or blocks.
///
/// Where SIGCHLD is ignored, the system reaps children itself and their exit status is lost. Children find the
/// default action, as in Hadoop: a JVM sets that for itself (`ProcessImpl`, `setSIGCHLDHandler`).
pub(super) fn undo() {
    if host::is_ignored(SIGCHLD).unwrap_or(true) {
        // There is no setting of the default action without `unsafe`; a handler that does little ends the ignoring,
        // and the programs that are started find the default action again.
        signal_hook::flag::register(SIGCHLD, Arc::default()).ok();
    }
    // Children start with no signal blocked anyway.
    SigSet::empty().thread_set_mask().ok();
}
