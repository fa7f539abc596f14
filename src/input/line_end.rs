//! Where a record of text ends: pure searching in the bytes at hand. Hadoop: `LineReader` with
//! `UncompressedSplitLineReader`.
//!
//! A delimiter of the user's is searched as Hadoop does, and that knows the split: a search stops at the
//! split's end and takes up again behind it.
//!
//! ```text
//!            split ends here
//! ... record #|# next record # ...      delimiter ##: cut in two, the record ends here all the same, and
//!                                       one more belongs to this split, for the next split's reader,
//!                                       which skips up to its first ##, will not see it
//! ... record #|x more ## ...            begun but not meant: the search goes on at the split's end
//! ```
//!
//! Hadoop restarts the same way at the end of each of its read buffers; this is not repeated here, so a
//! delimiter such as `aab` is found in `aaab` wherever the buffers end.

use memchr::memchr2;
use memchr::memmem::Finder;

/// What ends a record.
pub(super) enum LineEnd {
    /// LF, CR LF or CR.
    Any,
    /// Just these bytes, one at least (`textinputformat.record.delimiter`).
    Delimiter(Box<Finder<'static>>),
}

/// What is known of the bytes that are searched.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// Bytes before the split's end; 0 at and behind it. May exceed the bytes at hand.
    pub(super) until_end: usize,
    /// No bytes follow those at hand.
    pub(super) at_end: bool,
    /// A record that does not end inside the split is cut there: Hadoop reads no further when its bytes
    /// up to there reach the maximum length of a line.
    pub(super) stop_at_split: bool,
}

/// The outcome of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// More bytes have to be read first.
    More,
    /// There is no record left.
    End,
    /// A record.
    Record {
        /// Its bytes.
        content: usize,
        /// Its bytes and those that end it.
        total: usize,
        /// The split's end cuts the delimiter.
        delimiter_cut: bool,
    },
}

impl LineEnd {
    /// The job's delimiter; none or an empty one is any line end.
    pub(super) fn new(delimiter: Option<&[u8]>) -> Self {
        match delimiter {
            Some(delimiter) if !delimiter.is_empty() => {
                Self::Delimiter(Box::new(Finder::new(delimiter).into_owned()))
            }
            _ => Self::Any,
        }
    }

    /// How many of the last bytes at hand may belong to a delimiter that is not yet whole.
    pub(super) fn undecided_bytes(&self) -> usize {
        match self {
            Self::Any => 1,
            Self::Delimiter(finder) => finder.needle().len() - 1,
        }
    }

    /// Finds the end of the record that begins `data`.
    pub(super) fn cut(&self, data: &[u8], bounds: Bounds) -> Cut {
        match self {
            Self::Any => cut_line(data, bounds),
            Self::Delimiter(finder) => cut_delimited(finder, data, bounds),
        }
    }
}

fn record(content: usize, total: usize) -> Cut {
    Cut::Record { content, total, delimiter_cut: false }
}

/// Without a line end in `data`: the rest of the file is a record, if there is any.
fn cut_open(data: &[u8], bounds: Bounds) -> Cut {
    match (bounds.at_end, data.len()) {
        (false, _) => Cut::More,
        (true, 0) => Cut::End,
        (true, all) => record(all, all),
    }
}

fn cut_line(data: &[u8], bounds: Bounds) -> Cut {
    let found = memchr2(b'\n', b'\r', data);
    if bounds.stop_at_split && found.unwrap_or(data.len()) >= bounds.until_end {
        return record(bounds.until_end, bounds.until_end);
    }
    match found {
        None => cut_open(data, bounds),
        Some(at) if data[at] == b'\n' => record(at, at + 1),
        Some(at) => match data.get(at + 1) {
            Some(b'\n') => record(at, at + 2),
            None if !bounds.at_end => Cut::More,
            _ => record(at, at + 1),
        },
    }
}

fn cut_delimited(finder: &Finder<'_>, data: &[u8], bounds: Bounds) -> Cut {
    let delimiter = finder.needle();
    let inside = &data[..bounds.until_end.min(data.len())];
    if let Some(at) = finder.find(inside) {
        return record(at, at + delimiter.len());
    }
    if inside.len() < bounds.until_end {
        return cut_open(data, bounds);
    }
    let beyond = &data[inside.len()..];
    // When too little of `beyond` is at hand to tell, the search below finds nothing and asks for more.
    let begun = begun_delimiter(delimiter, inside);
    if begun > 0 {
        let rest = &delimiter[begun..];
        if beyond.starts_with(rest) {
            return Cut::Record {
                content: inside.len() - begun,
                total: inside.len() + rest.len(),
                delimiter_cut: true,
            };
        }
    } else if bounds.stop_at_split {
        return record(inside.len(), inside.len());
    }
    match finder.find(beyond) {
        Some(at) => record(inside.len() + at, inside.len() + at + delimiter.len()),
        None => cut_open(data, bounds),
    }
}

/// How many bytes at the end of `inside` begin a delimiter: the longest such.
fn begun_delimiter(delimiter: &[u8], inside: &[u8]) -> usize {
    let longest = (delimiter.len() - 1).min(inside.len());
    (1..=longest).rev().find(|&bytes| inside.ends_with(&delimiter[..bytes])).unwrap_or(0)
}
