//! What is run, and how its pipes are framed.

use super::super::classes::{self, ProcessorChoice, ProcessorClass, Role};
use super::super::error::ConfError;
use super::super::resolve::{NEW_API, NEW_COMBINER};
use super::super::stream_job::{encoding, form_decode};
use super::OutputFilter;
use super::reader::Reader;
use crate::java_regex::JavaRegex;
use crate::plan::{BuiltIn, ChildSpec, Encoding, Environment, FieldSelection, SelectedFields, StreamSpec};

/// Hadoop's `Long.MAX_VALUE`, for no limit.
const UNLIMITED: u64 = i64::MAX as u64;

impl Reader<'_> {
    /// Hadoop: `Job.getTaskOutputFilter`.
    pub(super) fn output_filter(&self) -> Result<OutputFilter, ConfError> {
        const NAME: &str = "mapreduce.client.output.filter";
        let value = self.properties.text_or(NAME, "FAILED")?;
        match value.as_str() {
            "NONE" | "KILLED" => Ok(OutputFilter::None),
            "SUCCEEDED" => Ok(OutputFilter::Succeeded),
            "FAILED" => Ok(OutputFilter::Failed),
            "ALL" => Ok(OutputFilter::All),
            _ => Err(self.properties.malformed(NAME, value, "NONE, KILLED, FAILED, SUCCEEDED or ALL")),
        }
    }

    pub(super) fn processor(&self, name: &'static str, role: Role) -> Result<ProcessorChoice, ConfError> {
        let identity = "org.apache.hadoop.mapred.lib.IdentityMapper";
        let class = self.class_or(name, identity)?;
        let (command, may_be_empty) = match class.as_str() {
            classes::PIPE_MAPPER => ("stream.map.streamprocessor", false),
            classes::PIPE_COMBINER => ("stream.combine.streamprocessor", true),
            classes::PIPE_REDUCER => ("stream.reduce.streamprocessor", true),
            other => {
                let known = classes::require(name, other, role)?;
                let class =
                    classes::processor(known).ok_or_else(|| classes::not_built_in(name, known, role))?;
                return self.built_in(class, role);
            }
        };
        let Some(encoded) = self.properties.raw(command) else {
            // PipeReducer without a command passes records on; PipeMapper fails.
            let empty = ProcessorChoice::Command(String::new());
            return Ok(if may_be_empty { ProcessorChoice::Identity } else { empty });
        };
        form_decode(encoded).map(ProcessorChoice::Command).ok_or_else(|| {
            let expected = "a form-encoded command (it is set by -mapper, -combiner and -reducer)";
            self.properties.malformed(command, encoded.to_owned(), expected)
        })
    }

    /// A class with the settings that it reads, whose faults Hadoop finds when every task fails.
    fn built_in(&self, class: ProcessorClass, role: Role) -> Result<ProcessorChoice, ConfError> {
        Ok(ProcessorChoice::BuiltIn(match class {
            ProcessorClass::Identity => return Ok(ProcessorChoice::Identity),
            ProcessorClass::Inverse => BuiltIn::Inverse,
            ProcessorClass::TokenCount => BuiltIn::TokenCount,
            ProcessorClass::Regex => self.regex_mapper()?,
            ProcessorClass::LongSum => BuiltIn::LongSum,
            ProcessorClass::FieldSelection => BuiltIn::FieldSelection(self.field_selection(role)?),
            ProcessorClass::AggregateMapper => BuiltIn::AggregateMapper,
            ProcessorClass::AggregateReducer => {
                BuiltIn::AggregateReducer { unique_values_max: self.unique_values_max()? }
            }
            ProcessorClass::AggregateCombiner => {
                // Only the other two classes of Aggregate read the limit, for all that run in their process.
                let mapper = self.properties.class("mapred.mapper.class")?;
                let mapper = mapper.as_deref().and_then(classes::processor);
                let limited = mapper == Some(ProcessorClass::AggregateMapper);
                let unique_values_max = if limited { self.unique_values_max()? } else { UNLIMITED };
                BuiltIn::AggregateCombiner { unique_values_max }
            }
        }))
    }

    /// Hadoop: `RegexMapper.configure`.
    fn regex_mapper(&self) -> Result<BuiltIn, ConfError> {
        const NAME: &str = "mapreduce.mapper.regex";
        let Some(pattern) = self.properties.get(NAME)? else {
            return Err(self.properties.malformed(NAME, String::new(), "the pattern of RegexMapper"));
        };
        check_pattern(NAME, &pattern)?;
        let group = self.properties.int("mapreduce.mapper.regexmapper..group")?.unwrap_or(0);
        Ok(BuiltIn::Regex { pattern, group })
    }

    /// Hadoop: `FieldSelectionMapReduce.configure`, which reads both specs whatever it is used as.
    fn field_selection(&self, role: Role) -> Result<FieldSelection, ConfError> {
        const SEPARATOR: &str = "mapreduce.fieldsel.data.field.separator";
        let separator = self.properties.text_or(SEPARATOR, "\t")?;
        check_pattern(SEPARATOR, &separator)?;
        let map = self.selected_fields("mapreduce.fieldsel.map.output.key.value.fields.spec")?;
        let reduce = self.selected_fields("mapreduce.fieldsel.reduce.output.key.value.fields.spec")?;
        let format = self.class_or("mapred.input.format.class", classes::TEXT_INPUT)?;
        Ok(FieldSelection {
            separator,
            ignore_key: format == classes::TEXT_INPUT,
            fields: if role == Role::Mapper { map } else { reduce },
        })
    }

    fn selected_fields(&self, name: &str) -> Result<SelectedFields, ConfError> {
        let spec = self.properties.text_or(name, "0-:")?;
        SelectedFields::parse(&spec).ok_or_else(|| {
            let expected = "fields of key and value by number from 0, such as 0,2-4:1,5- (a million at most)";
            self.properties.malformed(name, spec, expected)
        })
    }

    /// Hadoop: `UniqValueCount`, for which 0 and less mean no limit.
    fn unique_values_max(&self) -> Result<u64, ConfError> {
        let limit = self.properties.long("aggregate.max.num.unique.values")?.unwrap_or(0);
        Ok(if limit > 0 { limit as u64 } else { UNLIMITED })
    }

    pub(super) fn combiner(&self, reduces: u32) -> Result<Option<ProcessorChoice>, ConfError> {
        const NAME: &str = "mapred.combiner.class";
        let wanted = reduces > 0 && self.properties.is_set(NAME);
        if reduces > 0 && !wanted && self.properties.is_set(NEW_COMBINER) {
            return Err(ConfError::Refused {
                name: NEW_COMBINER,
                value: self.class_or(NEW_COMBINER, "")?,
                origin: self.properties.source(NEW_COMBINER),
                why: "A combiner of Hadoop's newer interface; no Java class can be loaded, use -combiner.",
            });
        }
        wanted.then(|| self.processor(NAME, Role::Reducer)).transpose()
    }

    /// The first property of Hadoop's newer interface that contradicts the older one, with the mode that it
    /// contradicts. Hadoop: `Job.setUseNewAPI`.
    pub(super) fn new_api(&self, reduces: u32) -> Option<(&'static str, &'static str)> {
        let [input, map, partitioner, output, reduce] = NEW_API;
        let last = if reduces > 0 { partitioner } else { output };
        let of_map = [input, map, last].map(|name| (name, "map compatibility"));
        let of_reduce = [output, reduce].map(|name| (name, "reduce compatibility"));
        let of_reduce = of_reduce.into_iter().filter(|_| reduces > 0);
        of_map.into_iter().chain(of_reduce).find(|(name, _)| self.properties.is_set(name))
    }

    /// Hadoop: `PipeMapper.configure`. The key is left out for plain text only, and only on text pipes.
    pub(super) fn map_stream(&self, plain_text: bool) -> Result<StreamSpec, ConfError> {
        let input = encoding(self.properties, "stream.map.input")?;
        let ignore_key = self.properties.switch("stream.map.input.ignoreKey", plain_text)?;
        Ok(StreamSpec {
            input,
            output: encoding(self.properties, "stream.map.output")?,
            input_separator: self.bytes_of("stream.map.input.field.separator", "\t")?,
            output_separator: self.bytes_of("stream.map.output.field.separator", "\t")?,
            key_fields: self.key_fields("stream.num.map.output.key.fields")?,
            ignore_key: ignore_key && input == Encoding::Text,
        })
    }

    pub(super) fn reduce_stream(&self) -> Result<StreamSpec, ConfError> {
        Ok(StreamSpec {
            input: encoding(self.properties, "stream.reduce.input")?,
            output: encoding(self.properties, "stream.reduce.output")?,
            input_separator: self.bytes_of("stream.reduce.input.field.separator", "\t")?,
            output_separator: self.bytes_of("stream.reduce.output.field.separator", "\t")?,
            key_fields: self.key_fields("stream.num.reduce.output.key.fields")?,
            ignore_key: false,
        })
    }

    pub(super) fn key_fields(&self, name: &str) -> Result<usize, ConfError> {
        Ok(self.properties.int(name)?.unwrap_or(1).max(0) as usize)
    }

    pub(super) fn children(&self) -> Result<ChildSpec, ConfError> {
        let unread_allowed_after = self.properties.long("stream.minRecWrittenToEnableSkip_")?;
        Ok(ChildSpec {
            environment: Environment::default(),
            non_zero_exit_is_failure: self.properties.switch("stream.non.zero.exit.is.failure", true)?,
            reporter_prefix: self.properties.text_or("stream.stderr.reporter.prefix", "reporter:")?,
            unread_allowed_after: unread_allowed_after.map(|records| records.max(0) as u64),
            join_delay_ms: Some(self.amount("stream.joindelay.milli")?).filter(|delay| *delay > 0),
        })
    }
}

fn check_pattern(name: &'static str, pattern: &str) -> Result<(), ConfError> {
    match JavaRegex::new(pattern) {
        Ok(_) => Ok(()),
        Err(source) => Err(ConfError::Pattern { name, value: pattern.to_owned(), source }),
    }
}
