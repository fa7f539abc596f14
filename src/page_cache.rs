//! Large files written and read past the page cache, where a page of it is dear.
//!
//! Memory that a virtual machine touches for the first time is made by its host, page by page: there a gigabyte
//! written to new pages of the cache took 3 seconds of processor time, and 0.3 to pages that were in use before. With
//! `RWF_DONTCACHE` (Linux 6.14) the kernel writes a page back at once and uses it again. Sorting 8 GB with 512 MB of
//! memory, most of the time had gone into such pages.
//!
//! Elsewhere the cache is cheap, and a spill that is read back from it never waits for the disk. So the first writes
//! are timed, by the processor time of their thread, and only where they are slow the rest goes past the cache. Bytes
//! are the same either way; a kernel or file system that knows no such writes gets the usual ones.

use crate::fault::{Op, point, write_point};
use crate::fs::File;
use rustix::fs::{Advice, fadvise};
use rustix::io::{Errno, ReadWriteFlags, preadv2, pwritev2};
use rustix::time::{ClockId, clock_gettime};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::num::NonZeroU64;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

/// `RWF_DONTCACHE`, for which the library has no name yet.
const DONT_CACHE: ReadWriteFlags = ReadWriteFlags::from_bits_retain(0x80);

/// So many bytes are looked at together. The fewer, the sooner it is known; a pause of the thread weighs more then.
const WINDOW_BYTES: u64 = 32 << 20;
/// A cache that takes less in a second of processor time is dear. Copying takes several times as much anywhere.
const SLOW_BYTES_PER_SECOND: u64 = 700_000_000;
/// Shorter writes say more about system calls than about pages.
const TIMED_BYTES_MIN: usize = 64 << 10;

/// What is known of this machine's page cache, for it is the same for all jobs of a process.
static PAGE_CACHE: PageCache = PageCache::new();

/// Ends of writes should be multiples of this: a page that is written in two parts may have to be read back between.
pub(crate) const PAGE_BYTES: usize = 4 << 10;

/// Writes all of both parts at the position of `file`, which `path` names in errors and tests.
pub(crate) fn write_all(file: &File, path: &Path, parts: [&[u8]; 2]) -> io::Result<()> {
    PAGE_CACHE.write_all(file, path, parts)
}

/// Fills `into` from `offset` on.
///
/// # Errors
/// `UnexpectedEof` when the file ends before.
pub(crate) fn read_exact_at(file: &File, path: &Path, into: &mut [u8], offset: u64) -> io::Result<()> {
    PAGE_CACHE.read_exact_at(file, path, into, offset)
}

/// Says that a file is read in pieces here and there. The system would read far around them, and of what goes past the
/// cache it drops a whole block of pages with the first that is used: 8 GB were read as 14.
pub(crate) fn is_read_in_pieces(file: &File) {
    fadvise(file, 0, None, Advice::Random).ok(); // it is only advice
}

/// Has the system fetch a part of such a file that will be asked for soon.
pub(crate) fn read_ahead(file: &File, part: Range<u64>) {
    advise(file, part, Advice::WillNeed);
}

/// Drops what was read of it, where the cache is dear. A page that lies in it in part only stays at the end, for it is
/// still to be read, and goes at the start.
pub(crate) fn drop_read(file: &File, part: Range<u64>) {
    PAGE_CACHE.drop_read(file, part);
}

fn advise(file: &File, part: Range<u64>, advice: Advice) {
    if let Some(length) = NonZeroU64::new(part.end.saturating_sub(part.start)) {
        fadvise(file, part.start, Some(length), advice).ok(); // it is only advice
    }
}

const WATCHED: u8 = 0;
const DEAR: u8 = 1;
const ALWAYS_USED: u8 = 2;

struct PageCache {
    state: AtomicU8,
    bytes: AtomicU64,
    nanos: AtomicU64,
}

