//! Streaming's options as properties: what Hadoop's `StreamJob.setJobConf` writes into a job's
//! configuration, in its order. Reading them typed is [`super::job_conf`]'s part.

use super::cache;
use super::classes::{self, Role};
use super::error::ConfError;
use super::host::HostFacts;
use super::options::StreamOptions;
use super::path;
use super::properties::Properties;
use crate::dfs::{Addresses, Purpose};
use crate::plan::Encoding;
use crate::writable::WritableKind;

/// Completes `properties`, in which files and the command line's properties are in place already. Returns what
/// addresses mean to the job: relative ones may start from a folder of its own.
pub(super) fn apply(
    properties: &mut Properties,
    options: &StreamOptions,
    host: &HostFacts,
    addresses: Addresses,
) -> Result<Addresses, ConfError> {
    let launched_in = addresses.clone();
    let addresses = set_working_dir(properties, addresses)?;
    set_inputs(properties, &options.inputs, &addresses)?;
    set_input_format(properties, options)?;
    set_framing(properties, options)?;
    set_environment(properties, &options.cmdenv);
    let processors = set_processors(properties, options, host)?;
    set_key_and_value_classes(properties, processors)?;
    set_input_reader(properties, options)?;
    set_output(properties, options, &addresses)?;
    if let Some(class) = &options.partitioner {
        let class = classes::require("-partitioner", class, Role::Partitioner)?;
        properties.set("mapred.partitioner.class", class, "-partitioner");
    }
    if let Some(script) = &options.map_debug {
        properties.set("mapreduce.map.debug.script", script, "-mapdebug");
    }
    if let Some(script) = &options.reduce_debug {
        properties.set("mapreduce.reduce.debug.script", script, "-reducedebug");
    }
    set_cache(properties, options)?;
    Ok(launched_in)
}

/// The folder that relative paths start from. Hadoop: `JobConf.getWorkingDirectory`.
fn set_working_dir(properties: &mut Properties, addresses: Addresses) -> Result<Addresses, ConfError> {
    const NAME: &str = "mapreduce.job.working.dir";
    if let Some(given) = properties.get(NAME)? {
        let working_dir = path::located(NAME, &given, &addresses, Purpose::Send)?.into();
        return Ok(Addresses { working_dir, ..addresses });
    }
    let folder = format!("file:{}", addresses.working_dir.display());
    properties.set(NAME, folder, "the current folder");
    Ok(addresses)
}

/// Adds to what a property may have named already. Hadoop: `FileInputFormat.addInputPaths`.
fn set_inputs(
    properties: &mut Properties,
    inputs: &[String],
    addresses: &Addresses,
) -> Result<(), ConfError> {
    const NAME: &str = "mapreduce.input.fileinputformat.inputdir";
    if inputs.is_empty() {
        return Err(ConfError::MissingOption { option: "-input <path>" });
    }
    let mut list: Vec<String> = properties.get(NAME)?.into_iter().collect();
    for input in inputs {
        for part in path::comma_parts(input) {
            let absolute = path::located_pattern("-input", part, addresses)?;
            list.push(path::escape(&format!("file:{absolute}")));
        }
    }
    properties.set(NAME, list.join(","), "-input");
    Ok(())
}

fn set_input_format(properties: &mut Properties, options: &StreamOptions) -> Result<(), ConfError> {
    use classes::{KEY_VALUE_INPUT, SEQUENCE_INPUT};
    // The two formats that a reader of one's own replaces.
    const KEY_VALUE: &str = "KeyValueTextInputFormat";
    const SEQUENCE: &str = "SequenceFileInputFormat";
    let with_reader = options.input_reader.is_some();
    let class = match options.input_format.as_deref() {
        None if with_reader => classes::STREAM_INPUT,
        None | Some("TextInputFormat") => classes::TEXT_INPUT,
        Some("SequenceFileAsTextInputFormat") => classes::SEQUENCE_TEXT_INPUT,
        Some(KEY_VALUE | KEY_VALUE_INPUT | SEQUENCE | SEQUENCE_INPUT) if with_reader => classes::STREAM_INPUT,
        Some(KEY_VALUE) => KEY_VALUE_INPUT,
        Some(SEQUENCE) => SEQUENCE_INPUT,
        Some(class) => classes::require("-inputformat", class, Role::InputFormat)?,
    };
    properties.set("mapred.input.format.class", class, "-inputformat");
    Ok(())
}

