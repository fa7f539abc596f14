//! A fixed number of lines per map task. Hadoop: `NLineInputFormat`.
//!
//! The files are read when the job is planned, to see where their lines end. The splits are then read as
//! text is, by the rule that a split ends with the line that starts at its end; so each split but a file's
//! first starts one byte early, with the newline of the line before, and the first is one byte shorter.

use super::line_end::{Bounds, Cut, LineEnd};
use super::listing::InputFile;
use super::source::{BUFFER_BYTES, Window};
use super::splitter::in_task_order;
use super::{InputError, splitter};
use crate::codec::Codec;
use crate::plan::{InputFormat, InputSplit, MapTask};

/// Reads the files and cuts them behind every `lines_per_map` lines; an empty file makes no task.
///
/// # Errors
/// A compressed file that cannot be cut. Hadoop cuts compressed bytes where they look like lines, and then can
/// read the pieces only of bzip2; what they hold is not a fixed number of lines.
pub(super) fn plan_splits(files: &[InputFile], lines_per_map: u64) -> Result<Vec<MapTask>, InputError> {
    let mut window = Window::new(BUFFER_BYTES);
    let mut tasks = Vec::new();
    for file in files {
        let codec = splitter::codec_of(file, InputFormat::NLine);
        if !splitter::can_cut(codec, InputFormat::NLine) {
            return Err(InputError::Malformed {
                path: file.path.clone(),
                offset: 0,
                what: "NLineInputFormat cannot cut a compressed file; expected plain text".to_owned(),
            });
        }
        cut_file(file, codec, lines_per_map, &mut window, &mut tasks)?;
    }
    Ok(in_task_order(tasks))
}

fn cut_file(
    file: &InputFile,
    codec: Option<Codec>,
    lines_per_map: u64,
    window: &mut Window,
    tasks: &mut Vec<MapTask>,
) -> Result<(), InputError> {
    let mut add = |begin: u64, end: u64| {
        let (start, length) = if begin == 0 { (0, end - 1) } else { (begin - 1, end - begin) };
        let split = InputSplit::new(file.path.clone(), start, length, codec);
        tasks.push(MapTask { splits: vec![InputSplit { stamp: file.stamp, ..split }] });
    };
    window.open(&InputSplit::new(file.path.clone(), 0, file.length, None))?;
    let mut begin = 0;
    let mut lines = 0;
    loop {
        let bounds = Bounds { until_end: window.until_end(), at_end: window.at_end(), stop_at_split: false };
        match LineEnd::Any.cut(window.data(), bounds) {
            Cut::More => window.fill()?,
            Cut::End => break,
            Cut::Record { total, .. } => {
                window.consume(total);
                lines += 1;
                if lines == lines_per_map {
                    add(begin, window.offset());
                    (begin, lines) = (window.offset(), 0);
                }
            }
        }
    }
    if lines > 0 {
        add(begin, window.offset());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Folder, file};
    use super::super::{LineOptions, LineReader};
    use super::*;

    /// The text that each task reads.
    fn check(text: &str, lines_per_map: u64, expect: &[&str]) {
        let folder = Folder::new();
        let path = folder.write("data", text.as_bytes());
        let tasks = plan_splits(&[file(&path, text.len())], lines_per_map).unwrap();
        let read = tasks.iter().map(|task| {
            let mut lines = LineReader::new(task.splits.clone(), &LineOptions::default());
            let mut text = Vec::new();
            while let Some(block) = lines.next_block().unwrap() {
                text.extend_from_slice(block.bytes);
            }
            String::from_utf8(text).unwrap()
        });
        assert_eq!(read.collect::<Vec<_>>(), expect, "{text:?} by {lines_per_map}");
    }

    #[test]
    fn each_task_gets_its_lines() {
        check("", 1, &[]);
        check("a\nb\nc\n", 1, &["b\n", "c\n", "a\n"]); // the first split is a byte shorter, so it comes last
        check("aaa\nb\nc", 1, &["aaa\n", "b\n", "c\n"]);
        check("aaaaa\nb\nc\nd\ne", 2, &["aaaaa\nb\n", "c\nd\n", "e\n"]);
        check("a\r\nb\rc\n", 2, &["a\nb\n", "c\n"]);
        check("a\nb\n", 0, &["a\nb\n"]);
    }

    #[test]
    fn a_first_line_of_one_byte_is_read_twice_as_in_hadoop() {
        check("\nb\n", 1, &["\nb\n", "\n"]);
    }

    #[test]
    fn a_compressed_file_is_refused() {
        let error = plan_splits(&[file(std::path::Path::new("/a.gz"), 9)], 1).unwrap_err();
        assert!(error.to_string().contains("/a.gz"), "{error}");
    }
}
