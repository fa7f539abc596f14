//! How records travel from map to reduce.

use super::super::classes::{self, ComparatorClass, Role};
use super::super::error::ConfError;
use super::super::path;
use super::TotalOrderFile;
use super::reader::Reader;
use crate::dfs::Purpose;
use crate::plan::{Fold, KeyOrderSpec, KeySpec, PartitionerSpec, ShuffleSpec, parse_key_specs};
use crate::writable::WritableKind;

/// The partition file of a total order.
const CUTS: &str = "mapreduce.totalorderpartitioner.path";

impl Reader<'_> {
    pub(super) fn shuffle(
        &self,
        key_kind: WritableKind,
        value_kind: WritableKind,
        order: KeyOrderSpec,
        partitioner: PartitionerSpec,
    ) -> Result<ShuffleSpec, ConfError> {
        let merge_width_max = self.count_if_set("mapreduce.task.io.sort.factor", 0)?;
        Ok(ShuffleSpec {
            key_kind,
            value_kind,
            order,
            partitioner,
            // A merge of one segment would never end.
            merge_width_max: merge_width_max.map(|width| width.max(2)),
            combine_spills_min: self.properties.int("mapreduce.map.combine.minspills")?.unwrap_or(3).max(0)
                as u32,
            fold: self.fold()?,
        })
    }

    fn fold(&self) -> Result<Fold, ConfError> {
        const NAME: &str = "mrstream.map.output.fold";
        match self.properties.text_or(NAME, "auto")?.as_str() {
            "auto" => Ok(Fold::IfRepeated),
            "always" => Ok(Fold::Always),
            "never" => Ok(Fold::Never),
            other => Err(self.properties.malformed(NAME, other.to_owned(), "auto, always or never")),
        }
    }

    pub(super) fn field_separator(&self) -> Result<Vec<u8>, ConfError> {
        self.bytes_of("mapreduce.map.output.key.field.separator", "\t")
    }

    pub(super) fn key_specs(&self, name: &'static str) -> Result<Vec<KeySpec>, ConfError> {
        let value = self.properties.text_or(name, "")?;
        parse_key_specs(&value).map_err(|source| ConfError::KeySpec { name, value, source })
    }

    /// The order that a comparator class makes of keys of class `key_kind`.
    ///
    /// Hadoop's comparators read serialised bytes without asking whose they are. One that is for another
    /// class reads beyond the end of short keys, so its order is chance; here it is an error.
    pub(super) fn key_order(
        &self,
        name: &'static str,
        key_kind: &WritableKind,
    ) -> Result<KeyOrderSpec, ConfError> {
        let Some(given) = self.properties.class(name)? else { return Ok(KeyOrderSpec::Natural) };
        let class = classes::by_simple_name(&given, Role::Comparator).map_or(given, str::to_owned);
        let (kind, spec) = match classes::comparator(&class) {
            Some(ComparatorClass::Natural(kind)) => (kind, KeyOrderSpec::Natural),
            Some(ComparatorClass::Decreasing(kind)) => (kind, KeyOrderSpec::Decreasing),
            Some(ComparatorClass::KeyFields) => {
                let specs = self.key_specs("mapreduce.partition.keycomparator.options")?;
                return Ok(KeyOrderSpec::KeyFields { specs, separator: self.field_separator()? });
            }
            None => {
                let known = classes::require(name, &class, Role::Comparator)?;
                return Err(classes::not_built_in(name, known, Role::Comparator));
            }
        };
        // TypedBytesWritable is a BytesWritable.
        let is_kin = (&kind, key_kind) == (&WritableKind::Bytes, &WritableKind::TypedBytes);
        if kind == *key_kind || is_kin {
            Ok(spec)
        } else {
            Err(ConfError::ComparatorKeys { name, class, keys: key_kind.class_name().to_owned() })
        }
    }

    pub(super) fn group_order(
        &self,
        reduces: u32,
        key_kind: &WritableKind,
        order: KeyOrderSpec,
    ) -> Result<KeyOrderSpec, ConfError> {
        const NAME: &str = "mapreduce.job.output.group.comparator.class";
        if reduces > 0 && self.properties.is_set(NAME) { self.key_order(NAME, key_kind) } else { Ok(order) }
    }

    /// With fewer than two reduce tasks Hadoop never makes a partitioner, so its options are not read.
    pub(super) fn partitioner(
        &self,
        reduces: u32,
        key_kind: &WritableKind,
    ) -> Result<(PartitionerSpec, Option<TotalOrderFile>), ConfError> {
        const NAME: &str = "mapred.partitioner.class";
        let class = self.class_or(NAME, "org.apache.hadoop.mapred.lib.HashPartitioner")?;
        let class = classes::require(NAME, &class, Role::Partitioner)?;
        if reduces < 2 {
            return Ok((PartitionerSpec::Hash, None));
        }
        let spec = match class.rsplit('.').next() {
            Some("KeyFieldBasedPartitioner") => PartitionerSpec::KeyFields {
                specs: match self.properties.int("num.key.fields.for.partition")? {
                    Some(count) => KeySpec::first_fields(count),
                    None => self.key_specs("mapreduce.partition.keypartitioner.options")?,
                },
                separator: self.field_separator()?,
            },
            Some("BinaryPartitioner") => PartitionerSpec::Binary {
                left: self.properties.int("mapreduce.partition.binarypartitioner.left.offset")?.unwrap_or(0),
                right: self
                    .properties
                    .int("mapreduce.partition.binarypartitioner.right.offset")?
                    .unwrap_or(-1),
            },
            Some("TotalOrderPartitioner") => {
                let given = self.properties.text_or(CUTS, "_partition.lst")?;
                let path = path::located(CUTS, &given, &self.addresses()?, Purpose::Read)?;
                let sampled_if_missing = self.properties.switch("mrstream.totalorder.sample", false)?;
                let file = TotalOrderFile { path: path.into(), given, sampled_if_missing };
                let spec =
                    PartitionerSpec::TotalOrder { cuts: Vec::new(), by_bytes: self.cuts_by_bytes(key_kind)? };
                return Ok((spec, Some(file)));
            }
            _ => PartitionerSpec::Hash,
        };
        Ok((spec, None))
    }

    /// Hadoop: `TotalOrderPartitioner.setConf`, for the classes that are a `BinaryComparable`.
    fn cuts_by_bytes(&self, key_kind: &WritableKind) -> Result<bool, ConfError> {
        let natural = self.properties.switch("mapreduce.totalorderpartitioner.naturalorder", true)?;
        let bytes = [WritableKind::Text, WritableKind::Bytes, WritableKind::TypedBytes];
        Ok(natural && bytes.contains(key_kind))
    }
}
