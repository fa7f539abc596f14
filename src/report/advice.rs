//! What [`crate::hint`] needs to know of a plan or an error.

use crate::error::Refusal;
use crate::hint::{self, Facts, Idle, Place, Stage};
use crate::plan::{InputSpec, MapTask, StreamSplits};
use crate::units;
use std::error::Error;
use std::path::{Path, PathBuf};

/// A compressed file that is smaller than this is hardly worth more than one process.
const STREAM_BYTES_MIN: u64 = /* 64 MiB */ 64 * 1_024 * 1_024;

/// Advice when a large compressed file that could be cut is one of `maps`, and some of `slots` have nothing to do.
pub fn on_idle_slots(maps: &[MapTask], input: &InputSpec, slots: u32) -> Option<String> {
    let idle = (slots as usize).saturating_sub(maps.len());
    if idle == 0 || !input.format.can_cut_streams() || input.xml_reader.is_some() {
        return None;
    }
    let streams = maps.iter().flat_map(|task| &task.splits).filter(|split| {
        let whole_stream = split.codec.is_some_and(|codec| !codec.splittable());
        whole_stream && split.cut_stream_bytes.is_none() && split.length >= STREAM_BYTES_MIN
    });
    let largest = streams.max_by_key(|split| split.length)?;
    let (path, size) = (largest.path.to_string_lossy(), units::bytes(largest.length));
    let idle = Some(Idle { path: &path, size: &size, idle, slots, property: StreamSplits::PROPERTY });
    hint::first(Stage::Speed, &Facts { idle, ..Facts::NONE }).map(|hint| format!("HINT {hint}"))
}

/// The part of the job that a disk refused, if that is the error's cause.
pub fn refused_by_disk(
    error: &(dyn Error + 'static),
    output: &Path,
    local_dirs: &[PathBuf],
) -> Option<Place> {
    let path = &Refusal::of(error)?.path;
    // The folders above the output folder are made for it.
    if path.starts_with(output) || output.starts_with(path) {
        return Some(Place::Output);
    }
    local_dirs.iter().any(|dir| path.starts_with(dir)).then_some(Place::Temporary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::plan::{InputFormat, InputSplit};

    fn check(format: InputFormat, codec: Option<Codec>, length: u64, cut: bool, slots: u32, expect: &str) {
        let path = "/data/in.gz".into();
        let cut_stream_bytes = cut.then_some(2 * length);
        let split = InputSplit { cut_stream_bytes, ..InputSplit::new(path, 0, length, codec) };
        let maps = [MapTask { splits: vec![split] }];
        let input = InputSpec {
            format,
            record_delimiter: None,
            line_bytes_max: u64::MAX,
            key_value_separator: b'\t',
            record_bytes: 0,
            xml_reader: None,
        };
        let advice = on_idle_slots(&maps, &input, slots).unwrap_or_default();
        let good = if expect.is_empty() { advice.is_empty() } else { advice.starts_with(expect) };
        assert!(good, "{format:?} {codec:?} {length} {cut} {slots}: {advice}");
    }

    #[test]
    fn idle_slots_are_named_with_the_property_that_uses_them() {
        let expect =
            "HINT one map task reads all of /data/in.gz (64.0 MiB) while 3 of 4 map slots stay idle; ";
        let (text, gzip) = (InputFormat::Text, Some(Codec::Gzip));
        check(text, gzip, 64 << 20, false, 4, expect);
        check(InputFormat::KeyValueText, Some(Codec::Zstd), 64 << 20, false, 4, expect);
        check(text, gzip, (64 << 20) - 1, false, 4, "");
        check(text, gzip, 64 << 20, true, 4, "");
        check(text, gzip, 64 << 20, false, 1, "");
        check(text, Some(Codec::Bzip2), 64 << 20, false, 4, "");
        check(text, None, 64 << 20, false, 4, "");
        check(InputFormat::FixedLength, gzip, 64 << 20, false, 4, "");
        check(InputFormat::CombineText, gzip, 64 << 20, false, 4, "");
    }
}
