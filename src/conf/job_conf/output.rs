//! What becomes of the output.

use super::super::classes::{self, Role};
use super::super::error::ConfError;
use super::super::path;
use super::reader::Reader;
use crate::codec::Codec;
use crate::plan::{Existing, OutputFormat, OutputSpec};
use crate::writable::WritableKind;

const COMPRESS_TYPE: &str = "mapreduce.output.fileoutputformat.compress.type";

/// What can stand for a codec.
const CODEC_NAMES: &str = "gzip, deflate, bzip2, zstd, snappy, lz4, or a codec's class such as \
                           org.apache.hadoop.io.compress.GzipCodec";

/// How sequence files are compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Record,
    Block,
}

impl Reader<'_> {
    pub(super) fn output(&self) -> Result<OutputSpec, ConfError> {
        const DIR: &str = "mapreduce.output.fileoutputformat.outputdir";
        let given = self.properties.text_or(DIR, "")?;
        let dir = path::absolute(DIR, &given, &self.current_dir())?;
        let (format, lazy) = self.output_format()?;
        let (key_kind, value_kind) = match format {
            OutputFormat::SequenceFileAsBinary => self.binary_kinds()?,
            _ => self.output_kinds()?,
        };
        let (codec, compression) = self.compression(format)?;
        let legs = self.properties.int("mapred.outputformat.numOfTrailingLegs")?;
        Ok(OutputSpec {
            shown: dir.clone(),
            dir: dir.into(),
            format,
            lazy,
            key_kind,
            value_kind,
            separator: self.bytes_of("mapreduce.output.textoutputformat.separator", "\t")?,
            codec,
            block_compressed: codec.is_some() && compression == Compression::Block,
            block_bytes: self.properties.int("io.seqfile.compress.blocksize")?.unwrap_or(1_000_000),
            index_interval: self.properties.int("io.map.index.interval")?.unwrap_or(128),
            trailing_legs: legs.unwrap_or(0).max(0) as u32,
            success_marker: self
                .properties
                .switch("mapreduce.fileoutputcommitter.marksuccessfuljobs", true)?,
            existing: Existing::Refuse,
        })
    }

    fn output_format(&self) -> Result<(OutputFormat, bool), ConfError> {
        const NAME: &str = "mapred.output.format.class";
        let outer = self.class_or(NAME, classes::TEXT_OUTPUT)?;
        let lazy = outer == classes::LAZY_OUTPUT;
        let class = if lazy {
            self.class_or("mapreduce.output.lazyoutputformat.outputformat", "(unset)")?
        } else {
            outer
        };
        match classes::output_format(&class) {
            Some(format) => Ok((format, lazy)),
            None => Err(classes::not_built_in("-outputformat", &class, Role::OutputFormat)),
        }
    }

    /// Hadoop: `SequenceFileAsBinaryOutputFormat` may write other classes than it is given.
    fn binary_kinds(&self) -> Result<(WritableKind, WritableKind), ConfError> {
        let (key, value) = self.output_kinds()?;
        let written_key = self.kind("mapreduce.output.seqbinaryoutputformat.key.class")?.unwrap_or(key);
        let written_value = self.kind("mapreduce.output.seqbinaryoutputformat.value.class")?.unwrap_or(value);
        Ok((written_key, written_value))
    }

    /// The codec, if the output is compressed. What is not used is not looked at, be it wrong. Hadoop:
    /// `SequenceFileAsBinaryOutputFormat.checkOutputSpecs` for the one combination that is refused.
    fn compression(&self, format: OutputFormat) -> Result<(Option<Codec>, Compression), ConfError> {
        const NAME: &str = "mapreduce.output.fileoutputformat.compress.codec";
        if !self.properties.switch("mapreduce.output.fileoutputformat.compress", false)? {
            return Ok((None, Compression::None));
        }
        let compression = match format {
            OutputFormat::Null => Compression::None,
            OutputFormat::Text | OutputFormat::MultipleText => Compression::Record,
            _ => self.sequence_compression()?,
        };
        if compression == Compression::None {
            return Ok((None, compression));
        }
        if format == OutputFormat::SequenceFileAsBinary && compression == Compression::Record {
            return Err(ConfError::InvalidJob {
                name: COMPRESS_TYPE,
                value: "RECORD".to_owned(),
                why: "SequenceFileAsBinaryOutputFormat writes no record-compressed files; expected BLOCK or NONE",
            });
        }
        Ok((Some(self.codec(NAME)?), compression))
    }

    fn codec(&self, name: &'static str) -> Result<Codec, ConfError> {
        let class = self.class_or(name, "org.apache.hadoop.io.compress.DefaultCodec")?;
        let codec = Codec::from_class(&class).or_else(|| Codec::from_short_name(&class));
        codec.ok_or_else(|| self.properties.malformed(name, class, CODEC_NAMES))
    }

    /// Fails on codecs that Hadoop would not find: those that input is read with, and that of map output if it is
    /// compressed and goes to reducers. Hadoop: `CompressionCodecFactory`, `JobConf.getMapOutputCompressorClass`.
    pub(super) fn check_codecs(&self, reduces: u32) -> Result<(), ConfError> {
        const LIST: &str = "io.compression.codecs";
        // It reads a file as it is, by a suffix that the user chooses.
        const PASSTHROUGH: &str = "org.apache.hadoop.io.compress.PassthroughCodec";
        let known = |class: &str| Codec::from_class(class).is_some() || class == PASSTHROUGH;
        let list = if self.properties.is_set(LIST) { self.properties.list(LIST)? } else { Vec::new() };
        if let Some(unknown) = list.into_iter().find(|class| !class.is_empty() && !known(class)) {
            let expected =
                "classes of codecs that are built in (mr-stream classes lists them); jars are not run here";
            return Err(self.properties.malformed(LIST, unknown, expected));
        }
        if reduces > 0 && self.properties.switch("mapreduce.map.output.compress", false)? {
            self.codec("mapreduce.map.output.compress.codec")?;
        }
        Ok(())
    }

    /// Hadoop: `SequenceFileOutputFormat.getOutputCompressionType`, capitals required.
    fn sequence_compression(&self) -> Result<Compression, ConfError> {
        let given = self.properties.text_or(COMPRESS_TYPE, "RECORD")?;
        match given.as_str() {
            "NONE" => Ok(Compression::None),
            "RECORD" => Ok(Compression::Record),
            "BLOCK" => Ok(Compression::Block),
            _ => Err(self.properties.malformed(COMPRESS_TYPE, given, "NONE, RECORD or BLOCK")),
        }
    }
}
