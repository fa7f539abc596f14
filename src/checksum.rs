//! Checksums of all that is written to be read back: spills, plans, reports, journals and committed files.
//!
//! They are xxh3 in 64 bits, against damage and not against forgery. A fuzzing build (`scripts/fuzz.sh`) takes 0 for
//! each of them, or no damage would get past the first one that is compared.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The checksum of bytes that are all there.
#[inline]
pub(crate) fn of(bytes: &[u8]) -> u64 {
    if cfg!(fuzzing) { 0 } else { xxh3_64(bytes) }
}

/// The checksum of bytes that come in parts.
pub(crate) struct Checksum(Xxh3);

impl Checksum {
    pub(crate) fn new() -> Self {
        Self(Xxh3::new())
    }

    pub(crate) fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    pub(crate) fn digest(&self) -> u64 {
        if cfg!(fuzzing) { 0 } else { self.0.digest() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_the_checksum_of_the_whole() {
        let mut checksum = Checksum::new();
        for part in ["", "spill", "ed"] {
            checksum.update(part.as_bytes());
        }
        assert_eq!(checksum.digest(), of(b"spilled"));
        assert_ne!(of(b"spilled"), of(b"spillee"));
    }
}
