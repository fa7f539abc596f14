//! One property at a time: numbers within bounds, classes, texts as bytes.

use super::super::error::ConfError;
use super::super::host::HostFacts;
use super::super::properties::Properties;
use super::super::resolve;
use crate::dfs::Addresses;
use crate::writable::WritableKind;

/// Reads one group of a job's fields after another; each group has a file.
pub(super) struct Reader<'a> {
    pub(super) properties: &'a Properties,
    pub(super) host: &'a HostFacts,
}

impl Reader<'_> {
    pub(super) fn current_dir(&self) -> String {
        self.host.current_dir.to_string_lossy().into_owned()
    }

    /// What addresses mean.
    pub(super) fn addresses(&self) -> Result<Addresses, ConfError> {
        resolve::addresses(self.properties, self.host)
    }

    /// A whole number that is not below `min`.
    pub(super) fn count(&self, name: &str, min: u32) -> Result<u32, ConfError> {
        let number = self.properties.int(name)?.unwrap_or_default();
        match u32::try_from(number).ok().filter(|number| *number >= min) {
            Some(number) => Ok(number),
            None => Err(self.out_of_range(name, number.to_string(), min)),
        }
    }

    pub(super) fn out_of_range(&self, name: &str, value: String, min: u32) -> ConfError {
        let expected = if min == 0 { "a number of 0 or more" } else { "a number of 1 or more" };
        self.properties.malformed(name, value, expected)
    }

    /// As [`Self::count`], `None` unless the user set it.
    pub(super) fn count_if_set(&self, name: &str, min: u32) -> Result<Option<u32>, ConfError> {
        self.properties.is_set(name).then(|| self.count(name, min)).transpose()
    }

    /// A number of bytes or milliseconds; negative ones are 0, as Hadoop compares them.
    pub(super) fn amount(&self, name: &str) -> Result<u64, ConfError> {
        Ok(self.properties.long(name)?.unwrap_or_default().max(0) as u64)
    }

    pub(super) fn bytes_of(&self, name: &str, otherwise: &str) -> Result<Vec<u8>, ConfError> {
        self.properties.text_or(name, otherwise).map(String::into_bytes)
    }

    pub(super) fn class_or(&self, name: &str, otherwise: &str) -> Result<String, ConfError> {
        Ok(self.properties.class(name)?.unwrap_or_else(|| otherwise.to_owned()))
    }

    pub(super) fn kind(&self, name: &str) -> Result<Option<WritableKind>, ConfError> {
        Ok(self.properties.class(name)?.map(|class| WritableKind::from_class(&class)))
    }

    pub(super) fn output_kinds(&self) -> Result<(WritableKind, WritableKind), ConfError> {
        let key = self.kind("mapreduce.job.output.key.class")?.unwrap_or(WritableKind::Long);
        let value = self.kind("mapreduce.job.output.value.class")?.unwrap_or(WritableKind::Text);
        Ok((key, value))
    }

    pub(super) fn map_output_kinds(&self) -> Result<(WritableKind, WritableKind), ConfError> {
        let (key, value) = self.output_kinds()?;
        let map_key = self.kind("mapreduce.map.output.key.class")?.unwrap_or(key);
        let map_value = self.kind("mapreduce.map.output.value.class")?.unwrap_or(value);
        Ok((map_key, map_value))
    }
}
