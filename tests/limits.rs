//! Limits of the machine and odd input: records larger than their buffer, few descriptors, very many of everything,
//! names that are no text, and files that change while they are read.
//!
//! What takes minutes or gigabytes runs when `MRSTREAM_TEST_LARGE` is set.

use crate::harness::{JobDir, say};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A reducer that says, behind all that it passes on, what the most memory was that mr-stream had in use.
const PEAK: &str = "cat; grep VmHWM: /proc/$PPID/status\n";

const MIB: usize = 1 << 20;

fn lines_in(bytes: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', bytes).count()
}

/// Whether a test that takes long is left out.
fn skip_large(what: &str) -> bool {
    let skip = std::env::var_os("MRSTREAM_TEST_LARGE").is_none();
    if skip {
        say(&format!("SKIPPED without MRSTREAM_TEST_LARGE: {what}"));
    }
    skip
}

/// Runs a job over `in` whose reducer is [`PEAK`]; returns the output and the peak in bytes.
fn run_for_peak(dir: &JobDir, budget: usize, more: &str) -> (Vec<u8>, usize) {
    dir.script("peak.sh", &format!("#!/bin/sh\n{PEAK}"));
    let reducer = dir.path("peak.sh");
    let job = format!("-input in -output out -mapper cat -reducer {}", reducer.display());
    dir.run(&format!("-D mrstream.memory.bytes={budget} {more} {job}")).expect_code(0);
    dir.assert_clean();
    peak_of(dir.parts_joined())
}

/// Takes what [`PEAK`] says off an output.
fn peak_of(mut output: Vec<u8>) -> (Vec<u8>, usize) {
    let line = output.windows(6).rposition(|bytes| bytes == b"VmHWM:").unwrap();
    let said = String::from_utf8(output.split_off(line)).unwrap();
    let kib = said.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap();
    (output, kib << 10)
}

/// A long line goes through a job in little more memory than it takes itself.
#[test]
fn a_long_line_is_in_memory_once() {
    let check = |name: &str, line: &[u8], more: &str, peak_max: usize| {
        let dir = JobDir::new();
        dir.write("in/a.txt", [line, b"\n"].concat()).write("in/b.txt", "b\tx\n".repeat(100));
        let (output, peak) = run_for_peak(&dir, 64 * MIB, more);
        let tab = usize::from(!line.contains(&b'\t'));
        assert_eq!(output.len(), line.len() + tab + 1 + 400, "{name}");
        assert!(peak < peak_max, "{name}: {} MB in use, {} at most", peak / MIB, peak_max / MIB);
    };
    let key = vec![b'x'; 48 * MIB];
    let value = [b"k\t".to_vec(), vec![b'x'; 48 * MIB]].concat();
    for more in ["", "-combiner cat", "-D mapreduce.job.reduces=3"] {
        check(more, &key, more, 80 * MIB);
        check(more, &value, more, 80 * MIB);
    }
}

/// A record that must be in memory as one, in whatever way it is read and written.
#[test]
fn a_record_beyond_all_memory_is_named() {
    let check = |more: &str, says: &[&str]| {
        let dir = JobDir::new();
        dir.write("in/a.txt", [b"short\n".to_vec(), vec![b'x'; 3 * MIB]].concat());
        let job =
            format!("-D mrstream.memory.bytes=1048576 {more} -input in -output out -mapper cat -reducer cat");
        let output = dir.run(&job).expect_code(1).expect_stderr(says);
        let output = output.expect_stderr(&["in/a.txt", "byte 6", "mrstream.memory.mb", "_m_000000_0"]);
        assert!(!output.stderr.contains("panicked"), "{}", output.report());
        dir.assert_no_output();
    };
    let too_large = "bytes that one record may have";
    check("", &[too_large]);
    check("-combiner cat", &[too_large]);
    check("-D mapreduce.job.reduces=0 -D stream.map.output.field.separator=,", &[too_large]);
    check("-D mapreduce.job.reduces=0 -D stream.map.output=keyonlytext", &[too_large]);
    let unread = "in/a.txt: the record at byte 6 has ";
    check("-D mapreduce.job.reduces=0 -D stream.map.input.ignoreKey=false", &[unread]);
    check("-inputformat org.apache.hadoop.mapred.KeyValueTextInputFormat", &[unread]);
}

