//! The memory that records of a sort buffer lie in. The only room that knows memmap2.
//!
//! An anonymous map rather than a `Vec`: its pages cost nothing until they are touched, large ones can
//! ask for huge pages (a tenth off the time of filling 1 GB), and the kernel has them back the moment the
//! arena is dropped, so that the memory budget is what the process really uses.

use memmap2::{Advice, MmapMut, MmapOptions};
use std::io;

/// From this size on an arena asks for huge pages; smaller ones could not hold one.
const HUGE_FROM: usize = 2 << 20;

/// Positions are 32 bits wide.
pub(crate) const ARENA_BYTES_MAX: usize = u32::MAX as usize;

/// A growable run of bytes, addressed by position.
#[derive(Debug)]
pub(crate) struct Arena {
    map: MmapMut,
    used: usize,
    /// The first so many bytes were in use once, so their pages are there.
    touched: usize,
}

impl Arena {
    /// An empty arena that can take `capacity` bytes (at least 1) without moving.
    pub(crate) fn new(capacity: usize) -> io::Result<Self> {
        Ok(Self { map: map(capacity.max(1))?, used: 0, touched: 0 })
    }

    pub(crate) fn capacity(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn used(&self) -> usize {
        self.used
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map[..self.used]
    }

    /// The unused rest, to be written into and then taken in by [`Self::extend`].
    pub(crate) fn free(&mut self) -> &mut [u8] {
        &mut self.map[self.used..]
    }

    /// Takes in the first `count` bytes of [`Self::free`].
    pub(crate) fn extend(&mut self, count: usize) {
        assert!(count <= self.map.len() - self.used, "more bytes taken in than there was room");
        self.used += count;
        self.touched = self.touched.max(self.used);
    }

    /// Whether less than three quarters of the memory that it takes is in use.
    pub(crate) fn is_roomy(&self) -> bool {
        self.used < self.touched / 4 * 3
    }

    /// Forgets what lies at and after `end`.
    pub(crate) fn truncate(&mut self, end: usize) {
        self.used = self.used.min(end);
    }

    /// Moves to a map of `capacity` bytes.
    pub(crate) fn grow(&mut self, capacity: usize) -> io::Result<()> {
        debug_assert!(capacity >= self.used);
        let mut larger = map(capacity)?;
        larger[..self.used].copy_from_slice(self.bytes());
        self.map = larger;
        self.touched = self.used;
        Ok(())
    }
}

fn map(capacity: usize) -> io::Result<MmapMut> {
    // No swap is reserved: a budget above what the machine can back shows when pages are touched, as with
    // any allocation under overcommit, and not as a refusal of memory that may never be used.
    let map = MmapOptions::new().len(capacity).no_reserve_swap().map_anon()?;
    if capacity >= HUGE_FROM {
        // Advice only: a kernel without huge pages refuses it and nothing is lost.
        drop(map.advise(Advice::HugePage));
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_knows_the_pages_that_an_earlier_use_left() {
        let mut arena = Arena::new(1_000).unwrap();
        let check = |arena: &Arena, roomy: bool| assert_eq!(arena.is_roomy(), roomy, "{arena:?}");
        arena.extend(100);
        check(&arena, false);
        arena.extend(700);
        arena.truncate(0);
        arena.extend(600);
        check(&arena, false);
        arena.truncate(599);
        check(&arena, true);
        arena.grow(599).unwrap();
        check(&arena, false);
    }
}
