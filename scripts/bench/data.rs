//! The benchmark's inputs, always the same bytes for the same arguments.
//!
//! ```text
//! usage: data text MEGABYTES [HOT_PERCENT]    words as common as Zipf has them, 500 000 different ones; so many
//!                                             per cent of all are one word
//!        data records MEGABYTES [LINE_KB [KEY_KB]]
//!                                             lines of 100 bytes: a random key of 10, a tab, a value; or lines
//!                                             and keys so long
//!        data check FILE...                   prints the number of lines and a sum over them that does not
//!                                             depend on their order
//! ```

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::ExitCode;

const WORDS: usize = 500_000;
const LINE_WORDS: u64 = 11;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| args.get(index).and_then(|text| text.parse::<u64>().ok());
    let output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let done = match (args.first().map(String::as_str), number(1)) {
        (Some("text"), Some(megabytes)) => text(megabytes * 1_000_000, number(2).unwrap_or(0), output),
        (Some("records"), Some(megabytes)) => records(megabytes * 1_000_000, number(2), number(3), output),
        (Some("check"), _) => check(&args[1..], output),
        _ => Err(io::Error::other("usage: data text | records MEGABYTES ..., data check FILE...")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("data: {error}");
            ExitCode::FAILURE
        }
    }
}

/// xorshift64*: small, and good enough to be told from chance by none of what is measured.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }
}

fn text(bytes: u64, hot_percent: u64, mut output: impl Write) -> io::Result<()> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let words: Vec<Vec<u8>> = (0..WORDS).map(|rank| word(rank, &mut random)).collect();
    // Sums of 1/rank, to be searched for a random part of the whole.
    let mut sums = Vec::with_capacity(WORDS);
    let mut sum = 0.0;
    for rank in 1..=WORDS {
        sum += 1.0 / rank as f64;
        sums.push(sum);
    }
    let mut written = 0;
    let mut count = 0;
    while written < bytes {
        let rank = if random.below(100) < hot_percent {
            0
        } else {
            let at = random.below(1 << 53) as f64 / (1_u64 << 53) as f64 * sum;
            sums.partition_point(|sum| *sum <= at).min(WORDS - 1)
        };
        count += 1;
        output.write_all(&words[rank])?;
        output.write_all(if count % LINE_WORDS == 0 { b"\n" } else { b" " })?;
        written += words[rank].len() as u64 + 1;
    }
    output.write_all(b"\n")?;
    output.flush()
}

/// A word: its rank in letters, so that no two are alike, and a few more letters for the rarer ones.
fn word(rank: usize, random: &mut Random) -> Vec<u8> {
    let mut letters = Vec::new();
    let mut left = rank + 1;
    while left > 0 {
        letters.push(b'a' + (left % 25) as u8);
        left /= 25;
    }
    letters.push(b'z');
    for _ in 0..random.below(2 + letters.len() as u64) + 1 {
        letters.push(b'a' + random.below(25) as u8);
    }
    letters
}

fn records(
    bytes: u64,
    line_kilobytes: Option<u64>,
    key_kilobytes: Option<u64>,
    mut output: impl Write,
) -> io::Result<()> {
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let line_bytes = line_kilobytes.map_or(100, |kilobytes| kilobytes * 1_000) as usize;
    let key_bytes = key_kilobytes.map_or(10, |kilobytes| kilobytes * 1_000) as usize;
    if line_bytes < key_bytes + 18 {
        return Err(io::Error::other("a line has to be longer than its key by 18 bytes"));
    }
    let mut line = vec![b'.'; line_bytes];
    line[key_bytes] = b'\t';
    line[line_bytes - 1] = b'\n';
    for _ in 0..bytes / line_bytes as u64 {
        let (mut key, mut salt) = (random.next(), random.next());
        for letter in &mut line[..10] {
            *letter = b' ' + 1 + (key % 94) as u8;
            key /= 94;
        }
        for letter in &mut line[key_bytes + 1..key_bytes + 17] {
            *letter = b'a' + (salt % 16) as u8;
            salt /= 16;
        }
        output.write_all(&line)?;
    }
    output.flush()
}

/// Two files with the same lines in any order give the same; others do, once in 2^64 times.
fn check(files: &[String], mut output: impl Write) -> io::Result<()> {
    let (mut lines, mut sum) = (0_u64, 0_u64);
    let mut line = Vec::new();
    for name in files {
        let file = File::open(name).map_err(|error| io::Error::other(format!("open {name}: {error}")))?;
        let mut file = BufReader::with_capacity(1 << 20, file);
        while file.read_until(b'\n', &mut line)? > 0 {
            lines += 1;
            sum = sum.wrapping_add(hash(line.strip_suffix(b"\n").unwrap_or(&line)));
            line.clear();
        }
    }
    writeln!(output, "{lines} lines, sum {sum:016x}")?;
    output.flush()
}

/// Eight bytes at a time by a multiplication whose halves are put together, as fast hash functions have it.
fn hash(line: &[u8]) -> u64 {
    let mix = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = mix(line.len() as u64 ^ 0xA076_1D64_78BD_642F, 0xE703_7ED1_A0B4_28DB);
    for bytes in line.chunks(8) {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        hash =
            mix(hash ^ u64::from_le_bytes(word), 0x8EBC_6AF0_9C88_C6E3).wrapping_add(0x5899_65CC_7537_4CC3);
    }
    mix(hash, 0x1D8E_4E27_C47D_124F)
}