/// A sequence file of one record of texts, its value so long.
fn sequence_file(value: &[u8]) -> Vec<u8> {
    // A number of four bytes, as `WritableUtils.writeVInt` has it.
    let value = [&[0x8c][..], &(value.len() as u32).to_be_bytes(), value].concat();
    sequence_file_of(b"\x19org.apache.hadoop.io.Text", &value)
}

/// The same with a value of bytes.
fn sequence_file_of_bytes(value: &[u8]) -> Vec<u8> {
    let value = [&(value.len() as u32).to_be_bytes()[..], value].concat();
    sequence_file_of(b"\x22org.apache.hadoop.io.BytesWritable", &value)
}

fn sequence_file_of(value_class: &[u8], value: &[u8]) -> Vec<u8> {
    let class = b"\x19org.apache.hadoop.io.Text";
    let header = [&b"SEQ\x06"[..], class, value_class, b"\0\0\0\0\0\0", b"0123456789abcdef"].concat();
    let key = b"\x01k";
    let lengths = [(key.len() + value.len()) as u32, key.len() as u32].map(u32::to_be_bytes).concat();
    [&header, &lengths, &key[..], value].concat()
}

/// Records that do not pass through in pieces are in memory several times on their way, and the budget holds all the
/// same: one that is too long for that is an error.
#[test]
fn a_record_of_any_kind_stays_within_the_budget() {
    const BUDGET: usize = 32 * MIB;
    const MAPPER_WRITES: &str = "-mapper written";
    type Make = fn(&[u8]) -> Vec<u8>;
    const AS_TEXT: &str = "-inputformat SequenceFileAsTextInputFormat";
    let kinds: [(&str, Make); 10] = [
        ("-D textinputformat.record.delimiter=#", |long| [b"k\t", long, b"#a#"].concat()),
        ("-D stream.map.input.ignoreKey=false", |long| [long, b"\na\n"].concat()),
        ("-inputformat KeyValueTextInputFormat", |long| [b"k\t", long, b"\na\n"].concat()),
        ("-inputreader org.apache.hadoop.streaming.StreamXmlRecordReader,begin=<p>,end=</p>", |long| {
            [b"<p>", long, b"</p>"].concat()
        }),
        ("-inputformat org.apache.hadoop.mapred.FixedLengthInputFormat", <[u8]>::to_vec),
        ("-inputformat SequenceFileInputFormat", sequence_file),
        (AS_TEXT, sequence_file),
        (AS_TEXT, sequence_file_of_bytes),
        ("-mapper written -D stream.map.output=rawbytes", |long| {
            [b"\0\0\0\x01k", &(long.len() as u32).to_be_bytes()[..], long].concat()
        }),
        ("-mapper written -D stream.map.output=typedbytes -D stream.reduce.input=rawbytes", |long| {
            [b"\x07\0\0\0\x01k\x07", &(long.len() as u32).to_be_bytes()[..], long].concat()
        }),
    ];
    for (more, make) in kinds {
        // As it is stored, as text, and three more; bytes are written with two digits and a blank each.
        let limit = BUDGET / if more == AS_TEXT { 5 } else { 4 };
        let longest = if make(b"").windows(5).any(|name| name == b"Bytes") { limit / 3 } else { limit };
        for (bytes, fits) in [(longest - MIB, true), (longest + MIB, false)] {
            let (dir, data) = (JobDir::new(), make(&vec![b'x'; bytes]));
            let more = format!("-D fixedlengthinputformat.record.length={bytes} {more}");
            let more = if more.contains(MAPPER_WRITES) {
                dir.write("in/a.txt", "a\n").write("written", data);
                more.replace(MAPPER_WRITES, "")
            } else {
                dir.write("in/a.txt", data).write("written", "");
                more
            };
            let writes = dir.path("written").display().to_string();
            dir.script("map.sh", &format!("#!/bin/sh\n[ -s {writes} ] && exec cat {writes}\nexec cat\n"));
            dir.script("peak.sh", &format!("#!/bin/sh\n{PEAK}"));
            let [mapper, reducer] = ["map.sh", "peak.sh"].map(|name| dir.path(name).display().to_string());
            let output = dir.run(&format!(
                "-D mrstream.memory.bytes={BUDGET} {more} -input in -output out -mapper {mapper} -reducer {reducer}"
            ));
            if !fits {
                let output = output.expect_code(1).expect_stderr(&["mrstream.memory.mb", "m_000000_0"]);
                output.expect_stderr(&[&limit.to_string(), "in/a.txt", "byte"]);
                dir.assert_no_output();
                continue;
            }
            output.expect_code(0);
            let (output, peak) = peak_of(dir.parts_joined());
            assert!(output.len() > bytes, "{more}: {} bytes", output.len());
            assert!(peak < BUDGET + 16 * MIB, "{more}: {} MB in use", peak / MIB);
        }
    }
}