impl PageCache {
    const fn new() -> Self {
        Self { state: AtomicU8::new(WATCHED), bytes: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }

    fn write_all(&self, file: &File, path: &Path, parts: [&[u8]; 2]) -> io::Result<()> {
        let bytes = parts[0].len() + parts[1].len();
        let timed = self.state.load(Relaxed) == WATCHED && bytes >= TIMED_BYTES_MIN;
        let begun = if timed { thread_nanos() } else { 0 };
        self.write_parts(file, path, &mut parts.map(IoSlice::new))?;
        if timed {
            self.note(bytes as u64, thread_nanos().saturating_sub(begun));
        }
        Ok(())
    }

    /// Takes a write into account. Threads may count a window twice or not at all; they would only look again.
    fn note(&self, bytes: u64, nanos: u64) {
        let nanos = self.nanos.fetch_add(nanos, Relaxed) + nanos;
        let bytes = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        if bytes < WINDOW_BYTES {
            return;
        }
        self.bytes.store(0, Relaxed);
        self.nanos.store(0, Relaxed);
        if u128::from(bytes) * 1_000_000_000 < u128::from(SLOW_BYTES_PER_SECOND) * u128::from(nanos) {
            let watched = self.state.compare_exchange(WATCHED, DEAR, Relaxed, Relaxed);
            debug_assert!(watched != Err(WATCHED));
        }
    }

    fn write_parts(&self, file: &File, path: &Path, mut parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut parts, 0); // leaves out empty ones
        while let Some(first) = parts.first() {
            let count = match write_point(path, first.len()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                point => point?,
            };
            let short = [IoSlice::new(&first[..count])];
            let now = if count < first.len() { &short } else { &*parts };
            match pwritev2(file, now, u64::MAX, self.flags()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut parts, written),
                Err(Errno::INTR) => {}
                Err(error) if self.gives_up(error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn flags(&self) -> ReadWriteFlags {
        if self.state.load(Relaxed) == DEAR { DONT_CACHE } else { ReadWriteFlags::empty() }
    }

    fn read_exact_at(
        &self,
        file: &File,
        path: &Path,
        mut into: &mut [u8],
        mut offset: u64,
    ) -> io::Result<()> {
        while !into.is_empty() {
            match point(Op::Read, path) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                point => point?,
            }
            match preadv2(file, &mut [IoSliceMut::new(into)], offset, self.flags()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    into = &mut into[count..];
                    offset += count as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) if self.gives_up(error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn drop_read(&self, file: &File, part: Range<u64>) {
        if self.state.load(Relaxed) == DEAR {
            let first_page = part.start / PAGE_BYTES as u64;
            advise(file, first_page * PAGE_BYTES as u64..part.end, Advice::DontNeed);
        }
    }

    /// Whether an error says that a file has no other way than the usual one. Then no other is tried again.
    fn gives_up(&self, error: Errno) -> bool {
        [Errno::OPNOTSUPP, Errno::INVAL, Errno::NOSYS].contains(&error)
            && self.state.swap(ALWAYS_USED, Relaxed) == DEAR
    }
}

/// Processor time of this thread.
fn thread_nanos() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of writes of these bytes and times.
    fn check(notes: &[(u64, u64)], expect: u8) {
        let cache = PageCache::new();
        for &(bytes, nanos) in notes {
            cache.note(bytes, nanos);
        }
        assert_eq!(cache.state.load(Relaxed), expect, "{notes:?}");
    }

    #[test]
    fn a_slow_window_makes_it_dear() {
        let (fast, slow) = (WINDOW_BYTES / 2, WINDOW_BYTES * 3);
        check(&[(WINDOW_BYTES, fast)], WATCHED);
        check(&[(WINDOW_BYTES, slow)], DEAR);
        check(&[(WINDOW_BYTES - 1, slow)], WATCHED);
        check(&[(WINDOW_BYTES / 2, slow / 2), (WINDOW_BYTES / 2, slow / 2)], DEAR);
        check(&[(WINDOW_BYTES, fast), (WINDOW_BYTES, slow), (WINDOW_BYTES, fast)], DEAR);
        // A window that is over does not excuse the next one.
        check(&[(WINDOW_BYTES, 0), (WINDOW_BYTES, slow)], DEAR);
    }

    #[test]
    fn bytes_are_the_same_past_the_cache_and_through_it() {
        for state in [WATCHED, DEAR, ALWAYS_USED] {
            let cache = PageCache::new();
            cache.state.store(state, Relaxed);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            let file = File::create_new(&path).unwrap();
            let bytes: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
            for piece in bytes.chunks(70_001) {
                let parts = piece.split_at(piece.len() / 3);
                cache.write_all(&file, &path, parts.into()).unwrap();
            }
            cache.write_all(&file, &path, [&[]; 2]).unwrap();
            assert!(std::fs::read(&path).unwrap() == bytes, "state {state}");
            let mut read = vec![0; 100_000];
            cache.read_exact_at(&file, &path, &mut read, 150_001).unwrap();
            assert!(read == bytes[150_001..250_001], "state {state}");
            // Neither is it changed by advice, right or wrong.
            is_read_in_pieces(&file);
            read_ahead(&file, 200_000..400_000);
            cache.drop_read(&file, 100_001..250_001);
            cache.read_exact_at(&file, &path, &mut read, 150_001).unwrap();
            assert!(read == bytes[150_001..250_001], "state {state}");
            let beyond = cache.read_exact_at(&file, &path, &mut read, 250_000).unwrap_err();
            assert_eq!(beyond.kind(), ErrorKind::UnexpectedEof, "state {state}");
        }
    }

    #[test]
    fn what_is_no_file_is_written_as_usual() {
        let cache = PageCache::new();
        cache.state.store(DEAR, Relaxed);
        let (mut reader, writer) = io::pipe().unwrap();
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(writer));
        cache.write_all(&file.into(), Path::new("pipe"), [b"as ", b"usual"]).unwrap();
        assert_eq!(io::read_to_string(&mut reader).unwrap(), "as usual");
    }
}