/// How the pipes are framed. Hadoop: `IdentifierResolver`.
fn set_framing(properties: &mut Properties, options: &StreamOptions) -> Result<(), ConfError> {
    if let Some(io) = &options.io {
        for name in ["stream.map.input", "stream.map.output", "stream.reduce.input", "stream.reduce.output"] {
            properties.set(name, io, "-io");
        }
    }
    for (name, part, class) in [
        ("stream.map.input", "writer", "InputWriter"),
        ("stream.map.output", "reader", "OutputReader"),
        ("stream.reduce.input", "writer", "InputWriter"),
        ("stream.reduce.output", "reader", "OutputReader"),
    ] {
        let prefix = match encoding(properties, name)? {
            Encoding::Text => "Text",
            Encoding::RawBytes => "RawBytes",
            Encoding::TypedBytes => "TypedBytes",
            Encoding::KeyOnlyText => "KeyOnlyText",
        };
        let class = format!("org.apache.hadoop.streaming.io.{prefix}{class}");
        properties.set(&format!("{name}.{part}.class"), class, "-io");
    }
    Ok(())
}

/// The framing that a property names, in any case; an unknown name is text.
pub(super) fn encoding(properties: &Properties, name: &str) -> Result<Encoding, ConfError> {
    Ok(match properties.get(name)?.unwrap_or_default().to_ascii_lowercase().as_str() {
        "rawbytes" => Encoding::RawBytes,
        "typedbytes" => Encoding::TypedBytes,
        "keyonlytext" => Encoding::KeyOnlyText,
        _ => Encoding::Text,
    })
}

/// The classes of the keys and values that come out of a pipe with this framing.
fn kinds_of(encoding: Encoding) -> (WritableKind, WritableKind) {
    match encoding {
        Encoding::Text => (WritableKind::Text, WritableKind::Text),
        Encoding::RawBytes => (WritableKind::Bytes, WritableKind::Bytes),
        Encoding::TypedBytes => (WritableKind::TypedBytes, WritableKind::TypedBytes),
        Encoding::KeyOnlyText => (WritableKind::Text, WritableKind::Null),
    }
}

/// The tasks' own variables. The first one keeps a Hadoop that a child may start from logging as this job.
fn set_environment(properties: &mut Properties, cmdenv: &[String]) {
    let mut pairs = vec!["HADOOP_ROOT_LOGGER="];
    pairs.extend(cmdenv.iter().map(String::as_str));
    properties.set("stream.addenvironment", pairs.join(" "), "-cmdenv");
}

/// Which of mapper and reducer are commands, whose framing decides about classes.
#[derive(Clone, Copy)]
struct Commands {
    mapper: bool,
    reducer: bool,
}

fn set_processors(
    properties: &mut Properties,
    options: &StreamOptions,
    host: &HostFacts,
) -> Result<Commands, ConfError> {
    let shipped = cache::shipped(&options.file, &host.current_dir);
    let local = |command: &Option<String>| {
        command.as_ref().map(|command| cache::unqualified(command, &shipped, &host.current_dir))
    };
    let mut commands = Commands { mapper: false, reducer: false };
    if let Some(given) = local(&options.mapper) {
        let pipe = (classes::PIPE_MAPPER, "stream.map.streamprocessor");
        commands.mapper = set_processor(properties, "-mapper", &given, "mapred.mapper.class", pipe)?;
        if commands.mapper {
            properties.set("mapred.map.runner.class", classes::PIPE_MAP_RUNNER, "-mapper");
        }
    }
    if let Some(given) = local(&options.combiner) {
        let pipe = (classes::PIPE_COMBINER, "stream.combine.streamprocessor");
        set_processor(properties, "-combiner", &given, "mapred.combiner.class", pipe)?;
    }
    set_reduces(properties, options)?;
    let reduces = properties.int(REDUCES)?;
    if let Some(given) = local(&options.reducer).filter(|_| reduces != Some(0)) {
        if given.eq_ignore_ascii_case("aggregate") {
            properties.set("mapred.reducer.class", classes::AGGREGATE_REDUCER, "-reducer");
            properties.set("mapred.combiner.class", classes::AGGREGATE_COMBINER, "-reducer");
        } else {
            let pipe = (classes::PIPE_REDUCER, "stream.reduce.streamprocessor");
            commands.reducer = set_processor(properties, "-reducer", &given, "mapred.reducer.class", pipe)?;
        }
    }
    Ok(commands)
}