/// Memory that the system does not give is an error too, and no end by a signal.
#[test]
fn refused_memory_is_an_error() {
    for more in ["", "-combiner cat", "-D mapreduce.job.reduces=0 -D stream.map.output=keyonlytext"] {
        let dir = JobDir::new();
        dir.write("in/a.txt", vec![b'x'; 200 * MIB]);
        let words =
            format!("-D mrstream.memory.mb=4000 {more} -input in -output out -mapper cat -reducer cat");
        let words: Vec<&str> = words.split_whitespace().collect();
        let output = dir.command(&words).after("ulimit -v 250000;").run().expect_code(1);
        let output = output.expect_stderr(&["memory"]);
        assert!(!output.stderr.contains("panicked"), "{}", output.report());
        dir.assert_no_output();
    }
}

/// A control group of our own with so little memory, if we may make one. Removed at the end.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    fn create(bytes: usize) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        groups.lines().find_map(|line| {
            let (root, limit, ours) = match line.split(':').collect::<Vec<_>>()[..] {
                [_, "memory", ours] => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", ours),
                [_, "", ours] => ("/sys/fs/cgroup", "memory.max", ours),
                _ => return None,
            };
            let name = format!("mr-test-{}", std::process::id());
            let group = Self(Path::new(root).join(ours.trim_start_matches('/')).join(name));
            fs::create_dir(&group.0).ok()?;
            // It is there if this is a control group at all.
            let mut limit = fs::OpenOptions::new().write(true).open(group.0.join(limit)).ok()?;
            limit.write_all(bytes.to_string().as_bytes()).is_ok().then_some(group)
        })
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // One that was not made is not there.
        fs::remove_dir(&self.0).ok();
    }
}

/// More input than a control group has memory: it is asked for its limit, and nothing is killed.
#[test]
fn a_control_group_with_little_memory() {
    let Some(group) = MemoryGroup::create(48 * MIB) else {
        say("SKIPPED for want of a control group that may be divided: a_control_group_with_little_memory");
        return;
    };
    let dir = JobDir::new();
    let line = |number: u32| format!("{:010}\t{number}\n", number.wrapping_mul(2_654_435_761));
    let mut lines: Vec<String> = (0..3_000_000).map(line).collect();
    dir.write("in/a.txt", lines.concat());
    let enter = format!("echo $$ > {}/cgroup.procs;", group.0.display());
    let args = ["-input", "in", "-output", "out", "-mapper", "cat", "-reducer", "cat"];
    dir.command(&args).after(&enter).run().expect_code(0);
    lines.sort();
    assert!(dir.parts_joined() == lines.concat().as_bytes());
    dir.assert_clean();
}

