//! A random job: what it reads, what it does, and everything that must not change its answer.

use crate::harness::Random;
use mr_stream::codec::Codec;
use std::fmt;
use std::io::Write as _;

/// Map tasks of a job at most.
const SPLITS_MAX: usize = 12;

const IDENTITY_REDUCER: &str = "org.apache.hadoop.mapred.lib.IdentityReducer";

/// One input file.
#[derive(Clone)]
pub(super) struct File {
    pub(super) text: Vec<u8>,
    pub(super) codec: Option<Codec>,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codec = self.codec.map_or("", Codec::extension);
        // Long runs of one letter are there to fill memory, not to be read.
        let text = self.text.escape_ascii().to_string().replace(&"x".repeat(50), "(50 x)");
        write!(f, "\n  {codec} {text}")
    }
}

impl File {
    pub(super) fn name(&self, number: usize) -> String {
        format!("{number:02}{}", self.codec.map_or("", Codec::extension))
    }

    /// The bytes as they are stored.
    pub(super) fn stored(&self) -> Vec<u8> {
        let Some(codec) = self.codec else { return self.text.clone() };
        let mut stored = Vec::new();
        let mut encoder = codec.encoder(Box::new(&mut stored)).unwrap();
        encoder.write_all(&self.text).unwrap();
        encoder.finish().unwrap();
        stored
    }
}

/// How files become records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    /// Text with `;` at the end of each record.
    Delimited,
    /// So many lines for a map task.
    NLine(usize),
    KeyValue,
}

/// What a task runs; none of them changes a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    Cat,
    Identity,
    /// A command whose first attempt fails.
    Flaky,
}

/// Which reduce task a key goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partition {
    Hash,
    /// By fields of the key, from the first number to the second, or to the end if that is 0.
    Fields(Option<(usize, usize)>),
}

/// Order of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) options: Option<&'static str>,
    /// Only the first field counts.
    pub(super) first_field: bool,
    pub(super) reverse: bool,
}

