//! The benchmark's inputs, always the same bytes for the same arguments.
//!
//! ```text
//! usage: data text MEGABYTES [HOT_PERCENT]    words as common as Zipf has them, 500 000 different ones; so many
//!                                             per cent of all are one word
//!        data records MEGABYTES [VALUE_KB]    lines of 100 bytes: a random key of 10, a tab, a value; or with
//!                                             values so long
//! ```

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

const WORDS: usize = 500_000;
const LINE_WORDS: u64 = 11;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (kind, megabytes, more) = (args.next().unwrap_or_default(), args.next(), args.next());
    let number = |text: Option<String>| text.and_then(|text| text.parse::<u64>().ok());
    let Some(bytes) = number(megabytes).map(|megabytes| megabytes * 1_000_000) else {
        eprintln!("usage: data text MEGABYTES [HOT_PERCENT] | data records MEGABYTES [VALUE_KB]");
        return ExitCode::FAILURE;
    };
    let output = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let done = match kind.as_str() {
        "text" => text(bytes, number(more).unwrap_or(0), output),
        _ => records(bytes, number(more), output),
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

fn records(bytes: u64, value_kilobytes: Option<u64>, mut output: impl Write) -> io::Result<()> {
    let mut random = Random(0xD1B5_4A32_D192_ED03);
    let value = value_kilobytes.map_or(88, |kilobytes| kilobytes * 1_000 - 12);
    let mut line = vec![b'.'; value as usize + 12];
    line[10] = b'\t';
    *line.last_mut().unwrap_or(&mut 0) = b'\n';
    for _ in 0..bytes / line.len() as u64 {
        let (mut key, mut salt) = (random.next(), random.next());
        for letter in &mut line[..10] {
            *letter = b' ' + 1 + (key % 94) as u8;
            key /= 94;
        }
        for letter in &mut line[11..27] {
            *letter = b'a' + (salt % 16) as u8;
            salt /= 16;
        }
        output.write_all(&line)?;
    }
    output.flush()
}
