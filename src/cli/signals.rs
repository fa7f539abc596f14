//! Signals that end a job, as messages.

use crate::streaming::ChildGroups;
use crossbeam_channel::{Receiver, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::Arc;
use std::thread;

/// A write beyond `ulimit -f` fails from now on, as one to a full disk does, instead of ending this process.
/// Children find the signal as we did.
pub(super) fn let_large_writes_fail() {
    // Where no signal can be caught, the old way is what is left.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).ok();
}

/// Signals that come from now on. The first one ends all children and asks the job to end in order; a second one
/// ends this process as it would have without us.
pub(super) fn watch(children: &ChildGroups) -> std::io::Result<Receiver<i32>> {
    let children = children.clone();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (sender, receiver) = bounded(1);
    thread::Builder::new().name("signals".into()).spawn(move || {
        let mut asked = false;
        for signal in &mut signals {
            if asked {
                signal_hook::low_level::emulate_default_handler(signal).ok();
            }
            asked = true;
            // Told first, so that nobody takes what then happens to the children for a failure of theirs.
            sender.try_send(signal).ok();
            children.stop();
        }
    })?;
    Ok(receiver)
}