const REDUCES: &str = "mapreduce.job.reduces";

fn set_reduces(properties: &mut Properties, options: &StreamOptions) -> Result<(), ConfError> {
    if let Some(given) = &options.num_reduce_tasks {
        if given.parse::<i32>().is_err() {
            let expected = "a whole number";
            return Err(ConfError::Option { option: "-numReduceTasks", value: given.clone(), expected });
        }
        properties.set(REDUCES, given, "-numReduceTasks");
    }
    if options.reducer.as_deref() == Some("NONE") {
        properties.set(REDUCES, "0", "-reducer NONE");
    }
    Ok(())
}

/// Sets a class, or the class of a pipe and its command. Returns whether it is a command.
fn set_processor(
    properties: &mut Properties,
    option: &'static str,
    given: &str,
    class_name: &str,
    (pipe, command_name): (&'static str, &str),
) -> Result<bool, ConfError> {
    let role = if option == "-mapper" { Role::Mapper } else { Role::Reducer };
    if let Some(class) = classes::find_or_command(option, given, role)? {
        properties.set(class_name, class, option);
        return Ok(false);
    }
    properties.set(class_name, pipe, option);
    properties.set(command_name, form_encode(given), option);
    Ok(true)
}

/// What commands write decides about the classes of keys and values, whatever the properties say.
fn set_key_and_value_classes(properties: &mut Properties, commands: Commands) -> Result<(), ConfError> {
    const MAP_OUTPUT: [&str; 2] = ["mapreduce.map.output.key.class", "mapreduce.map.output.value.class"];
    const OUTPUT: [&str; 2] = ["mapreduce.job.output.key.class", "mapreduce.job.output.value.class"];
    let map_framing = encoding(properties, "stream.map.output")?;
    if commands.mapper || properties.is_set("stream.map.output") {
        set_classes(properties, MAP_OUTPUT, map_framing, "-mapper");
        if properties.int(REDUCES)? == Some(0) {
            set_classes(properties, OUTPUT, map_framing, "-mapper");
        }
    }
    let reduce_framing = encoding(properties, "stream.reduce.output")?;
    if commands.reducer || properties.is_set("stream.reduce.output") {
        set_classes(properties, OUTPUT, reduce_framing, "-reducer");
    }
    Ok(())
}

fn set_classes(properties: &mut Properties, names: [&str; 2], framing: Encoding, option: &'static str) {
    let (key, value) = kinds_of(framing);
    properties.set(names[0], key.class_name(), option);
    properties.set(names[1], value.class_name(), option);
}

/// `-inputreader CLASS,name=value,...`: the names become properties of the reader.
fn set_input_reader(properties: &mut Properties, options: &StreamOptions) -> Result<(), ConfError> {
    let Some(given) = &options.input_reader else { return Ok(()) };
    let mut parts = given.split(',');
    let class = classes::require("-inputreader", parts.next().unwrap_or_default(), Role::RecordReader)?;
    properties.set("stream.recordreader.class", class, "-inputreader");
    for part in parts.filter(|part| !part.is_empty()) {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        properties.set(&format!("stream.recordreader.{name}"), value, "-inputreader");
    }
    Ok(())
}

fn set_output(
    properties: &mut Properties,
    options: &StreamOptions,
    addresses: &Addresses,
) -> Result<(), ConfError> {
    let Some(output) = &options.output else {
        return Err(ConfError::MissingOption { option: "-output <path>" });
    };
    let folder = path::located("-output", output, addresses, Purpose::Write)?;
    properties.set("mapreduce.output.fileoutputformat.outputdir", format!("file:{folder}"), "-output");
    let class = match &options.output_format {
        Some(class) => classes::require("-outputformat", class, Role::OutputFormat)?,
        None => classes::TEXT_OUTPUT,
    };
    let outer = if options.lazy_output { classes::LAZY_OUTPUT } else { class };
    properties.set("mapred.output.format.class", outer, "-outputformat");
    if options.lazy_output {
        properties.set("mapreduce.output.lazyoutputformat.outputformat", class, "-lazyOutput");
    }
    Ok(())
}

fn set_cache(properties: &mut Properties, options: &StreamOptions) -> Result<(), ConfError> {
    cache::check_links(&options.cache_file, &options.cache_archive)?;
    if !options.cache_file.is_empty() {
        properties.set("mapreduce.job.cache.files", options.cache_file.join(","), "-cacheFile");
    }
    if !options.cache_archive.is_empty() {
        properties.set("mapreduce.job.cache.archives", options.cache_archive.join(","), "-cacheArchive");
    }
    Ok(())
}

/// A command as a property holds it. Java: `URLEncoder`.
pub(super) fn form_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'.' | b'-' | b'*' | b'_' => encoded.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            byte => {
                let hex = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
                encoded.extend(['%', hex(byte >> 4), hex(byte & 15)]);
            }
        }
    }
    encoded
}

