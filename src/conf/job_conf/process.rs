//! What is run, and how its pipes are framed.

use super::super::classes::{self, ProcessorChoice, Role};
use super::super::error::ConfError;
use super::super::stream_job::{encoding, form_decode};
use super::reader::Reader;
use crate::plan::{ChildSpec, Encoding, StreamSpec};

impl Reader<'_> {
    pub(super) fn processor(&self, name: &'static str, role: Role) -> Result<ProcessorChoice, ConfError> {
        let identity = "org.apache.hadoop.mapred.lib.IdentityMapper";
        let class = self.class_or(name, identity)?;
        let (command, may_be_empty) = match class.as_str() {
            classes::PIPE_MAPPER => ("stream.map.streamprocessor", false),
            classes::PIPE_COMBINER => ("stream.combine.streamprocessor", true),
            classes::PIPE_REDUCER => ("stream.reduce.streamprocessor", true),
            other => {
                let known = classes::require(name, other, role)?;
                return classes::processor(known).ok_or_else(|| classes::not_built_in(name, known, role));
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

    pub(super) fn combiner(&self, reduces: u32) -> Result<Option<ProcessorChoice>, ConfError> {
        const NAME: &str = "mapred.combiner.class";
        let wanted = reduces > 0 && self.properties.is_set(NAME);
        wanted.then(|| self.processor(NAME, Role::Reducer)).transpose()
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
            environment: Vec::new(),
            non_zero_exit_is_failure: self.properties.switch("stream.non.zero.exit.is.failure", true)?,
            reporter_prefix: self.properties.text_or("stream.stderr.reporter.prefix", "reporter:")?,
            unread_allowed_after: unread_allowed_after.map(|records| records.max(0) as u64),
        })
    }
}
