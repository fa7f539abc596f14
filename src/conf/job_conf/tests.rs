//! Whole jobs from options and properties.

use super::super::options::StreamOptions;
use super::super::resolve::resolve;
use super::*;
use crate::codec::Codec;
use crate::plan::{
    BuiltIn, Encoding, FieldSelection, KeepPlace, KeySpec, OutputFormat, PartitionerSpec, SelectedFields,
    StreamSplits, XmlReaderSpec,
};
use crate::writable::WritableKind;

/// A job of `-mapper cat -reducer cat -numReduceTasks 2`, changed.
fn job_with(set: &[(&str, &str)], change: impl Fn(&mut StreamOptions)) -> Result<JobConf, ConfError> {
    let own = |text: &str| Some(text.to_owned());
    let mut options = StreamOptions {
        inputs: vec!["in".into()],
        output: own("out"),
        mapper: own("cat"),
        reducer: own("cat"),
        num_reduce_tasks: own("2"),
        properties: set.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect(),
        ..StreamOptions::default()
    };
    change(&mut options);
    resolve(&options, &HostFacts::example()).map(|(job, _)| job)
}

fn job(set: &[(&str, &str)]) -> JobConf {
    job_with(set, |_| ()).unwrap()
}

fn check_error(set: &[(&str, &str)], change: impl Fn(&mut StreamOptions), expect: &str) {
    let error = job_with(set, change).unwrap_err();
    let error = crate::error::chain(&error);
    assert!(error.starts_with(expect), "{error}");
}

#[test]
fn a_plain_job_has_hadoops_defaults() {
    let job = job(&[]);
    assert_eq!((job.inputs, job.reduces), (vec!["/start/in".to_owned()], 2));
    assert_eq!((job.mapper, job.combiner), (ProcessorChoice::Command("cat".into()), None));
    let stream = StreamSpec {
        input: Encoding::Text,
        output: Encoding::Text,
        input_separator: b"\t".to_vec(),
        output_separator: b"\t".to_vec(),
        key_fields: 1,
        ignore_key: true,
    };
    assert_eq!(job.map_stream, stream);
    assert_eq!(job.reduce_stream, StreamSpec { ignore_key: false, ..stream });
    let split = SplitSpec {
        recursive: false,
        ignore_subdirs: false,
        maps_hint: None,
        bytes_min: 1,
        block_bytes: None,
        combine_bytes_max: 0,
        combine_bytes_min_node: 0,
        combine_bytes_min_rack: 0,
        lines_per_map: 1,
        streams: StreamSplits::Whole,
    };
    assert_eq!(job.split, split);
    assert_eq!(job.input.format, InputFormat::Text);
    assert_eq!(job.input.line_bytes_max, i32::MAX as u64);
    assert_eq!((job.shuffle.key_kind, job.shuffle.value_kind), (WritableKind::Text, WritableKind::Text));
    assert_eq!((job.shuffle.order, job.shuffle.partitioner), (KeyOrderSpec::Natural, PartitionerSpec::Hash));
    assert_eq!(job.shuffle.combine_spills_min, 3);
    assert_eq!((job.output.dir.to_str(), job.output.shown.as_str()), (Some("/start/out"), "out"));
    assert!(job.output.success_marker && job.output.codec.is_none() && !job.output.lazy);
    assert!(job.children.non_zero_exit_is_failure);
    assert_eq!(job.children.join_delay_ms, None);
    assert_eq!(job.children.reporter_prefix, "reporter:");
    assert_eq!((job.resources.memory_bytes, job.resources.map_slots), (256 << 20, 4));
    assert_eq!(job.resources.local_dirs, [PathBuf::from("/tmp")]);
    let retries = RetrySpec {
        map_attempts_max: None,
        reduce_attempts_max: None,
        map_failures_percent_max: 0,
        reduce_failures_percent_max: 0,
        task_timeout_ms: None,
    };
    assert_eq!((job.retries, job.skip), (retries, None));
    assert_eq!(job.keep_failed, KeepSpec { place: KeepPlace::Last, bytes_max: 64 << 20 });
    assert_eq!(job.counter_limits.counters_max, 120);
}

