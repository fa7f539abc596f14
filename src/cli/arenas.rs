//! One arena for the allocator, where the address space of this process is limited (`ulimit -v`).
//!
//! glibc reserves 64 MiB of address space for each thread that allocates. Under a limit these reservations take what
//! records need, and an allocation that fails aborts the process. The number of arenas can only be set before the
//! program starts, so it is started anew.

use rustix::process::{Resource, getrlimit};
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// glibc's variable for the number of arenas.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// Set beside it when it was set here: then it is not for the job's programs.
const IS_OURS: &str = "MRSTREAM_ONE_ARENA";

/// Runs this program again with one arena, if it needs that. Returns if it does not, or if it cannot be run again.
#[expect(clippy::disallowed_methods, reason = "no child: it takes the place of this process")]
pub(super) fn limit(program: &OsString, words: &[OsString]) {
    if getrlimit(Resource::As).current.is_none() || std::env::var_os(ARENAS).is_some() {
        return;
    }
    if let Ok(path) = std::env::current_exe() {
        let mut again = Command::new(path);
        again.arg0(program).args(words).env(ARENAS, "1").env(IS_OURS, "1");
        // It returns only if it fails, and then there are more arenas.
        drop(again.exec());
    }
}

/// Takes out of an environment what [`limit`] put in.
pub(super) fn hide(environment: &mut Vec<(OsString, OsString)>) {
    if environment.iter().any(|(name, _)| name == IS_OURS) {
        environment.retain(|(name, _)| name != IS_OURS && name != ARENAS);
    }
}