/// The command in a property, or `None` if it is not encoded as it should be. Java: `URLDecoder`.
pub(super) fn form_decode(encoded: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?
            }
            byte => *byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> StreamOptions {
        let own = |text: &str| Some(text.to_owned());
        StreamOptions {
            inputs: vec!["in".into()],
            output: own("out"),
            mapper: own("cat"),
            ..Default::default()
        }
    }

    /// Checks the properties that options make, each `name=value`, `name` for unset.
    fn check(change: impl Fn(&mut StreamOptions), expect: &[&str]) {
        let (mut options, host) = (options(), HostFacts::example());
        change(&mut options);
        let mut properties = Properties::new(&host);
        let addresses = super::super::resolve::addresses(&properties, &host).unwrap();
        apply(&mut properties, &options, &host, addresses).unwrap();
        for expected in expect {
            let (name, value) = expected.split_once('=').map_or((*expected, None), |(n, v)| (n, Some(v)));
            assert_eq!(properties.raw(name), value, "{name}");
        }
    }

    fn check_error(change: impl Fn(&mut StreamOptions), expect: &str) {
        let (mut options, host) = (options(), HostFacts::example());
        change(&mut options);
        let mut properties = Properties::new(&host);
        let addresses = super::super::resolve::addresses(&properties, &host).unwrap();
        let error = apply(&mut properties, &options, &host, addresses).unwrap_err().to_string();
        assert!(error.starts_with(expect), "{error}");
    }

    #[test]
    fn paths_are_absolute_and_escaped() {
        let input = "mapreduce.input.fileinputformat.inputdir=file:/start/a,file:/b/{x\\,y}";
        check(|o| o.inputs = vec!["a,/b/{x,y}".into()], &[input]);
        check(|_| (), &["mapreduce.output.fileoutputformat.outputdir=file:/start/out"]);
        check_error(|o| o.inputs.clear(), "required argument -input");
        check_error(|o| o.output = None, "required argument -output");
        check_error(|o| o.inputs = vec!["a,,b".into()], "-input \"\": a path is empty");
    }

    #[test]
    fn a_reader_replaces_some_formats() {
        let check_format = |format: Option<&str>, reader: Option<&str>, expect: &str| {
            check(
                |o| (o.input_format, o.input_reader) = (format.map(Into::into), reader.map(Into::into)),
                &[&format!("mapred.input.format.class={expect}")],
            );
        };
        let xml = Some("StreamXmlRecordReader,begin=<a,end=</a>,slowmatch");
        check_format(None, None, classes::TEXT_INPUT);
        check_format(None, xml, classes::STREAM_INPUT);
        check_format(Some("TextInputFormat"), xml, classes::TEXT_INPUT);
        check_format(Some(classes::TEXT_INPUT), xml, classes::TEXT_INPUT);
        check_format(Some("KeyValueTextInputFormat"), xml, classes::STREAM_INPUT);
        check_format(Some("SequenceFileInputFormat"), None, classes::SEQUENCE_INPUT);
        check_format(Some("AutoInputFormat"), None, "org.apache.hadoop.streaming.AutoInputFormat");
        check(
            |o| o.input_reader = xml.map(Into::into),
            &[
                "stream.recordreader.begin=<a",
                "stream.recordreader.end=</a>",
                "stream.recordreader.slowmatch",
            ],
        );
        check_error(
            |o| o.input_format = Some("no.such.Format".into()),
            "-inputformat: class not found: no.such.Format",
        );
    }

    #[test]
    fn commands_decide_about_classes() {
        let text = "mapreduce.map.output.key.class=org.apache.hadoop.io.Text";
        check(
            |_| (),
            &[
                text,
                "mapreduce.job.output.key.class",
                "mapred.mapper.class=org.apache.hadoop.streaming.PipeMapper",
            ],
        );
        check(|o| o.mapper = None, &["mapreduce.map.output.key.class", "mapred.mapper.class"]);
        check(
            |o| o.reducer = Some("cat".into()),
            &["mapreduce.job.output.value.class=org.apache.hadoop.io.Text"],
        );
        check(
            |o| (o.reducer, o.io) = (Some("NONE".into()), Some("RawBytes".into())),
            &[
                "mapreduce.job.reduces=0",
                "mapred.reducer.class",
                "mapreduce.job.output.key.class=org.apache.hadoop.io.BytesWritable",
                "stream.map.input.writer.class=org.apache.hadoop.streaming.io.RawBytesInputWriter",
            ],
        );
        check(
            |o| (o.reducer, o.num_reduce_tasks) = (Some("false".into()), Some("0".into())),
            &["stream.reduce.streamprocessor", "mapreduce.job.reduces=0"],
        );
        check(|o| o.reducer = Some("none".into()), &["stream.reduce.streamprocessor=none"]);
        check(
            |o| o.reducer = Some("AGGREGATE".into()),
            &[
                &format!("mapred.reducer.class={}", classes::AGGREGATE_REDUCER),
                &format!("mapred.combiner.class={}", classes::AGGREGATE_COMBINER),
                "mapreduce.job.output.key.class",
            ],
        );
        check_error(
            |o| o.num_reduce_tasks = Some("two".into()),
            "option -numReduceTasks \"two\": expected a whole number",
        );
    }

    #[test]
    fn other_options_become_properties() {
        check(
            |o| o.cmdenv = vec!["A=1".into(), "B".into()],
            &["stream.addenvironment=HADOOP_ROOT_LOGGER= A=1 B"],
        );
        check(
            |o| o.lazy_output = true,
            &[
                &format!("mapred.output.format.class={}", classes::LAZY_OUTPUT),
                &format!("mapreduce.output.lazyoutputformat.outputformat={}", classes::TEXT_OUTPUT),
            ],
        );
        check(|o| o.cache_file = vec!["a#b".into(), "c#d".into()], &["mapreduce.job.cache.files=a#b,c#d"]);
        check_error(
            |o| o.output_format = Some("no.such.Format".into()),
            "-outputformat: class not found: no.such",
        );
        check_error(|o| o.partitioner = Some("Nope".into()), "-partitioner: class not found: Nope");
        check_error(
            |o| o.mapper = Some("org.example.Map".into()),
            "-mapper: class not found: org.example.Map",
        );
    }

    #[test]
    fn commands_survive_their_encoding() {
        let check = |text: &str, encoded: &str| {
            assert_eq!(form_encode(text), encoded);
            assert_eq!(form_decode(encoded).as_deref(), Some(text));
        };
        check("awk '{n+=$1}' a_b-c.d*", "awk+%27%7Bn%2B%3D%241%7D%27+a_b-c.d*");
        check("é\t%", "%C3%A9%09%25");
        assert_eq!(form_decode("%4"), None);
        assert_eq!(form_decode("%zz"), None);
        assert_eq!(form_decode("%FF"), None);
    }
}