#[test]
fn failed_attempts_are_kept_where_the_user_says() {
    for (given, place) in [
        ("none", KeepPlace::Nowhere),
        ("last", KeepPlace::Last),
        ("a/b", KeepPlace::Below("/start/a/b".into())),
    ] {
        // The option wins over the property.
        let other = ("mrstream.keep.failed", "other");
        let job = job_with(&[other], |o| o.keep_failed = Some(given.into())).unwrap();
        assert_eq!(job.keep_failed.place, place);
    }
}

#[test]
fn input_settings_are_read() {
    let job = job(&[
        ("mapred.input.dir.recursive", "true"),
        ("mapred.min.split.size", "0x10"),
        ("mapred.map.tasks", "7"),
        ("dfs.block.size", "64k"),
        ("textinputformat.record.delimiter", ";;"),
        ("mapreduce.input.linerecordreader.line.maxlength", "10"),
        ("key.value.separator.in.input.line", "::"),
        ("mapreduce.input.fileinputformat.inputdir", "more,a\\,b"),
    ]);
    assert!(job.split.recursive);
    assert_eq!(
        (job.split.bytes_min, job.split.maps_hint, job.split.block_bytes),
        (16, Some(7), Some(65_536))
    );
    assert_eq!(job.input.record_delimiter.as_deref(), Some(&b";;"[..]));
    assert_eq!((job.input.line_bytes_max, job.input.key_value_separator), (10, b':'));
    assert_eq!(job.inputs, ["/start/more", "/start/a,b", "/start/in"]);
}

#[test]
fn formats_are_known_by_class() {
    let check = |class: &str, format: InputFormat, ignore_key: bool| {
        let set = [("textinputformat.record.delimiter", ";"), ("fixedlengthinputformat.record.length", "4")];
        let job = job_with(&set, |o| o.input_format = Some(class.into())).unwrap();
        assert_eq!((job.input.format, job.map_stream.ignore_key), (format, ignore_key), "{class}");
        let has_delimiter = !matches!(format, InputFormat::KeyValueText | InputFormat::NLine);
        assert_eq!(job.input.record_delimiter.is_some(), has_delimiter, "{class}");
    };
    check("org.apache.hadoop.mapred.TextInputFormat", InputFormat::Text, true);
    check("KeyValueTextInputFormat", InputFormat::KeyValueText, false);
    check("StreamInputFormat", InputFormat::KeyValueText, false);
    check("org.apache.hadoop.mapred.lib.NLineInputFormat", InputFormat::NLine, false);
    check("org.apache.hadoop.mapred.lib.CombineTextInputFormat", InputFormat::CombineText, false);
    check("AutoInputFormat", InputFormat::Auto, false);
    check("org.apache.hadoop.mapred.FixedLengthInputFormat", InputFormat::FixedLength, false);
    let fixed = |o: &mut StreamOptions| {
        o.input_format = Some("org.apache.hadoop.mapred.FixedLengthInputFormat".into());
    };
    check_error(
        &[],
        fixed,
        "property fixedlengthinputformat.record.length = \"0\" (default): expected a number of 1",
    );
    let unknown = |o: &mut StreamOptions| {
        o.input_format = Some("org.apache.hadoop.mapred.lib.DelegatingInputFormat".into());
    };
    check_error(
        &[],
        unknown,
        "-inputformat: class org.apache.hadoop.mapred.lib.DelegatingInputFormat of Hadoop is not",
    );
}

#[test]
fn an_xml_reader_is_set_up() {
    let with = |spec: &str| job_with(&[], |o| o.input_reader = Some(spec.into()));
    let job = with("StreamXmlRecordReader,begin=<b id=\"4\",end=</b>,slowmatch=true,maxrec=10").unwrap();
    let expect = XmlReaderSpec {
        begin: "<b id=\"4\"".into(),
        end: "</b>".into(),
        slow_match: true,
        record_bytes_max: 10,
        look_ahead_bytes: 20,
    };
    assert_eq!(job.input.xml_reader, Some(expect));
    assert!(!job.map_stream.ignore_key);
    let error = with("StreamXmlRecordReader,begin=<b>").unwrap_err().to_string();
    assert!(error.starts_with("property stream.recordreader.end = \"\""), "{error}");
    assert!(with("NoSuchReader").unwrap_err().to_string().starts_with("-inputreader: class not found"));
}

