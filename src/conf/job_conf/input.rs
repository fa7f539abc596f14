//! Where records come from.

use super::super::classes::{self, Role};
use super::super::error::ConfError;
use super::super::keys::Kind;
use super::super::{path, value};
use super::SplitSpec;
use super::reader::Reader;
use crate::dfs::{Addresses, Purpose};
use crate::plan::{InputFormat, InputSpec, StreamSplits, XmlReaderSpec};

impl Reader<'_> {
    /// Fails on numbers set to nothing that Hadoop reads before there are tasks: in `StreamJob.setJobConf`, by
    /// the file system, and while the input is split.
    pub(super) fn refuse_empty_numbers(&self, format: InputFormat) -> Result<(), ConfError> {
        let of_format: &[&str] = match format {
            InputFormat::NLine => &["mapreduce.input.lineinputformat.linespermap"],
            InputFormat::CombineText => &[
                "mapreduce.input.fileinputformat.split.maxsize",
                "mapreduce.input.fileinputformat.split.minsize.per.node",
                "mapreduce.input.fileinputformat.split.minsize.per.rack",
            ],
            _ => &["mapreduce.input.fileinputformat.split.minsize"],
        };
        let of_all = ["mapreduce.job.reduces", "fs.local.block.size"];
        of_all.iter().chain(of_format).try_for_each(|name| self.properties.refuse_empty(name))
    }

    pub(super) fn inputs(&self) -> Result<Vec<String>, ConfError> {
        const NAME: &str = "mapreduce.input.fileinputformat.inputdir";
        let list = self.properties.text_or(NAME, "")?;
        let Some(paths) = path::unescape_list(&list) else {
            let expected = "paths with commas, a backslash only before a comma or a backslash";
            return Err(self.properties.malformed(NAME, list, expected));
        };
        let working_dir = self.properties.text_or("mapreduce.job.working.dir", "")?;
        let addresses = self.addresses()?;
        let working_dir =
            path::located("mapreduce.job.working.dir", &working_dir, &addresses, Purpose::Send)?.into();
        let addresses = Addresses { working_dir, ..addresses };
        paths.iter().map(|path| path::located_pattern(NAME, path, &addresses)).collect()
    }

    pub(super) fn split(&self) -> Result<SplitSpec, ConfError> {
        let properties = self.properties;
        let block = if properties.is_set("fs.local.block.size") {
            Some(self.amount("fs.local.block.size")?)
        } else {
            properties.byte_size("dfs.blocksize")?
        };
        Ok(SplitSpec {
            recursive: properties.switch("mapreduce.input.fileinputformat.input.dir.recursive", false)?,
            ignore_subdirs: properties
                .switch("mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs", false)?,
            maps_hint: self.maps_hint()?,
            bytes_min: self.amount("mapreduce.input.fileinputformat.split.minsize")?.max(1),
            block_bytes: block.map(|bytes| bytes.max(1)),
            combine_bytes_max: self.amount("mapreduce.input.fileinputformat.split.maxsize")?,
            combine_bytes_min_node: self.amount("mapreduce.input.fileinputformat.split.minsize.per.node")?,
            combine_bytes_min_rack: self.amount("mapreduce.input.fileinputformat.split.minsize.per.rack")?,
            lines_per_map: self.lines_per_map()?,
            streams: self.streams()?,
        })
    }

    /// What is no number counts as unset: Hadoop's local mode does not read it.
    fn maps_hint(&self) -> Result<Option<u32>, ConfError> {
        const NAME: &str = "mapreduce.job.maps";
        let is_number = value::fits(Kind::Int, &self.properties.text_or(NAME, "")?);
        if is_number { self.count_if_set(NAME, 1) } else { Ok(None) }
    }

    /// A number that is never reached makes a file one split, as in `NLineInputFormat.getSplitsForFile`.
    fn lines_per_map(&self) -> Result<u32, ConfError> {
        let lines = self.properties.int("mapreduce.input.lineinputformat.linespermap")?.unwrap_or(1);
        Ok(u32::try_from(lines).ok().filter(|lines| *lines > 0).unwrap_or(u32::MAX))
    }

    fn streams(&self) -> Result<StreamSplits, ConfError> {
        const NAME: &str = StreamSplits::PROPERTY;
        let value = self.properties.text_or(NAME, "1")?;
        match (value.as_str(), value.parse()) {
            ("auto", _) => Ok(StreamSplits::BySize),
            (_, Ok(1)) => Ok(StreamSplits::Whole),
            (_, Ok(count)) if count > 0 => Ok(StreamSplits::Count(count)),
            _ => Err(self.properties.malformed(NAME, value, "auto or a number of 1 or more")),
        }
    }

    pub(super) fn input_format(&self) -> Result<(InputFormat, Option<XmlReaderSpec>), ConfError> {
        const NAME: &str = "mapred.input.format.class";
        let class = self.class_or(NAME, classes::TEXT_INPUT)?;
        if class == classes::STREAM_INPUT {
            let reader = self.class_or("stream.recordreader.class", classes::LINE_READER)?;
            // Any reader of lines is KeyValueTextInputFormat, from which StreamInputFormat descends.
            return match reader.as_str() {
                lines if lines.contains("LineRecordReader") => Ok((InputFormat::KeyValueText, None)),
                classes::XML_READER => Ok((InputFormat::KeyValueText, Some(self.xml_reader()?))),
                other => Err(classes::not_built_in("stream.recordreader.class", other, Role::RecordReader)),
            };
        }
        match classes::input_format(&class) {
            Some(format) => Ok((format, None)),
            None => Err(classes::not_built_in("-inputformat", &class, Role::InputFormat)),
        }
    }

    pub(super) fn xml_reader(&self) -> Result<XmlReaderSpec, ConfError> {
        let mark = |name: &'static str| match self.properties.get(name)? {
            Some(mark) => Ok(mark),
            None => Err(self.properties.malformed(name, String::new(), "the mark of a record")),
        };
        let record_bytes_max = self.count("stream.recordreader.maxrec", 0)?;
        let look_ahead = self.count_if_set("stream.recordreader.lookahead", 0)?;
        Ok(XmlReaderSpec {
            begin: mark("stream.recordreader.begin")?,
            end: mark("stream.recordreader.end")?,
            slow_match: self.properties.switch("stream.recordreader.slowmatch", false)?,
            record_bytes_max,
            look_ahead_bytes: look_ahead.unwrap_or(record_bytes_max.saturating_mul(2)),
        })
    }

    pub(super) fn input(&self, format: InputFormat) -> Result<InputSpec, ConfError> {
        let delimiter = match format {
            // These make their readers of lines themselves, without the property.
            InputFormat::KeyValueText | InputFormat::NLine => None,
            _ => self.properties.get("textinputformat.record.delimiter")?.map(String::into_bytes),
        };
        let separator =
            self.properties.text_or("mapreduce.input.keyvaluelinerecordreader.key.value.separator", "\t")?;
        let line_bytes_max = self.properties.int("mapreduce.input.linerecordreader.line.maxlength")?;
        Ok(InputSpec {
            format,
            record_delimiter: delimiter,
            line_bytes_max: line_bytes_max.unwrap_or(i32::MAX).max(0) as u64,
            // Java keeps the low byte of the first UTF-16 unit.
            key_value_separator: separator.encode_utf16().next().map_or(b'\t', |unit| unit as u8),
            record_bytes: match format {
                InputFormat::FixedLength => self.count("fixedlengthinputformat.record.length", 1)?.into(),
                _ => 0,
            },
            xml_reader: None,
        })
    }
}
