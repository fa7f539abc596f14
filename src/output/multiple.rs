//! Where the output of one task goes when it may be named after its input. Hadoop: `MultipleOutputFormat`.

use crate::plan::{OutputFormat, OutputSpec};
use std::path::{Component, Path, PathBuf};

/// The path of the task's file below its folder, without a codec's extension: `part`, or for
/// `MultipleTextOutputFormat` the last `trailing_legs` parts of the input file's path.
///
/// `input_file` is the one file that a map task of a job without reduce tasks reads; `None` otherwise.
pub(super) fn file_name(spec: &OutputSpec, part: &str, input_file: Option<&Path>) -> PathBuf {
    match input_file {
        Some(input) if spec.format == OutputFormat::MultipleText && spec.trailing_legs > 0 => {
            trailing_legs(input, spec.trailing_legs as usize)
        }
        _ => PathBuf::from(part),
    }
}

/// The last `count` parts of a path, or all of them if it has fewer; never the root.
fn trailing_legs(path: &Path, count: usize) -> PathBuf {
    let legs: Vec<_> = path.components().filter(|leg| matches!(leg, Component::Normal(_))).collect();
    legs[legs.len().saturating_sub(count)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::spec;

    fn check(format: OutputFormat, legs: u32, input: Option<&str>, expect: &str) {
        let spec = OutputSpec { trailing_legs: legs, ..spec(format, Path::new("/out")) };
        let name = file_name(&spec, "part-00003", input.map(Path::new));
        assert_eq!(name, Path::new(expect), "{legs} legs of {input:?}");
    }

    #[test]
    fn files_are_named_after_the_end_of_their_input() {
        let multiple = OutputFormat::MultipleText;
        check(multiple, 0, Some("/data/in/a.txt"), "part-00003");
        check(multiple, 1, Some("/data/in/a.txt"), "a.txt");
        check(multiple, 2, Some("/data/in/a.txt"), "in/a.txt");
        check(multiple, 3, Some("/data/in/a.txt"), "data/in/a.txt");
        check(multiple, 9, Some("/data/in/a.txt"), "data/in/a.txt");
        check(multiple, 2, None, "part-00003");
        check(OutputFormat::Text, 2, Some("/data/in/a.txt"), "part-00003");
    }
}