#[test]
fn processors_are_commands_or_built_in() {
    let mapper = |given: &str| job_with(&[], |o| o.mapper = Some(given.into())).unwrap().mapper;
    assert_eq!(mapper("awk '{n+=$1}' é"), ProcessorChoice::Command("awk '{n+=$1}' é".into()));
    assert_eq!(mapper("org.apache.hadoop.mapred.lib.IdentityMapper"), ProcessorChoice::Identity);
    assert_eq!(mapper(""), ProcessorChoice::Command(String::new()));
    let job = job_with(&[], |o| (o.mapper, o.combiner) = (None, Some("uniq".into()))).unwrap();
    assert_eq!(
        (job.mapper, job.combiner),
        (ProcessorChoice::Identity, Some(ProcessorChoice::Command("uniq".into())))
    );
    let reducer = |given: &str| job_with(&[], |o| o.reducer = Some(given.into())).unwrap().reducer;
    assert_eq!(reducer("IdentityReducer"), ProcessorChoice::Command("IdentityReducer".into()));
    assert_eq!(reducer(""), ProcessorChoice::Identity);
    let map_only =
        job_with(&[], |o| (o.reducer, o.combiner) = (Some("NONE".into()), Some("x".into()))).unwrap();
    assert_eq!((map_only.reducer, map_only.combiner), (ProcessorChoice::Identity, None));
}

/// A class of Hadoop's own as mapper, combiner and reducer, as far as it can be.
fn job_of_class(set: &[(&str, &str)], role: &str, class: &str) -> Result<JobConf, ConfError> {
    let class = format!("org.apache.hadoop.mapred.lib.{class}");
    job_with(set, |o| match role {
        "mapper" => o.mapper = Some(class.clone()),
        "combiner" => o.combiner = Some(class.clone()),
        _ => o.reducer = Some(class.clone()),
    })
}

#[test]
fn built_in_classes_read_their_settings() {
    let check = |set: &[(&str, &str)], role: &str, class: &str, expect: BuiltIn| {
        let job = job_of_class(set, role, class).unwrap();
        let read = match role {
            "mapper" => job.mapper,
            "combiner" => job.combiner.unwrap(),
            _ => job.reducer,
        };
        assert_eq!(read, ProcessorChoice::BuiltIn(expect), "{set:?} {role} {class}");
    };
    check(&[], "mapper", "InverseMapper", BuiltIn::Inverse);
    check(&[], "mapper", "TokenCountMapper", BuiltIn::TokenCount);
    check(&[], "combiner", "LongSumReducer", BuiltIn::LongSum);
    check(&[], "mapper", "aggregate.ValueAggregatorMapper", BuiltIn::AggregateMapper);
    let regex = BuiltIn::Regex { pattern: "(a)b".into(), group: 1 };
    check(
        &[("mapred.mapper.regex", "(a)b"), ("mapred.mapper.regex.group", "1")],
        "mapper",
        "RegexMapper",
        regex,
    );

    let reducer = |unique_values_max| BuiltIn::AggregateReducer { unique_values_max };
    let limit = |limit| [("aggregate.max.num.unique.values", limit)];
    check(&limit("4"), "reducer", "aggregate.ValueAggregatorReducer", reducer(4));
    check(&limit("-4"), "reducer", "aggregate.ValueAggregatorReducer", reducer(i64::MAX as u64));
    check(&[], "combiner", "aggregate.ValueAggregatorReducer", reducer(i64::MAX as u64));
    // Hadoop: ValueAggregatorCombiner.configure reads nothing.
    let combiner = |unique_values_max| BuiltIn::AggregateCombiner { unique_values_max };
    check(&limit("4"), "combiner", "aggregate.ValueAggregatorCombiner", combiner(i64::MAX as u64));
    let [limit] = limit("4");
    let mapper = ("mapred.mapper.class", "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorMapper");
    let both = job_with(&[limit, mapper], |o| (o.mapper, o.reducer) = (None, Some("aggregate".into())));
    let both = both.unwrap();
    assert_eq!(both.combiner, Some(ProcessorChoice::BuiltIn(combiner(4))));
    assert_eq!(both.reducer, ProcessorChoice::BuiltIn(reducer(4)));
}

