//! Word count, mapper and reducer in one program: `wordcount map` and `wordcount reduce`.
//!
//! A word is a run of the ASCII letters A-Z and a-z, written in lower case; all else separates words.
//!
//! ```text
//! usage: cargo build --release --example wordcount
//!        mr-stream -mapper 'target/release/examples/wordcount map' \
//!                  -reducer 'target/release/examples/wordcount reduce' -input testdata/98.txt -output out
//! ```

use std::io::{self, BufRead, BufWriter, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let (input, output) = (io::stdin().lock(), BufWriter::new(io::stdout().lock()));
    let done = match std::env::args().nth(1).as_deref() {
        Some("map") => map(input, output),
        Some("reduce") => reduce(input, output),
        _ => Err(io::Error::other("usage: wordcount map | wordcount reduce")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody is left to tell when standard error is closed as well.
            let _unheard = io::stderr().write_all(format!("wordcount: {error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// Writes each word as "word, tab, 1".
fn map(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        line.make_ascii_lowercase();
        for word in line.split(|byte| !byte.is_ascii_lowercase()).filter(|word| !word.is_empty()) {
            output.write_all(word)?;
            output.write_all(b"\t1\n")?;
        }
        line.clear();
    }
    output.flush()
}

/// Sums the counts of equal words, which arrive together.
fn reduce(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let (mut line, mut word, mut total) = (Vec::new(), Vec::new(), 0_u64);
    while input.read_until(b'\n', &mut line)? > 0 {
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let tab = text.iter().position(|&byte| byte == b'\t').unwrap_or(text.len());
        let (key, value) = (&text[..tab], text.get(tab + 1..).unwrap_or_default());
        if key != word {
            write_total(&mut output, &word, total)?;
            (word, total) = (key.to_vec(), 0);
        }
        let count = std::str::from_utf8(value).ok().and_then(|digits| digits.parse::<u64>().ok());
        total += count.ok_or_else(|| io::Error::other(format!("not a count: {value:?}")))?;
        line.clear();
    }
    write_total(&mut output, &word, total)?;
    output.flush()
}

/// Writes one total; there is none before the first word, and no word is empty.
fn write_total(output: &mut impl Write, word: &[u8], total: u64) -> io::Result<()> {
    if word.is_empty() {
        return Ok(());
    }
    output.write_all(word)?;
    writeln!(output, "\t{total}")
}
