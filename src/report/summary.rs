//! The counters of a job as text and as JSON.

use crate::counters::Counters;
use crate::printable::one_line;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The counters as Hadoop prints them at the end of a job, without a final newline. Hadoop:
/// `AbstractCounters.toString`.
pub fn counters_text(counters: &Counters) -> String {
    let groups = counters.groups();
    let count: usize = groups.iter().map(|group| group.counters.len()).sum();
    let mut text = format!("Counters: {count}");
    for group in &groups {
        text.push_str("\n\t");
        text.push_str(&one_line(group.display_name));
        for (name, value) in &group.counters {
            write!(text, "\n\t\t{}={value}", one_line(name)).expect("a string takes everything");
        }
    }
    text
}

/// The counters as indented JSON with a final newline: `{"group": {"counter": value}}`, by display names.
///
/// The blanks at the end of some of Hadoop's own names are left out; a child's names stay as they are. Two
/// groups that are shown under one name become one.
pub fn counters_json(counters: &Counters) -> String {
    let shown = counters_shown(counters);
    let mut text = serde_json::to_string_pretty(&shown).expect("names and numbers always encode");
    text.push('\n');
    text
}

/// The counters by group, as [`counters_json`] shows them.
pub(super) fn counters_shown(counters: &Counters) -> BTreeMap<String, BTreeMap<String, i64>> {
    let mut shown: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for group in &counters.groups() {
        let name = |name: &str| (if group.built_in { name.trim_end() } else { name }).to_owned();
        let values = shown.entry(name(group.display_name)).or_default();
        for (counter, value) in &group.counters {
            let sum = values.entry(name(counter)).or_default();
            *sum = sum.wrapping_add(*value);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counters::{FileSystemCounter, TaskCounter};
    use crate::plan::wire;

    fn counters() -> Counters {
        let mut counters = Counters::new();
        counters.add_file_system("file", FileSystemCounter::BytesRead, 1);
        counters.add(TaskCounter::MapInputRecords, 2);
        counters.add(TaskCounter::ShuffledMaps, 0);
        counters.add_input_bytes(4);
        counters.add_user("My \"group\" ", "c", -3).unwrap();
        counters
    }

    #[test]
    fn text_is_hadoops() {
        assert_eq!(counters_text(&Counters::new()), "Counters: 0");
        let expect = [
            "Counters: 5",
            "\tFile System Counters",
            "\t\tFILE: Number of bytes read=1",
            "\tMap-Reduce Framework",
            "\t\tMap input records=2",
            "\t\tShuffled Maps =0",
            "\tMy \"group\" ",
            "\t\tc=-3",
            "\tFile Input Format Counters ",
            "\t\tBytes Read=4",
        ];
        assert_eq!(counters_text(&counters()), expect.join("\n"));
    }

    #[test]
    fn json_has_display_names_without_hadoops_blanks() {
        let expect = serde_json::json!({
            "File System Counters": {"FILE: Number of bytes read": 1},
            "Map-Reduce Framework": {"Map input records": 2, "Shuffled Maps": 0},
            "File Input Format Counters": {"Bytes Read": 4},
            "My \"group\" ": {"c": -3},
        });
        let read: serde_json::Value = serde_json::from_str(&counters_json(&counters())).unwrap();
        assert_eq!(read, expect);
        assert_eq!(counters_json(&Counters::new()), "{}\n");
        // A child may use a name that one of Hadoop's groups is shown under.
        let mut counters = counters();
        counters.add_user("Map-Reduce Framework", "Map input records", 5).unwrap();
        let read: serde_json::Value = serde_json::from_str(&counters_json(&counters)).unwrap();
        assert_eq!(read["Map-Reduce Framework"]["Map input records"], 7);
    }

    #[test]
    fn counters_travel_between_processes() {
        let sent = counters();
        let read: Counters = wire::from_bytes(&wire::to_bytes(&sent)).unwrap();
        assert_eq!(read, sent);
    }
}