#[test]
fn field_selection_reads_the_spec_of_its_role() {
    const CLASS: &str = "FieldSelectionMapReduce";
    let set = [
        ("mapreduce.fieldsel.map.output.key.value.fields.spec", "1:0"),
        ("reduce.output.key.value.fields.spec", "0:2-"),
        ("mapred.data.field.separator", "[,;]"),
    ];
    let selection = |spec: &str, ignore_key| {
        let fields = SelectedFields::parse(spec).unwrap();
        ProcessorChoice::BuiltIn(BuiltIn::FieldSelection(FieldSelection {
            separator: "[,;]".into(),
            ignore_key,
            fields,
        }))
    };
    assert_eq!(job_of_class(&set, "mapper", CLASS).unwrap().mapper, selection("1:0", true));
    assert_eq!(job_of_class(&set, "reducer", CLASS).unwrap().reducer, selection("0:2-", true));
    let class = format!("org.apache.hadoop.mapred.lib.{CLASS}");
    let key_value = job_with(&set, |o| {
        (o.mapper, o.input_format) = (Some(class.clone()), Some("KeyValueTextInputFormat".into()));
    });
    assert_eq!(key_value.unwrap().mapper, selection("1:0", false));
    let default = job_of_class(&[], "mapper", CLASS).unwrap().mapper;
    let ProcessorChoice::BuiltIn(BuiltIn::FieldSelection(default)) = default else { panic!("{default:?}") };
    assert_eq!((default.separator.as_str(), default.fields), ("\t", SelectedFields::default()));
}

#[test]
fn bad_settings_of_built_in_classes_are_named() {
    let check = |set: &[(&str, &str)], role: &str, class: &str, expect: &str| {
        let error = job_of_class(set, role, class).unwrap_err();
        let error = crate::error::chain(&error);
        assert!(error.starts_with(expect), "{error}");
    };
    let name = "mapreduce.mapper.regex";
    check(
        &[],
        "mapper",
        "RegexMapper",
        "property mapreduce.mapper.regex = \"\" (default): expected the pattern",
    );
    let looking = "property mapreduce.mapper.regex = \"a(?=b)\": at letter 3: looking ahead";
    check(&[(name, "a(?=b)")], "mapper", "RegexMapper", looking);
    let group = ("mapreduce.mapper.regexmapper..group", "one");
    let expect = "property mapreduce.mapper.regexmapper..group = \"one\" (from -D): expected a whole number";
    check(&[(name, "a"), group], "mapper", "RegexMapper", expect);
    let spec = ("mapreduce.fieldsel.reduce.output.key.value.fields.spec", "0:a");
    let expect =
        "property mapreduce.fieldsel.reduce.output.key.value.fields.spec = \"0:a\" (from -D): expected";
    // Hadoop reads both specs in both roles.
    check(&[spec], "mapper", "FieldSelectionMapReduce", expect);
    let separator = ("mapreduce.fieldsel.data.field.separator", "(");
    let expect = "property mapreduce.fieldsel.data.field.separator = \"(\": not a regular expression";
    check(&[separator], "reducer", "FieldSelectionMapReduce", expect);
    let limit = ("aggregate.max.num.unique.values", "many");
    let expect = "property aggregate.max.num.unique.values = \"many\" (from -D): expected a whole number";
    check(&[limit], "reducer", "aggregate.ValueAggregatorReducer", expect);
    let expect =
        "mapred.mapper.class: class org.apache.hadoop.mapred.lib.ChainMapper of Hadoop is not built in";
    check(&[], "mapper", "ChainMapper", expect);
}

