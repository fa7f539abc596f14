//! From files to map tasks: arithmetic only. Hadoop: `mapred.FileInputFormat.getSplits`, and
//! `JobSubmitter.writeOldSplits` for the order.
//!
//! A file is cut into splits of one size; a last piece of up to a tenth of that joins the piece before. The
//! tasks are then numbered by length, longest first, and in listing order among equals, for that is how
//! Hadoop numbers them and part files are named by it.
//!
//! When the job sets no size, Hadoop's local mode cuts at 32 MiB whatever the machine; here
//! [`default_split_bytes`] looks at the input alone, so the output does not depend on the machine either.

use super::combine;
use super::listing::InputFile;
use crate::codec::Codec;
use crate::plan::{InputFormat, InputSplit, MapTask, StreamSplits};

/// How far the last split of a file may exceed the others.
const SPLIT_SLOP: f64 = 1.1;

/// Smallest split of a sequence file: the usual distance of its sync marks. Hadoop:
/// `SequenceFile.SYNC_INTERVAL`.
const SEQUENCE_FILE_SPLIT_BYTES_MIN: u64 = 5 * 1_024 * 20;

/// Bounds of the split size that is chosen when the job sets none. For less than the lower one a third split is hardly
/// worth the start of an interpreter, and the lines of each split are folded alone.
const DEFAULT_SPLIT_BYTES_MIN: u64 = /* 6 MiB */ 6 * 1_024 * 1_024;
/// Smallest of two splits. A mapper in Python needs about 100 ms for it, several times what its start takes.
const HALF_BYTES_MIN: u64 = /* 512 KiB */ 512 * 1_024;
const DEFAULT_SPLIT_BYTES_MAX: u64 = /* 64 MiB */ 64 * 1_024 * 1_024;

/// Into how many splits a middling input is cut by default: enough to keep the slots of a large machine busy
/// to the end of the map phase.
const DEFAULT_SPLITS: u64 = 1 << 4;

/// Pieces of a compressed stream at most, unless the job says how many. Each task decompresses what stands before
/// its own, so with n of them a file is decompressed (n + 1) / 2 times; at 4 that is a third of what a word count in
/// Python takes.
const STREAM_PIECES_MAX: u64 = 4;

/// What decides where files are cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitSettings {
    /// The input format: says what can be cut, and how.
    pub format: InputFormat,
    /// How many map tasks were asked for (`mapreduce.job.maps`); 1 in local mode, and 0 means 1.
    pub maps_wanted: u64,
    /// Smallest split in bytes (`mapreduce.input.fileinputformat.split.minsize`); default 1.
    pub split_bytes_min: u64,
    /// Largest task of `CombineTextInputFormat` in bytes
    /// (`mapreduce.input.fileinputformat.split.maxsize`); default 0, no limit. No other format looks at it.
    pub split_bytes_max: u64,
    /// `CombineTextInputFormat`: from so many bytes on, what is not empty is a task without the empty files
    /// (`mapreduce.input.fileinputformat.split.minsize.per.node`); default 0, never.
    pub node_bytes_min: u64,
    /// Block size in bytes, which bounds a split from above (`fs.local.block.size`); `None` when the job
    /// sets none, for [`default_split_bytes`].
    pub block_bytes: Option<u64>,
    /// Lines per task of `NLineInputFormat` (`mapreduce.input.lineinputformat.linespermap`); default 1.
    pub lines_per_map: u64,
    /// How compressed files are cut that are one stream (`mrstream.input.compressed.splits`); default not at all.
    /// The formats must read lines: others leave such files whole.
    pub streams: StreamSplits,
}

impl Default for SplitSettings {
    fn default() -> Self {
        Self {
            format: InputFormat::Text,
            maps_wanted: 1,
            split_bytes_min: 1,
            split_bytes_max: 0,
            node_bytes_min: 0,
            block_bytes: None,
            lines_per_map: 1,
            streams: StreamSplits::Whole,
        }
    }
}