/// A job.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) files: Vec<File>,
    pub(super) format: Format,
    pub(super) split_bytes: usize,
    pub(super) reduces: usize,
    pub(super) mapper: Work,
    pub(super) reducer: Work,
    pub(super) combiner: Option<Work>,
    /// Separator and number of key fields of what mappers and reducers write.
    pub(super) map_output: (&'static str, usize),
    pub(super) reduce_output: (&'static str, usize),
    pub(super) reduce_input: &'static str,
    pub(super) text_output: &'static str,
    pub(super) partition: Partition,
    pub(super) order: Order,
    pub(super) codec: Option<Codec>,
    pub(super) lazy: bool,
    pub(super) memory_bytes: Option<u32>,
    pub(super) merge_width: Option<u32>,
    pub(super) slots: u64,
    pub(super) fold: &'static str,
}

const NATURAL: Order = Order { options: None, first_field: false, reverse: false };

impl Job {
    /// The job of a number.
    pub(super) fn random(random: &mut Random) -> Self {
        let ordered = random.one_in(6);
        let order = if ordered { field_order(random) } else { NATURAL };
        let format = match random.below(10) {
            _ if ordered => Format::Text,
            0 | 1 => Format::KeyValue,
            2 => Format::NLine(1 + random.below(6)),
            3 => Format::Delimited,
            _ => Format::Text,
        };
        let plain = ordered || matches!(format, Format::NLine(_));
        let files: Vec<File> = (0..=random.below(3)).map(|_| file(random, ordered, plain)).collect();
        let total: usize = files.iter().map(|file| file.text.len()).sum();
        let reduces = random.pick(&[0, 1, 1, 2, 3, 7]);
        let split_bytes = (1 + random.below(4000)) % (total + 2);
        let combiner = (reduces > 0 && random.one_in(4))
            .then(|| random.pick(&[Work::Cat, Work::Identity, Work::Identity]));
        let mapper = mapper(random, format);
        // What a combiner is given at once depends on memory, and so does the order of what it leaves. Only lines of
        // commands are folded.
        let folds: &[_] = if combiner.is_some() || ordered || mapper == Work::Identity {
            &["never"]
        } else {
            &["auto", "never", "always"]
        };
        let separators = ["\t", "\t", "\t", ".", "::"];
        let reduce_input = random.pick(&["\t", "\t", "|"]);
        let (mut map_output, mut reduce_output) = (
            (random.pick(&separators), random.pick(&[1, 1, 1, 2, 3])),
            (random.pick(&separators), random.pick(&[1, 1, 2])),
        );
        if combiner == Some(Work::Cat) {
            // With other separators `cat` moves bytes from key to value, and more so each time it is called.
            (map_output, reduce_output) = ((reduce_input, 1), (reduce_input, 1));
        }
        Self {
            files,
            format,
            split_bytes: split_bytes.max(total / SPLITS_MAX).max(1),
            reduces,
            mapper,
            reducer: random.pick(&[Work::Cat, Work::Cat, Work::Identity, Work::Flaky]),
            combiner,
            map_output,
            reduce_output,
            reduce_input,
            text_output: random.pick(&["\t", "\t", ",", " :"]),
            partition: match random.below(6) {
                0 => Partition::Fields(None),
                1 => Partition::Fields(Some(random.pick(&[(1, 1), (2, 2), (1, 2), (2, 0)]))),
                _ => Partition::Hash,
            },
            order,
            codec: random.one_in(6).then(|| codec(random)),
            lazy: random.one_in(8),
            memory_bytes: random.one_in(2).then(|| random.pick(&[8 << 10, 64 << 10])),
            merge_width: random.one_in(2).then(|| random.pick(&[2, 3, 10])),
            slots: 1 + random.below(4) as u64,
            fold: random.pick(folds),
        }
    }

    /// The words of the command line, for folders `in` and `out`.
    pub(super) fn args(&self) -> Vec<String> {
        let mut args: Vec<String> = ["-input", "in", "-output", "out"].map(str::to_owned).to_vec();
        let mut option = |name: &str, value: &str| args.extend([name.to_owned(), value.to_owned()]);
        option("-mapper", self.mapper.command("org.apache.hadoop.mapred.lib.IdentityMapper"));
        option("-reducer", self.reducer.command(IDENTITY_REDUCER));
        option("-numReduceTasks", &self.reduces.to_string());
        if let Some(combiner) = self.combiner {
            option("-combiner", combiner.command(IDENTITY_REDUCER));
        }
        match self.format {
            Format::Text | Format::Delimited => {}
            Format::NLine(_) => option("-inputformat", "org.apache.hadoop.mapred.lib.NLineInputFormat"),
            Format::KeyValue => option("-inputformat", "org.apache.hadoop.mapred.KeyValueTextInputFormat"),
        }
        if self.partition != Partition::Hash {
            option("-partitioner", "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner");
        }
        for (name, value) in self.properties() {
            option("-D", &format!("{name}={value}"));
        }
        if self.lazy {
            args.push("-lazyOutput".to_owned());
        }
        args
    }

    /// What separates the fields of a key: one byte, for with more `KeyFieldHelper` does not find their ends.
    pub(super) fn key_separator(&self) -> &'static str {
        if self.map_output.0.len() > 1 { "." } else { self.map_output.0 }
    }

    /// Whether this message refuses a record by its length, and there is one that may be longer than the memory.
    pub(super) fn refuses_long_record(&self, message: &str) -> bool {
        let ends: &[u8] = if self.format == Format::Delimited { b";" } else { b"\r\n" };
        let records = self.files.iter().flat_map(|file| file.text.split(|byte| ends.contains(byte)));
        let longest = records.map(<[u8]>::len).max().unwrap_or(0);
        let refusals = [" bytes that one record may have", " bytes or more, and one may have "];
        refusals.iter().any(|words| message.contains(words))
            && self.memory_bytes.is_some_and(|bytes| longest >= bytes as usize / 2)
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let mut set = vec![
            ("fs.local.block.size", self.split_bytes.to_string()),
            ("mapreduce.local.map.tasks.maximum", self.slots.to_string()),
            ("mapreduce.local.reduce.tasks.maximum", self.slots.to_string()),
            ("mapreduce.map.maxattempts", "2".to_owned()),
            ("mapreduce.reduce.maxattempts", "2".to_owned()),
            ("mrstream.keep.failed", "none".to_owned()),
            ("mrstream.map.output.fold", self.fold.to_owned()),
            ("stream.map.output.field.separator", self.map_output.0.to_owned()),
            ("stream.num.map.output.key.fields", self.map_output.1.to_string()),
            ("stream.reduce.input.field.separator", self.reduce_input.to_owned()),
            ("stream.reduce.output.field.separator", self.reduce_output.0.to_owned()),
            ("stream.num.reduce.output.key.fields", self.reduce_output.1.to_string()),
            ("mapreduce.output.textoutputformat.separator", self.text_output.to_owned()),
            ("mapreduce.map.output.key.field.separator", self.key_separator().to_owned()),
        ];
        match self.format {
            Format::Delimited => set.push(("textinputformat.record.delimiter", ";".to_owned())),
            Format::NLine(lines) => {
                set.push(("mapreduce.input.lineinputformat.linespermap", lines.to_string()));
                set.push(("stream.map.input.ignoreKey", "true".to_owned()));
            }
            Format::Text | Format::KeyValue => {}
        }
        if let Partition::Fields(Some((first, last))) = self.partition {
            let end = if last > 0 { format!(",{last}") } else { String::new() };
            set.push(("mapreduce.partition.keypartitioner.options", format!("-k{first}{end}")));
        }
        if let Some(options) = self.order.options {
            let class = "org.apache.hadoop.mapred.lib.KeyFieldBasedComparator";
            set.push(("mapreduce.job.output.key.comparator.class", class.to_owned()));
            set.push(("mapreduce.partition.keycomparator.options", options.to_owned()));
        }
        if self.mapper == Work::Identity {
            set.push(("mapreduce.map.output.key.class", "org.apache.hadoop.io.Text".to_owned()));
        }
        if let Some(codec) = self.codec {
            set.push(("mapreduce.output.fileoutputformat.compress", "true".to_owned()));
            set.push(("mapreduce.output.fileoutputformat.compress.codec", codec.class_name().to_owned()));
        }
        set.extend(self.memory_bytes.map(|bytes| ("mrstream.memory.bytes", bytes.to_string())));
        set.extend(self.merge_width.map(|width| ("mapreduce.task.io.sort.factor", width.to_string())));
        set
    }
}

