//! The checksum that HDFS tells of a file: an MD5 over the MD5s of its blocks, each over the CRCs of its pieces.
//! Hadoop: `FileChecksumHelper`, `BlockChecksumHelper`, `MD5MD5CRC32FileChecksum`.

use md5::{Digest, Md5};
use std::fmt::Write as _;
use std::io::{self, Read};

/// Bytes that one CRC is for (`dfs.bytes-per-checksum`).
const PIECE_BYTES: usize = 512;
/// Bytes read at a time: whole pieces.
const BUFFER_BYTES: usize = /* 128 KiB */ 256 * PIECE_BYTES;
/// Hadoop sums up the whole buffer that it gathers the blocks' MD5s in, whatever of it they fill. This is its first
/// size, and it doubles.
const GATHER_BYTES: usize = 32;

/// Algorithm and value as `-checksum` prints them, of a file whose blocks would have this size.
pub(super) fn of(mut file: impl Read, block_bytes: u64) -> io::Result<String> {
    let pieces_per_block = block_bytes / PIECE_BYTES as u64;
    let (mut sums, mut block, mut pieces) = (Vec::new(), Md5::new(), 0);
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    loop {
        buffer.clear();
        (&mut file).take(BUFFER_BYTES as u64).read_to_end(&mut buffer)?;
        for piece in buffer.chunks(PIECE_BYTES) {
            block.update(crc32c::crc32c(piece).to_be_bytes());
            pieces += 1;
            if pieces == pieces_per_block {
                sums.extend(block.finalize_reset());
                pieces = 0;
            }
        }
        if buffer.len() < BUFFER_BYTES {
            break;
        }
    }
    if pieces > 0 {
        sums.extend(block.finalize());
    }
    Ok(described(sums, pieces_per_block))
}

fn described(mut sums: Vec<u8>, pieces_per_block: u64) -> String {
    let (per_crc, kind) = if sums.is_empty() { (0, "CRC32") } else { (PIECE_BYTES, "CRC32C") };
    // Of a single block Hadoop does not tell it.
    let per_block = if sums.len() > Md5::output_size() { pieces_per_block } else { 0 };
    let mut gathered = GATHER_BYTES;
    while gathered < sums.len() {
        gathered *= 2;
    }
    sums.resize(gathered, 0);
    let mut text = format!("MD5-of-{per_block}MD5-of-{per_crc}{kind}\t{per_crc:08x}{per_block:016x}");
    for byte in Md5::digest(&sums) {
        write!(text, "{byte:02x}").expect("a string takes everything");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_summed_up_as_hadoop_does() {
        // Sums by another program of a few lines, which gives what a real HDFS gives for 1, 511, 512 and 513 bytes.
        let check = |bytes: usize, block_bytes: u64, expect: &str| {
            let bytes: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
            assert_eq!(of(bytes.as_slice(), block_bytes).unwrap(), expect, "{} {block_bytes}", bytes.len());
        };
        let one = "MD5-of-0MD5-of-512CRC32C\t000002000000000000000000";
        let more = "MD5-of-2MD5-of-512CRC32C\t000002000000000000000002";
        check(1024, 1024, &format!("{one}50ff11bcb16278c91f4d4bdfcbaa2bab"));
        check(2048, 1024, &format!("{more}a806b1b8e1dada6c7ded416b54ae9885"));
        check(2500, 1024, &format!("{more}ac62b0beb8cf2abbb93573884de106ae"));
        // Blocks that end where nothing was read to, and more than one buffer.
        let many = "MD5-of-128MD5-of-512CRC32C\t000002000000000000000080";
        check(200_000, 65_536, &format!("{many}e800d8fe7a0e3a501be96ae49d5cf00c"));
    }
}