#[test]
fn kinds_follow_commands_then_properties_then_defaults() {
    use WritableKind::{Bytes, Long, Null, Text};
    let check = |set: &[(&str, &str)], change: &dyn Fn(&mut StreamOptions), expect: [WritableKind; 4]| {
        let job = job_with(set, change).unwrap();
        let [map_key, map_value, key, value] = expect;
        assert_eq!((job.shuffle.key_kind, job.shuffle.value_kind), (map_key, map_value), "{set:?}");
        assert_eq!((job.output.key_kind, job.output.value_kind), (key, value), "{set:?}");
    };
    let no_mapper = |o: &mut StreamOptions| o.mapper = None;
    check(&[], &no_mapper, [Text, Text, Text, Text]);
    let long = "org.apache.hadoop.io.LongWritable";
    check(&[("mapred.mapoutput.key.class", long)], &no_mapper, [Long, Text, Text, Text]);
    let nothing = |o: &mut StreamOptions| (o.mapper, o.reducer) = (None, Some("NONE".into()));
    check(&[], &nothing, [Long, Text, Long, Text]);
    check(&[], &|o| o.reducer = Some("NONE".into()), [Text, Text, Text, Text]);
    check(&[("stream.map.output", "rawbytes")], &|o| o.reducer = None, [Bytes, Bytes, Long, Text]);
    check(&[], &|o| o.io = Some("keyonlytext".into()), [Text, Null, Text, Null]);
}

#[test]
fn framing_hides_the_key_from_text_mappers_only() {
    let check = |set: &[(&str, &str)], io: Option<&str>, input: Encoding, ignore_key: bool| {
        let job = job_with(set, |o| o.io = io.map(Into::into)).unwrap();
        assert_eq!((job.map_stream.input, job.map_stream.ignore_key), (input, ignore_key), "{set:?} {io:?}");
    };
    check(&[], Some("TypedBytes"), Encoding::TypedBytes, false);
    check(&[("stream.map.input.ignoreKey", "true")], Some("rawbytes"), Encoding::RawBytes, false);
    check(&[], Some("no-such-framing"), Encoding::Text, true);
    check(&[("stream.map.input.ignoreKey", "false")], None, Encoding::Text, false);
    check(&[("stream.map.input", "keyonlytext")], None, Encoding::KeyOnlyText, false);
}

#[test]
fn separators_are_bytes_and_empty_ones_default() {
    let job = job(&[
        ("stream.map.output.field.separator", "日"),
        ("stream.reduce.output.field.separator", ""),
        ("stream.num.map.output.key.fields", "0"),
        ("mapred.textoutputformat.separator", "::"),
    ]);
    assert_eq!((job.map_stream.output_separator, job.map_stream.key_fields), ("日".as_bytes().to_vec(), 0));
    assert_eq!((job.reduce_stream.output_separator, job.output.separator), (b"\t".to_vec(), b"::".to_vec()));
}

const COMPARATOR: (&str, &str) =
    ("mapred.output.key.comparator.class", "org.apache.hadoop.mapred.lib.KeyFieldBasedComparator");

#[test]
fn orders_are_read_when_they_matter() {
    let options = ("mapred.text.key.comparator.options", "-k2,2nr");
    let order = job(&[COMPARATOR, options, ("map.output.key.field.separator", ".")]).shuffle.order;
    let KeyOrderSpec::KeyFields { specs, separator } = order else { panic!("{order:?}") };
    assert_eq!((specs.len(), specs[0].begin_field, specs[0].numeric, separator), (1, 2, true, b".".to_vec()));
    let no_options = KeyOrderSpec::KeyFields { specs: Vec::new(), separator: b"\t".to_vec() };
    assert_eq!(job(&[COMPARATOR]).shuffle.order, no_options);
    assert_eq!(job(&[options]).shuffle.order, KeyOrderSpec::Natural);
    let bad = ("mapreduce.partition.keycomparator.options", "-kx");
    check_error(&[COMPARATOR, bad], |_| (), "property mapreduce.partition.keycomparator.options = \"-kx\": ");
    let map_only = job_with(&[COMPARATOR, bad], |o| o.num_reduce_tasks = Some("0".into())).unwrap();
    assert_eq!(map_only.shuffle.order, KeyOrderSpec::Natural);
    let unknown = ("mapreduce.job.output.key.comparator.class", "org.example.Order");
    check_error(
        &[unknown],
        |_| (),
        "mapreduce.job.output.key.comparator.class: class not found: org.example.Order",
    );
    let group = job(&[("mapred.output.value.groupfn.class", COMPARATOR.1), options]);
    assert!(matches!(group.group_order, KeyOrderSpec::KeyFields { .. }));
    assert_eq!(group.shuffle.order, KeyOrderSpec::Natural);
}