/// So many spills that their files cannot all be open, through a job that may open very few.
#[test]
fn few_descriptors_are_enough() {
    let line = |number: u32| format!("{}\t{number}\n", number.wrapping_mul(2_654_435_761));
    let mut expect: Vec<String> = (0..30_000).map(line).collect();
    for (limit, more) in [
        (64, "-reducer cat"),
        (64, "-reducer cat -D mapreduce.job.reduces=20 -D mrstream.map.slots=16 -D mrstream.reduce.slots=16"),
        (64, "-reducer cat -combiner cat -D mapreduce.job.reduces=3"),
        (64, "-D mapreduce.job.reduces=0"),
        (256, "-reducer cat -D mrstream.map.slots=64"),
    ] {
        let dir = JobDir::new();
        for (part, lines) in expect.chunks(expect.len() / 40).enumerate() {
            dir.write(&format!("in/{part:02}"), lines.concat());
        }
        let words = format!("-D mrstream.memory.bytes=65536 {more} -input in -output out -mapper cat");
        let words: Vec<&str> = words.split_whitespace().collect();
        dir.command(&words).after(&format!("ulimit -n {limit};")).run().expect_code(0);
        let output = String::from_utf8(dir.parts_joined()).unwrap();
        let mut lines: Vec<String> = output.split_inclusive('\n').map(str::to_owned).collect();
        if more == "-reducer cat" {
            assert!(lines.is_sorted_by_key(|line| line.split('\t').next().map(str::to_owned)), "{more}");
        }
        lines.sort();
        expect.sort();
        assert!(lines == expect, "{limit} {more}: {} lines", lines.len());
        dir.assert_clean();
    }
}

/// The mapper that changes the file it reads, once it has read it.
const CHANGER: &str = "#!/bin/sh\ncat\ncase $1 in\n\
    truncate) : > \"$2\" ;;\n\
    grow) echo more >> \"$2\" ;;\n\
    rewrite) printf 'ONE\\nTWO\\n' > \"$2\" ;;\n\
    replace) cp \"$2\" \"$2\".new && mv \"$2\".new \"$2\" ;;\n\
    delete) rm \"$2\" ;;\nesac\n";

#[test]
fn input_that_changes_while_it_is_read() {
    for (act, says) in [
        ("truncate", "it had 8 bytes and has 0"),
        ("grow", "it had 8 bytes and has 13"),
        ("rewrite", "it was written to"),
        ("replace", "another file is in its place"),
        ("delete", "it is gone"),
        ("nothing", ""),
    ] {
        for reduces in ["0", "1"] {
            let dir = JobDir::new();
            dir.write("in/a.txt", "one\ntwo\n").script("change.sh", CHANGER);
            let mapper = format!("change.sh {act} {}", dir.path("in/a.txt").display());
            let reduces = format!("mapreduce.job.reduces={reduces}");
            let job =
                ["-D", &reduces, "-input", "in", "-output", "out", "-mapper", &mapper, "-file", "change.sh"];
            let output = dir.command(&job).run();
            if says.is_empty() {
                output.expect_code(0);
                continue;
            }
            let named = "in/a.txt changed since the job was planned: ";
            output.expect_code(1).expect_stderr(&[named, says, "bytes 0 to 8"]);
            dir.assert_no_output();
        }
    }
}

/// The file changes between two tasks, so that the second would read other bytes than the first did.
#[test]
fn input_that_changes_between_tasks() {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\ntwo\nthree\nfour\n").script(
        "change.sh",
        "#!/bin/sh\nread first\ncat > /dev/null\n[ \"$first\" != one ] || echo more >> \"$1\"\n",
    );
    let mapper = format!("change.sh {}", dir.path("in/a.txt").display());
    let split = "fs.local.block.size=10";
    let once = "mrstream.map.slots=1";
    let attempts = "mapreduce.map.maxattempts=3";
    let job = ["-D", split, "-D", once, "-D", attempts, "-input", "in", "-output", "out", "-mapper", &mapper];
    let output = dir.command(&[&job[..], &["-file", "change.sh"]].concat()).run().expect_code(1);
    output.expect_stderr(&["it had 19 bytes and has 24"]);
    dir.assert_no_output();
}