/// Cuts files into map tasks, in Hadoop's numbering.
///
/// Of compressed files only bzip2 is cut, where its blocks are; a split may turn out to have none. Others are if
/// the job asks for it. An empty file is a task of its own. `NLineInputFormat` needs the lines and is planned by [`plan_tasks`](super::plan_tasks); here
/// it is cut as text.
pub fn plan_splits(files: &[InputFile], settings: &SplitSettings) -> Vec<MapTask> {
    let total: u64 = files.iter().map(|file| file.length).sum();
    if settings.format == InputFormat::CombineText {
        let tasks = combine::plan_splits(files, settings.split_bytes_max, settings.node_bytes_min);
        return in_task_order(tasks);
    }
    let split_bytes = split_bytes(total, settings);
    let tasks = files.iter().flat_map(|file| {
        let codec = codec_of(file, settings.format);
        let stream_pieces = match codec {
            Some(codec) if !codec.splittable() => stream_pieces(file.length, split_bytes, settings),
            _ => 1,
        };
        let size = match stream_pieces {
            1 if can_cut(codec, settings.format) => split_bytes,
            pieces => file.length.div_ceil(pieces),
        };
        cut_file(file.length, size).map(move |(start, length)| InputSplit {
            path: file.path.clone(),
            start,
            length,
            codec,
            cut_stream_bytes: (stream_pieces > 1).then_some(file.length),
            stamp: file.stamp,
        })
    });
    in_task_order(tasks.map(|split| MapTask { splits: vec![split] }).collect())
}

/// Numbers tasks as Hadoop does.
pub(super) fn in_task_order(mut tasks: Vec<MapTask>) -> Vec<MapTask> {
    tasks.sort_by_key(|task| std::cmp::Reverse(task.length()));
    tasks
}

/// Whether a file can be read in pieces. Hadoop: `isSplitable` of the formats. The name of a sequence file
/// means nothing, so it has no codec here; fixed records do not know where a block begins.
pub(super) fn can_cut(codec: Option<Codec>, format: InputFormat) -> bool {
    codec.is_none_or(|codec| codec.splittable() && format != InputFormat::FixedLength)
}

/// Into how many pieces a compressed stream of so many bytes is cut, which a plain file would be into pieces of
/// `split_bytes`. They are of one size: a longer last one would come first in Hadoop's numbering, and its task
/// has the most to decompress before it can begin.
fn stream_pieces(length: u64, split_bytes: u64, settings: &SplitSettings) -> u64 {
    if !settings.format.can_cut_streams() {
        return 1;
    }
    let pieces = match settings.streams {
        StreamSplits::Whole => 1,
        StreamSplits::Count(count) => count.into(),
        StreamSplits::BySize => length.div_ceil(split_bytes).min(STREAM_PIECES_MAX),
    };
    pieces.clamp(1, length.max(1))
}

/// The codec a reader of `format` will use on a file.
pub(super) fn codec_of(file: &InputFile, format: InputFormat) -> Option<Codec> {
    match format {
        InputFormat::SequenceFile | InputFormat::SequenceFileAsText | InputFormat::SequenceFileAsBinary => {
            None
        }
        _ => Codec::from_path(&file.path),
    }
}

/// The split size for an input of `total` bytes when the job sets none: a 16th of it and at most 64 MiB, or an
/// 8th or 4th, so that it is at least 6 MiB; else half of it, or all if that is under 1 MiB. Powers of two go evenly
/// into most numbers of slots; more splits would cost more than they bring, for the lines of each are folded alone.
pub fn default_split_bytes(total: u64) -> u64 {
    let mut splits = DEFAULT_SPLITS;
    while splits > 2 && total / splits < DEFAULT_SPLIT_BYTES_MIN {
        splits /= 2;
    }
    if total / splits < HALF_BYTES_MIN {
        splits = 1;
    }
    total.div_ceil(splits).clamp(1, DEFAULT_SPLIT_BYTES_MAX)
}

fn split_bytes(total: u64, settings: &SplitSettings) -> u64 {
    let format_min = match settings.format {
        InputFormat::SequenceFile | InputFormat::SequenceFileAsText | InputFormat::SequenceFileAsBinary => {
            SEQUENCE_FILE_SPLIT_BYTES_MIN
        }
        _ => 1,
    };
    let goal = total / settings.maps_wanted.max(1);
    let block = settings.block_bytes.unwrap_or_else(|| default_split_bytes(total));
    settings.split_bytes_min.max(format_min).max(goal.min(block))
}