#[test]
fn comparators_of_key_classes_are_for_their_keys_only() {
    const NAME: &str = "mapreduce.job.output.key.comparator.class";
    let read = |keys: &str, comparator: &str| {
        let class = |name: &str| format!("org.apache.hadoop.{name}");
        let (keys, comparator) = (class(keys), class(comparator));
        job_with(&[("mapreduce.map.output.key.class", &keys), (NAME, &comparator)], |o| o.mapper = None)
    };
    let check = |keys: &str, comparator: &str, expect: KeyOrderSpec| {
        assert_eq!(read(keys, comparator).unwrap().shuffle.order, expect, "{keys} {comparator}");
    };
    for kind in ["Text", "LongWritable", "IntWritable", "DoubleWritable", "BooleanWritable"] {
        check(&format!("io.{kind}"), &format!("io.{kind}$Comparator"), KeyOrderSpec::Natural);
    }
    check("typedbytes.TypedBytesWritable", "io.BytesWritable$Comparator", KeyOrderSpec::Natural);
    check("io.LongWritable", "io.LongWritable$DecreasingComparator", KeyOrderSpec::Decreasing);
    for (keys, comparator, expect) in [
        (
            "io.Text",
            "io.LongWritable$Comparator",
            "cannot order the job's keys, which are org.apache.hadoop.io.Text",
        ),
        ("io.IntWritable", "io.LongWritable$DecreasingComparator", "cannot order"),
        ("io.UTF8", "io.UTF8$Comparator", "is not built in here"),
    ] {
        let error = read(keys, comparator).unwrap_err().to_string();
        assert!(error.starts_with(NAME) && error.contains(expect), "{error}");
    }
}

#[test]
fn partitioners_are_read_when_they_matter() {
    let with = |class: &str, set: &[(&str, &str)], reduces: &str| {
        let class = format!("org.apache.hadoop.mapred.lib.{class}");
        job_with(set, |o| (o.partitioner, o.num_reduce_tasks) = (Some(class.clone()), Some(reduces.into())))
    };
    let check = |class: &str, set: &[(&str, &str)], expect: PartitionerSpec| {
        assert_eq!(with(class, set, "2").unwrap().shuffle.partitioner, expect, "{class} {set:?}");
    };
    let tab = b"\t".to_vec();
    let fields = |specs: Vec<KeySpec>| PartitionerSpec::KeyFields { specs, separator: tab.clone() };
    check("HashPartitioner", &[], PartitionerSpec::Hash);
    check("KeyFieldBasedPartitioner", &[], fields(Vec::new()));
    let old = ("num.key.fields.for.partition", "2");
    let options = ("mapred.text.key.partitioner.options", "-k1,1");
    check("KeyFieldBasedPartitioner", &[old, options], fields(KeySpec::first_fields(2)));
    check("KeyFieldBasedPartitioner", &[options], fields(KeySpec::first_fields(1)));
    let left = ("mapred.binary.partitioner.left.offset", "-3");
    check("BinaryPartitioner", &[left], PartitionerSpec::Binary { left: -3, right: -1 });
    let bad = ("mapred.text.key.partitioner.options", "-kx");
    assert!(with("KeyFieldBasedPartitioner", &[bad], "2").is_err());
    assert_eq!(
        with("KeyFieldBasedPartitioner", &[bad], "1").unwrap().shuffle.partitioner,
        PartitionerSpec::Hash
    );
    let total =
        with("TotalOrderPartitioner", &[("mapreduce.totalorderpartitioner.path", "c/cuts")], "3").unwrap();
    let file =
        TotalOrderFile { path: "/start/c/cuts".into(), given: "c/cuts".into(), sampled_if_missing: false };
    assert_eq!(total.total_order, Some(file));
    let by_bytes = |by_bytes| PartitionerSpec::TotalOrder { cuts: Vec::new(), by_bytes };
    assert_eq!(total.shuffle.partitioner, by_bytes(true));
    let own_order = ("mapreduce.totalorderpartitioner.naturalorder", "false");
    check("TotalOrderPartitioner", &[own_order], by_bytes(false));
    let long = ("mapreduce.map.output.key.class", "org.apache.hadoop.io.LongWritable");
    let no_mapper = job_with(&[long], |o| {
        (o.mapper, o.partitioner) = (None, Some("org.apache.hadoop.mapred.lib.TotalOrderPartitioner".into()));
    });
    assert_eq!(no_mapper.unwrap().shuffle.partitioner, by_bytes(false));
}