/// Bytes of a large file are changed in place while they are on their way.
#[test]
fn input_that_is_overwritten_under_way() {
    let dir = JobDir::new();
    let text = "0123456789abcde\n".repeat(1 << 18);
    dir.write("in/a.txt", &text).script(
        "change.sh",
        "#!/bin/sh\nhead -c 1000000 > /dev/null\ntr 0 1 < \"$1\" > \"$1\".new\n\
         dd if=\"$1\".new of=\"$1\" conv=notrunc bs=1M 2> /dev/null\nrm \"$1\".new\ncat\n",
    );
    let mapper = format!("change.sh {}", dir.path("in/a.txt").display());
    let job = ["-input", "in/a.txt", "-output", "out", "-mapper", &mapper, "-file", "change.sh"];
    dir.command(&job).run().expect_code(1).expect_stderr(&["in/a.txt changed", "it was written to"]);
    dir.assert_no_output();
}

#[test]
fn pipes_and_devices_are_no_input() {
    let check = |input: &str, prelude: &str, says: &str| {
        let dir = JobDir::new();
        dir.write("in/a.txt", "a\n");
        let job = ["-input", input, "-output", "out", "-mapper", "cat"];
        let output = dir.command(&job).after(prelude).run().expect_code(5);
        output.expect_stderr(&["Not a file: file:", says]);
        dir.assert_no_output();
    };
    check("in", "mkfifo in/pipe;", "in/pipe: it is a pipe;");
    check("pipe", "mkfifo pipe;", "/pipe: it is a pipe;");
    check("/dev/stdin", "mkfifo p; (echo x > p) & exec < p;", "/dev/stdin: it is a pipe;");
    check("/dev/zero", "", "/dev/zero: it is a device;");
    for (input, prelude, expect) in
        [("/dev/null", "", ""), ("/dev/stdin", "", ""), ("/dev/stdin", "exec < in/a.txt;", "a\t\n")]
    {
        let dir = JobDir::new();
        dir.write("in/a.txt", "a\n");
        let job = ["-input", input, "-output", "out", "-mapper", "cat", "-reducer", "cat"];
        dir.command(&job).after(prelude).run().expect_code(0);
        assert_eq!(String::from_utf8_lossy(&dir.parts_joined()), expect, "{input}");
    }
}

/// Names are bytes; what is in the files too.
#[test]
fn names_and_bytes_of_any_kind() {
    let bytes: Vec<u8> = (0..=255).filter(|byte| !b"\r\n\t".contains(byte)).chain(*b"\n").collect();
    let dir = JobDir::new();
    dir.write("in/plain", &bytes);
    for name in
        [&b"two words"[..], b"line\nend", b"not \xff text", b"\x1b[31m", b"\xf0\x9f\x98\x80", b"{a,b}*"]
    {
        fs::write(dir.path("in").join(OsStr::from_bytes(name)), &bytes).unwrap();
    }
    let job = ["-input", "in", "-output", "o u\nt", "-mapper", "cat", "-reducer", "cat"];
    dir.command(&job).run().expect_code(0);
    let expect = [&bytes[..bytes.len() - 1], b"\t\n"].concat().repeat(7);
    assert_eq!(dir.files("o u\nt")["part-00000"], expect);
    // The one that fails is named, and no terminal gets its escape sequence.
    let dir = JobDir::new();
    fs::create_dir(dir.path("in")).unwrap();
    fs::write(dir.path("in").join(OsStr::from_bytes(b"not \xff\x1b[31m\n text")), "x\n").unwrap();
    let output = dir.run("-input in -output out -mapper false -reducer cat").expect_code(1);
    let output = output.expect_stderr(&["in/not \u{fffd}\\u{1b}[31m\\n text:0+2"]);
    assert!(!output.stderr.contains('\x1b'), "{}", output.report());
}

#[test]
fn shipped_files_of_odd_names() {
    let dir = JobDir::new();
    dir.write("in/a.txt", "x\n").write("data/two words", "shipped\n");
    let job = ["-files", "data/two%20words", "-input", "in", "-output", "out", "-mapper", "cat 'two words'"];
    dir.command(&[&job[..], &["-reducer", "cat"]].concat()).run().expect_code(0);
    assert_eq!(dir.parts_joined(), b"shipped\t\n");
}

