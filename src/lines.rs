//! Line ends as children write them: LF, CR LF and a lone CR all end a line. Hadoop: `LineReader`.

use memchr::memchr;

/// Turns every line end of a stream into one LF, block by block and in place.
///
/// A CR becomes an LF at once; the LF that may follow it, even in the next block, is then dropped. So no
/// byte is ever held back, and `CR CR LF` is a line end followed by an empty line.
#[derive(Clone, Copy, Debug, Default)]
pub struct LineEnds {
    after_cr: bool,
}

impl LineEnds {
    /// Rewrites `block` and returns how many bytes of it are left. Costs one search when there is no CR.
    pub fn normalise(&mut self, block: &mut [u8]) -> usize {
        if block.is_empty() {
            return 0;
        }
        let first = if self.after_cr { 0 } else { memchr(b'\r', block).unwrap_or(block.len()) };
        let mut kept = first;
        for at in first..block.len() {
            let byte = block[at];
            let dropped = byte == b'\n' && self.after_cr;
            self.after_cr = byte == b'\r';
            if !dropped {
                block[kept] = if self.after_cr { b'\n' } else { byte };
                kept += 1;
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way to cut `input` in two blocks must give `expect`.
    fn check(input: &str, expect: &str) {
        for cut in 0..=input.len() {
            let mut ends = LineEnds::default();
            let mut out = Vec::new();
            for part in [&input[..cut], &input[cut..]] {
                let mut block = part.as_bytes().to_vec();
                let kept = ends.normalise(&mut block);
                out.extend_from_slice(&block[..kept]);
            }
            assert_eq!(String::from_utf8_lossy(&out), expect, "{input:?} cut at {cut}");
        }
    }

    #[test]
    fn every_line_end_becomes_one_newline() {
        check("a\nb\n", "a\nb\n");
        check("a\r\nb\r\n", "a\nb\n");
        check("a\rb\r", "a\nb\n");
        check("a\r\r\nb", "a\n\nb");
        check("\n\r\n\r", "\n\n\n");
        check("", "");
    }
}
