//! Puts a large file on disk while it is still being written.
//!
//! A task commits when its files are on disk. The kernel begins to write them back after some seconds, so that
//! the commit of a gigabyte would wait for nearly all of it, with all cores idle: 0.35 of 2.6 seconds of sorting
//! 1 GB. What is done here early is not done again then; whether the file is on disk is not promised here.

use crate::fs::File;
use std::io::{self, ErrorKind};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

/// So many bytes are worth a request to the disk.
const STEP_BYTES: u64 = /* 64 MiB */ 64 << 20;

/// Watches over one file. A file that stays small costs nothing.
#[derive(Debug, Default)]
pub(super) struct WriteBack {
    /// Written since the last request.
    waiting_bytes: u64,
    thread: Option<Thread>,
}

#[derive(Debug)]
struct Thread {
    requests: SyncSender<()>,
    handle: JoinHandle<io::Result<()>>,
}

impl WriteBack {
    /// Notes that `file`, always the same one, has taken so many bytes more.
    pub(super) fn wrote(&mut self, file: &File, bytes: u64) {
        self.waiting_bytes += bytes;
        if self.waiting_bytes < STEP_BYTES {
            return;
        }
        if self.thread.is_none() {
            // It only saves time: whoever has no thread for it does without.
            self.thread = file.try_clone().and_then(Thread::start).ok();
        }
        // While the disk has one request to do after the one it is at, more would say nothing new.
        if self.thread.as_ref().is_some_and(|thread| thread.requests.try_send(()).is_ok()) {
            self.waiting_bytes = 0;
        }
    }

    /// Waits for what was begun.
    ///
    /// # Errors
    /// What the disk said. It says so once, so nobody else would hear of it.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let Some(Thread { requests, handle }) = self.thread.take() else { return Ok(()) };
        drop(requests);
        handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Thread {
    fn start(file: File) -> io::Result<Self> {
        let (requests, received) = sync_channel(1);
        let handle = Builder::new().spawn(move || {
            received.iter().try_for_each(|()| match file.sync_data() {
                // A pipe or a device has no disk to be on.
                Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
                synced => synced,
            })
        })?;
        Ok(Self { requests, handle })
    }
}

impl Drop for WriteBack {
    /// A file that is given up: nobody asks what became of it.
    fn drop(&mut self) {
        drop(self.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::OpenOptions;
    use std::os::unix::fs::OpenOptionsExt;
    use std::path::Path;

    /// A descriptor that names a file and can do nothing with it, as in `open(2)`.
    const O_PATH: i32 = 0o10_000_000;

    /// What becomes of so many bytes written to a file opened with these flags.
    fn check(path: &Path, flags: i32, bytes: &[u64], started: bool, good: bool) {
        let file = OpenOptions::new().write(true).custom_flags(flags).open(path).unwrap();
        let mut write_back = WriteBack::default();
        for bytes in bytes {
            write_back.wrote(&file, *bytes);
        }
        assert_eq!(write_back.thread.is_some(), started, "{path:?} {bytes:?}");
        assert_eq!(write_back.finish().is_ok(), good, "{path:?} {bytes:?}");
        assert!(write_back.finish().is_ok(), "once is enough");
    }

    #[test]
    fn large_files_are_synced_and_their_errors_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        check(file.path(), 0, &[], false, true);
        check(file.path(), 0, &[STEP_BYTES - 1], false, true);
        check(file.path(), 0, &[STEP_BYTES - 1, 1], true, true);
        check(file.path(), 0, &[STEP_BYTES; 9], true, true);
        check(file.path(), O_PATH, &[STEP_BYTES], true, false);
        check(Path::new("/dev/null"), 0, &[STEP_BYTES], true, true);
    }
}