#[test]
fn output_formats_and_compression_are_read() {
    const COMPRESS: (&str, &str) = ("mapred.output.compress", "true");
    let check = |format: Option<&str>, set: &[(&str, &str)], expect: (OutputFormat, Option<Codec>, bool)| {
        let class = format.map(|name| format!("org.apache.hadoop.mapred.{name}"));
        let output = job_with(set, |o| o.output_format.clone_from(&class)).unwrap().output;
        assert_eq!((output.format, output.codec, output.block_compressed), expect, "{format:?} {set:?}");
    };
    let gzip = ("mapred.output.compression.codec", "org.apache.hadoop.io.compress.GzipCodec");
    let kind = |kind| ("mapred.output.compression.type", kind);
    check(None, &[gzip], (OutputFormat::Text, None, false));
    check(None, &[COMPRESS], (OutputFormat::Text, Some(Codec::Deflate), false));
    check(None, &[COMPRESS, gzip, kind("BLOCK")], (OutputFormat::Text, Some(Codec::Gzip), false));
    let sequence = Some("SequenceFileOutputFormat");
    check(sequence, &[COMPRESS, kind("BLOCK")], (OutputFormat::SequenceFile, Some(Codec::Deflate), true));
    check(sequence, &[COMPRESS, kind("NONE")], (OutputFormat::SequenceFile, None, false));
    check(Some("lib.NullOutputFormat"), &[COMPRESS], (OutputFormat::Null, None, false));
    let sizes = |set: &[(&str, &str)]| {
        let output = job(set).output;
        (output.block_bytes, output.index_interval)
    };
    assert_eq!(sizes(&[]), (1_000_000, 128));
    assert_eq!(sizes(&[("io.seqfile.compress.blocksize", "7"), ("io.map.index.interval", "-3")]), (7, -3));
    check(None, &[("mapred.output.compress", "yes")], (OutputFormat::Text, None, false));
    let unknown = ("mapred.output.compression.codec", "org.apache.hadoop.io.compress.NoSuchCodec");
    check(None, &[unknown], (OutputFormat::Text, None, false));
    check_error(
        &[COMPRESS, unknown],
        |_| (),
        "property mapreduce.output.fileoutputformat.compress.codec = \"org.apache",
    );
    let lazy = job_with(&[("mapred.outputformat.numOfTrailingLegs", "2")], |o| o.lazy_output = true).unwrap();
    assert_eq!(
        (lazy.output.format, lazy.output.lazy, lazy.output.trailing_legs),
        (OutputFormat::Text, true, 2)
    );
}

#[test]
fn record_compressed_binary_files_are_refused() {
    // SequenceFileAsBinaryOutputFormat.checkOutputSpecs
    let check = |compress: &str, kind: &str, refused: bool| {
        let set = [
            ("mapred.output.format.class", "org.apache.hadoop.mapred.SequenceFileAsBinaryOutputFormat"),
            ("mapreduce.output.fileoutputformat.compress", compress),
            ("mapreduce.output.fileoutputformat.compress.type", kind),
        ];
        let class = |options: &mut StreamOptions| options.output_format = Some(set[0].1.to_owned());
        let result = job_with(&set, class);
        assert_eq!(matches!(result, Err(ConfError::InvalidJob { .. })), refused, "{compress} {kind}");
    };
    check("true", "RECORD", true);
    check("true", "", true);
    check("true", "BLOCK", false);
    check("true", "NONE", false);
    check("false", "RECORD", false);
}