impl Work {
    fn command(self, identity: &'static str) -> &'static str {
        match self {
            Self::Cat => "cat",
            Self::Identity => identity,
            Self::Flaky => "sh flaky.sh",
        }
    }
}

fn mapper(random: &mut Random, format: Format) -> Work {
    match format {
        Format::KeyValue if random.one_in(2) => Work::Identity,
        _ => random.pick(&[Work::Cat, Work::Cat, Work::Cat, Work::Flaky]),
    }
}

fn field_order(random: &mut Random) -> Order {
    let (options, first_field, reverse) = random.pick(&[
        ("-k1,1", true, false),
        ("-k1,1r", true, true),
        ("-k1", false, false),
        ("-k1r", false, true),
    ]);
    Order { options: Some(options), first_field, reverse }
}

fn codec(random: &mut Random) -> Codec {
    random.pick(&[Codec::Gzip, Codec::Deflate, Codec::Bzip2, Codec::Zstd, Codec::Snappy, Codec::Lz4])
}

/// A file; `words` asks for keys that are never empty, `plain` for one that is not compressed.
fn file(random: &mut Random, words: bool, plain: bool) -> File {
    let mut text = Vec::new();
    if !words && random.one_in(10) {
        text.extend_from_slice(b"\xEF\xBB\xBF");
    }
    for _ in 0..random.below(60) {
        if words {
            for _ in 0..=random.below(3) {
                text.push(random.pick(b"abc"));
                text.extend_from_slice(random.pick(&[&b"."[..], b"\t", b"", b"x"]));
            }
            text.push(b'\n');
        } else {
            piece(random, &mut text);
        }
    }
    let mut codecs = [Codec::Gzip, Codec::Deflate, Codec::Zstd, Codec::Snappy, Codec::Lz4].iter();
    let codec = if !plain && random.one_in(6) { codecs.nth(random.below(5)).copied() } else { None };
    File { text, codec }
}

/// Pieces of which inputs are made: every line end, separators, and bytes that are not text.
fn piece(random: &mut Random, text: &mut Vec<u8>) {
    match random.below(24) {
        0..4 => text.push(b'\n'),
        4 | 5 => text.extend_from_slice(b"\r\n"),
        6 => text.push(b'\r'),
        7..10 => text.push(b'\t'),
        10 => text.push(b'.'),
        11 => text.extend_from_slice(b"::"),
        12 => text.push(b';'),
        13..20 => (0..=random.below(3)).for_each(|_| text.push(random.pick(b"abc"))),
        20 => text.push(0),
        21 => text.extend_from_slice(b"\xC3\x28\xFF\x80"),
        22 => text.extend_from_slice("\u{e9}\u{20ac}\u{1f600}".as_bytes()),
        _ => text.extend(std::iter::repeat_n(b'x', 1 + random.below(3000))),
    }
}