/// Cuts `length` bytes into ranges of `size`, as starts and lengths. No bytes are one empty range.
fn cut_file(length: u64, size: u64) -> impl Iterator<Item = (u64, u64)> {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let left = length - start;
        let piece = if left as f64 / size as f64 > SPLIT_SLOP { size } else { left };
        next = (piece < left).then_some(start + piece);
        Some((start, piece))
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::file;
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn files(lengths: &[(&str, usize)]) -> Vec<InputFile> {
        lengths.iter().map(|(name, length)| file(Path::new(name), *length)).collect()
    }

    /// The splits of all tasks as (file, start, length).
    fn check(lengths: &[(&str, usize)], settings: &SplitSettings, expect: &[(&str, u64, u64)]) {
        let tasks = plan_splits(&files(lengths), settings);
        let splits: Vec<(&str, u64, u64)> = tasks
            .iter()
            .flat_map(|task| &task.splits)
            .map(|split| (split.path.to_str().unwrap(), split.start, split.length))
            .collect();
        assert_eq!(splits, expect, "{lengths:?} {settings:?}");
    }

    fn blocks(block_bytes: u64) -> SplitSettings {
        SplitSettings { block_bytes: Some(block_bytes), ..SplitSettings::default() }
    }

    #[test]
    fn sizes_as_in_the_golden_jobs() {
        check(&[("a", 210)], &blocks(100), &[("a", 100, 110), ("a", 0, 100)]); // split-slop
        check(&[("a", 220)], &blocks(100), &[("a", 0, 100), ("a", 100, 100), ("a", 200, 20)]);
        let by_size = [("a", 6), ("b", 31), ("c", 13)]; // split-order-by-size
        check(&by_size, &SplitSettings::default(), &[("b", 0, 31), ("c", 0, 13), ("a", 0, 6)]);
        let equal = [("a", 3), ("b", 3), ("d", 4), ("c", 3)]; // split-equal-sizes-glob
        check(&equal, &blocks(100), &[("d", 0, 4), ("a", 0, 3), ("b", 0, 3), ("c", 0, 3)]);
        let min = SplitSettings { split_bytes_min: 300, ..blocks(100) }; // split-min-size
        check(&[("a", 800)], &min, &[("a", 0, 300), ("a", 300, 300), ("a", 600, 200)]);
        check(&[("a", 0), ("b", 1)], &blocks(100), &[("b", 0, 1), ("a", 0, 0)]);
        check(&[], &blocks(100), &[]);
    }

    #[test]
    fn more_maps_may_be_asked_for() {
        let maps = SplitSettings { maps_wanted: 4, ..blocks(1_000) };
        check(&[("a", 6), ("b", 2)], &maps, &[("a", 0, 2), ("a", 2, 2), ("a", 4, 2), ("b", 0, 2)]);
        // More maps than bytes: Hadoop's goal is then 0, and the smallest split counts.
        check(&[("a", 2)], &maps, &[("a", 0, 1), ("a", 1, 1)]);
    }

    #[test]
    fn formats_decide_what_can_be_cut() {
        let format = |format| SplitSettings { format, ..blocks(10) };
        for uncut in
            [InputFormat::Text, InputFormat::KeyValueText, InputFormat::FixedLength, InputFormat::Auto]
        {
            check(&[("a.gz", 30)], &format(uncut), &[("a.gz", 0, 30)]);
            check(&[("a.GZ", 11)], &format(uncut), &[("a.GZ", 0, 11)]);
        }
        for cut in [InputFormat::Text, InputFormat::KeyValueText, InputFormat::Auto] {
            let pieces = [("a.bz2", 0, 10), ("a.bz2", 10, 10), ("a.bz2", 20, 10)];
            check(&[("a.bz2", 30)], &format(cut), &pieces);
        }
        check(&[("a.bz2", 30)], &format(InputFormat::FixedLength), &[("a.bz2", 0, 30)]);
        let sequence = format(InputFormat::SequenceFile);
        check(&[("a.gz", 102_400 * 2)], &sequence, &[("a.gz", 0, 102_400), ("a.gz", 102_400, 102_400)]);
        assert_eq!(plan_splits(&files(&[("a.gz", 1)]), &sequence)[0].splits[0].codec, None);
        assert_eq!(plan_splits(&files(&[("a.gz", 1)]), &blocks(1))[0].splits[0].codec, Some(Codec::Gzip));
    }

    #[test]
    fn compressed_streams_are_cut_on_request() {
        let settings = |streams, format| SplitSettings { format, streams, ..blocks(10) };
        let pieces = |streams, format, length| {
            let tasks = plan_splits(&files(&[("a.gz", length)]), &settings(streams, format));
            let splits: Vec<_> = tasks.into_iter().flat_map(|task| task.splits).collect();
            let cut = splits.len() > 1;
            assert!(splits.iter().all(|split| split.cut_stream_bytes == cut.then_some(length as u64)));
            splits.iter().map(|split| split.length).collect::<Vec<_>>()
        };
        for format in [InputFormat::Text, InputFormat::KeyValueText, InputFormat::Auto] {
            assert_eq!(pieces(StreamSplits::Count(3), format, 100), [34, 34, 32]);
            assert_eq!(pieces(StreamSplits::Count(3), format, 2), [1, 1]);
            assert_eq!(pieces(StreamSplits::Count(3), format, 0), [0]);
            assert_eq!(pieces(StreamSplits::BySize, format, 20), [10, 10]);
            assert_eq!(pieces(StreamSplits::BySize, format, 21), [7, 7, 7]);
            assert_eq!(pieces(StreamSplits::BySize, format, 1_000), [250; 4]);
            assert_eq!(pieces(StreamSplits::BySize, format, 10), [10]);
        }
        for format in [InputFormat::FixedLength, InputFormat::CombineText, InputFormat::SequenceFile] {
            assert_eq!(pieces(StreamSplits::Count(3), format, 100), [100], "{format:?}");
        }
        // bzip2 has blocks, and plain text lines: they are cut as ever.
        let three = settings(StreamSplits::Count(3), InputFormat::Text);
        let tens = |name| [(name, 0, 10), (name, 10, 10)];
        check(&[("a.bz2", 20)], &three, &tens("a.bz2"));
        check(&[("a", 20)], &three, &tens("a"));
    }

    #[test]
    fn the_default_looks_at_the_input_alone() {
        let sizes = [
            (0, 1),
            ((1 << 20) - 1, (1 << 20) - 1),
            (1 << 20, 1 << 19),
            (3 << 20, 3 << 19),
            (8 << 20, 4 << 20),
            (24 << 20, 6 << 20),
            (100 << 20, 25 << 18),
        ];
        for (total, expect) in sizes.into_iter().chain([(1 << 29, 32 << 20), (1 << 40, 64 << 20)]) {
            assert_eq!(default_split_bytes(total), expect, "{total}");
        }
        check(&[("a", 3 << 19)], &SplitSettings::default(), &[("a", 0, 3 << 18), ("a", 3 << 18, 3 << 18)]);
    }

    proptest! {
        #[test]
        fn splits_tile_every_file(
            lengths in proptest::collection::vec(0..5_000_usize, 0..6),
            block in 1..2_000_u64,
            min in 0..300_u64,
            maps in 0..20_u64,
            format in prop_oneof![Just(InputFormat::Text), Just(InputFormat::CombineText)],
            max in 0..3_000_u64,
            node in 0..3_000_u64,
        ) {
            let names: Vec<String> = (0..lengths.len()).map(|number| number.to_string()).collect();
            let files: Vec<InputFile> =
                names.iter().zip(&lengths).map(|(name, length)| file(Path::new(name), *length)).collect();
            let settings = SplitSettings {
                format, maps_wanted: maps, split_bytes_min: min, split_bytes_max: max, node_bytes_min: node,
                ..blocks(block)
            };
            let tasks = plan_splits(&files, &settings);
            prop_assert!(tasks.is_sorted_by(|a, b| a.length() >= b.length()));
            let mut splits: Vec<&InputSplit> = tasks.iter().flat_map(|task| &task.splits).collect();
            splits.sort_by_key(|split| (&split.path, split.start));
            for file in &files {
                let mut next = 0;
                for split in splits.iter().filter(|split| split.path == file.path) {
                    prop_assert_eq!(split.start, next);
                    prop_assert!(split.length > 0 || file.length == 0);
                    next += split.length;
                }
                prop_assert_eq!(next, file.length);
                prop_assert!(splits.iter().any(|split| split.path == file.path));
            }
        }
    }
}