#[test]
fn resources_and_limits_are_read() {
    let job = job(&[
        ("mrstream.memory.mb", "64"),
        ("io.sort.mb", "10"),
        ("io.sort.factor", "1"),
        ("mapreduce.local.map.tasks.maximum", "3"),
        ("mrstream.reduce.slots", "9"),
        ("mapreduce.job.running.reduce.limit", "5"),
        ("mapred.local.dir", "spill, /big "),
        ("mapred.map.max.attempts", "2"),
        ("mapred.task.timeout", "500"),
        ("mapred.skip.map.max.skip.records", "1"),
        ("stream.minRecWrittenToEnableSkip_", "0"),
        ("mapreduce.job.reduce.slowstart.completedmaps", "1.5"),
    ]);
    let resources = &job.resources;
    assert_eq!((resources.memory_bytes, resources.sort_buffer_bytes), (64 << 20, Some(10 << 20)));
    assert_eq!((resources.map_slots, resources.reduce_slots), (3, 5));
    assert_eq!(resources.local_dirs, [PathBuf::from("/start/spill"), PathBuf::from("/big")]);
    assert_eq!((job.retries.map_attempts_max, job.retries.task_timeout_ms), (Some(2), Some(500)));
    let skip = SkipSpec {
        start_after_attempts: 2,
        map_records_max: 1,
        reduce_groups_max: 0,
        dir: Some("/start/out/_logs/skip".into()),
    };
    assert_eq!(job.skip, Some(skip));
    assert_eq!((job.children.unread_allowed_after, job.shuffle.merge_width_max), (Some(0), Some(2)));
    assert!((job.slow_start - 1.0).abs() < f64::EPSILON);
    let small = HostFacts { memory_bytes: 1 << 20, ..HostFacts::example() };
    let options =
        StreamOptions { inputs: vec!["in".into()], output: Some("o".into()), ..StreamOptions::default() };
    assert_eq!(resolve(&options, &small).unwrap().0.resources.memory_bytes, 16 << 20);
}

#[test]
fn numbers_out_of_range_are_refused() {
    let check = |name: &str, text: &str, expect: &str| {
        check_error(
            &[(name, text)],
            |o| o.num_reduce_tasks = None,
            &format!("property {name} = {text:?} (from -D): {expect}"),
        );
    };
    check("mapreduce.job.reduces", "-1", "expected a number of 0 or more");
    check("mapreduce.local.map.tasks.maximum", "0", "expected a number of 1 or more");
    check("mrstream.memory.mb", "0", "expected a number of 1 or more");
    check("mapreduce.task.timeout", "10s", "expected a whole number of 64 bits");
}

/// `StreamJob`, the file system and `getSplits` have the value as it was given, tasks do not.
#[test]
fn numbers_that_hadoops_client_reads_may_not_be_empty() {
    let nline = |o: &mut StreamOptions| {
        o.input_format = Some("org.apache.hadoop.mapred.lib.NLineInputFormat".into());
    };
    let plain = |_: &mut StreamOptions| ();
    check_error(
        &[("mapred.reduce.tasks", "")],
        |o: &mut StreamOptions| o.num_reduce_tasks = None,
        "property mapreduce.job.reduces = \"\" (from -D): expected a whole number of 32 bits",
    );
    check_error(&[("mapreduce.input.fileinputformat.split.minsize", "")], plain, "property mapreduce.input");
    check_error(&[("fs.local.block.size", "")], plain, "property fs.local.block.size = \"\"");
    let lines = [("mapreduce.input.lineinputformat.linespermap", "")];
    check_error(&lines, nline, "property mapreduce.input.lineinputformat.linespermap = \"\"");
    job(&lines);
    job(&[("stream.num.map.output.key.fields", ""), ("mapreduce.job.maps", "")]);
    assert_eq!(job(&[("mapreduce.job.reduces", "")]).reduces, 2, "-numReduceTasks wins");
}