#[test]
fn empty_input_of_every_kind() {
    let check = |make: &str, expect_parts: usize| {
        let dir = JobDir::new();
        dir.write("in/.hidden", "");
        if !make.is_empty() {
            dir.write(make, "");
        }
        for (out, more) in [("maps", "-D mapreduce.job.reduces=0"), ("reduces", "-D mapreduce.job.reduces=3")]
        {
            dir.run(&format!("{more} -input in -output {out} -mapper cat -reducer cat")).expect_code(0);
            let files = dir.files(out);
            assert!(files.values().all(Vec::is_empty), "{make} {out}");
            let parts = files.keys().filter(|name| name.starts_with("part-")).count();
            assert_eq!(parts, if out == "maps" { expect_parts } else { 3 }, "{make} {out}");
        }
    };
    check("", 0);
    check("in/empty", 1);
}

#[test]
fn a_hundred_thousand_splits() {
    if skip_large("a_hundred_thousand_splits") {
        return;
    }
    for (more, records) in [("-D mapreduce.job.reduces=0", 100_000), ("-D mapreduce.job.reduces=2", 100_000)]
    {
        let dir = JobDir::new();
        let lines = (0..records).fold(String::new(), |mut text, number| {
            let _ = writeln!(text, "{number:07}\t");
            text
        });
        dir.write("in/a.txt", &lines);
        let identity = "org.apache.hadoop.mapred.lib.IdentityMapper";
        let job = "-inputformat org.apache.hadoop.mapred.TextInputFormat -input in -output out";
        dir.run(&format!("-D fs.local.block.size=9 {more} {job} -mapper {identity}")).expect_code(0);
        assert_eq!(lines_in(&dir.parts_joined()), records, "{more}");
        dir.assert_clean();
    }
}

#[test]
fn ten_thousand_reduces() {
    if skip_large("ten_thousand_reduces") {
        return;
    }
    let dir = JobDir::new();
    let lines = (0..200_000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{number}\tx");
        text
    });
    dir.write("in/a.txt", &lines);
    let budget = "-D mrstream.memory.bytes=4194304 -D mapreduce.job.reduces=10000";
    dir.run(&format!("{budget} -input in -output out -mapper cat -reducer cat")).expect_code(0);
    assert_eq!(dir.parts_joined().len(), lines.len());
    assert_eq!(dir.files("out").len(), 10_001);
    dir.assert_clean();
}

#[test]
fn a_hundred_thousand_files() {
    if skip_large("a_hundred_thousand_files") {
        return;
    }
    let dir = JobDir::new();
    for number in 0..100_000 {
        dir.write(&format!("in/{number}"), format!("{number}\t\n"));
    }
    let format = "org.apache.hadoop.mapred.lib.CombineTextInputFormat";
    dir.run(&format!("-inputformat {format} -input in -output out -mapper cat -reducer cat")).expect_code(0);
    assert_eq!(lines_in(&dir.parts_joined()), 100_000);
}

#[test]
fn a_line_of_a_gigabyte() {
    if skip_large("a_line_of_a_gigabyte") {
        return;
    }
    let line = vec![b'x'; 1 << 30];
    for (budget, more, peak_max) in [(1200, "", 1300), (1200, "-combiner cat", 1300)] {
        let dir = JobDir::new();
        dir.write("in/a.txt", &line);
        let (output, peak) = run_for_peak(&dir, budget * MIB, more);
        assert_eq!(output.len(), line.len() + 2, "{more}");
        assert!(peak < peak_max * MIB, "{more}: {} MB in use", peak / MIB);
    }
    // Without reducers a line of any length passes through.
    let dir = JobDir::new();
    dir.write("in/a.txt", &line);
    dir.run("-D mrstream.memory.bytes=1048576 -D mapreduce.job.reduces=0 -input in -output out -mapper cat")
        .expect_code(0);
    assert_eq!(dir.parts_joined().len(), line.len() + 2);
}
