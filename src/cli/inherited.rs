//! What the caller of this process did to its signals, undone where jobs could not be run or stopped with it.

use nix::sys::signal::SigSet;
use signal_hook::consts::SIGCHLD;
use std::sync::Arc;

/// Lets this process wait for children, and be stopped, whatever its caller ignores or blocks.
///
/// Where SIGCHLD is ignored, the system reaps children itself and nobody learns how they ended. Children find the
/// default action, as in Hadoop: a JVM sets that for itself (`ProcessImpl`, `setSIGCHLDHandler`).
pub(super) fn undo() {
    if ignores(SIGCHLD) {
        // There is no setting of the default action without `unsafe`; a handler that does little ends the ignoring,
        // and the programs that are started find the default action again.
        signal_hook::flag::register(SIGCHLD, Arc::default()).ok();
    }
    // Children start with no signal blocked anyway.
    SigSet::empty().thread_set_mask().ok();
}

/// Whether a signal is ignored, as far as can be seen.
fn ignores(signal: i32) -> bool {
    let status = crate::fs::read("/proc/self/status").unwrap_or_default();
    let status = String::from_utf8_lossy(&status);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & 1 << (signal - 1) != 0)
}
