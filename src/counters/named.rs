//! Counters under the names by which programs ask for them, beside those that are shown.

use super::{
    Counters, FILE_SYSTEM_CLASS, FILE_SYSTEM_COUNTERS, FILE_SYSTEM_GROUP, FRAMEWORK_GROUP, JOB_CLASS,
    JOB_COUNTERS, JOB_GROUP, TASK_CLASS, TASK_COUNTERS, java_order, shown_named,
};
use std::borrow::Cow;

/// One counter under its name in the framework's code and under the name that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCounter<'a> {
    /// Hadoop: `Counter.getName`.
    pub name: Cow<'a, str>,
    /// Hadoop: `Counter.getDisplayName`.
    pub shown: Cow<'a, str>,
    /// Its value.
    pub value: i64,
}

/// One group under both of its names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGroup<'a> {
    /// Hadoop: `CounterGroup.getName`, the class of the framework's own.
    pub name: &'a str,
    /// Hadoop: `CounterGroup.getDisplayName`.
    pub shown: &'a str,
    /// The counters, in order.
    pub counters: Vec<NamedCounter<'a>>,
}

impl Counters {
    /// Every group in the order of [`Self::groups`], with the names by which programs ask.
    pub fn named_groups(&self) -> Vec<NamedGroup<'_>> {
        let own = |name, shown, counters| NamedGroup { name, shown, counters };
        let mut file_systems = Vec::new();
        for (scheme, slots) in &self.file_system {
            for counter in named_slots(slots, &FILE_SYSTEM_COUNTERS) {
                file_systems.push(NamedCounter {
                    name: Cow::Owned(format!("{scheme}_{}", counter.name)),
                    shown: Cow::Owned(format!("{scheme}: {}", counter.shown)),
                    ..counter
                });
            }
        }
        let mut groups = vec![
            own(FILE_SYSTEM_CLASS, FILE_SYSTEM_GROUP, file_systems),
            own(JOB_CLASS, JOB_GROUP, named_slots(&self.job, &JOB_COUNTERS)),
            own(TASK_CLASS, FRAMEWORK_GROUP, named_slots(&self.task, &TASK_COUNTERS)),
        ];
        groups.retain(|group| !group.counters.is_empty());
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_by(|one, other| java_order(one.0, other.0));
        for (name, counters) in named {
            let shown = shown_named(name, counters);
            let mut names: Vec<&String> = counters.keys().collect();
            names.sort_by(|one, other| java_order(one, other));
            let counters = names.into_iter().zip(shown.counters).map(|(name, (shown, value))| NamedCounter {
                name: Cow::Borrowed(name.as_str()),
                shown,
                value,
            });
            groups.push(own(name, shown.display_name, counters.collect()));
        }
        groups
    }
}

fn named_slots<'a>(slots: &[Option<i64>], table: &[(&'a str, &'a str)]) -> Vec<NamedCounter<'a>> {
    let values = slots.iter().zip(table);
    let named =
        |value, name, shown| NamedCounter { name: Cow::Borrowed(name), shown: Cow::Borrowed(shown), value };
    values.filter_map(|(value, (name, shown))| value.map(|value| named(value, *name, *shown))).collect()
}
