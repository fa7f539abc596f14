"""Random jobs: what is in a job's folder, and its command line. One seed gives one job, always the same.

Each function under `AREAS` makes jobs about one part of Hadoop Streaming; `finish` adds what any job may have.
Left out on purpose is what mr-stream does otherwise than Hadoop's local mode and says so in the README: generic
options after streaming options, mapreduce.job.maps, retries, skipping, timeouts; and whatever Hadoop leaves to chance."""
import io
import random
import re
import tarfile
import zipfile

import data
from programs import PROGRAMS

LIB = "org.apache.hadoop.mapred.lib."
MAPRED = "org.apache.hadoop.mapred."
IO = "org.apache.hadoop.io."
CODEC = "org.apache.hadoop.io.compress."
TAB = [b"\t"]
# What mr-stream does otherwise than Hadoop on purpose: the row of the README's compatibility table that says so.
BROKEN = "compressed input that breaks off, or goes on with rubbish"
CLUSTER_NUMBERS = "numbers that only a cluster reads (`mapreduce.map.maxattempts=x`, limits of counters)"
COMBINED_FRAMES = "a combiner whose classes differ from the reducer's (`-io typedbytes` map output, text reduce output)"
CONTROL = r"control characters such as `$'\x01'` in `-D` values"
BOTH_NAMES = "a property set under its older and its present name, with different values"
LIBJARS = "`-libjars`"
RELATIVE = "a relative path behind a scheme, `-conf file:c.xml`"
TOTAL_ORDER = "TotalOrderPartitioner with natural order and cut points that begin with bytes from `ff` on"

OLD_NAMES = {
    "mapreduce.job.reduces": "mapred.reduce.tasks",
    "mapreduce.output.fileoutputformat.compress": "mapred.output.compress",
    "mapreduce.output.fileoutputformat.compress.codec": "mapred.output.compression.codec",
    "mapreduce.output.fileoutputformat.compress.type": "mapred.output.compression.type",
    "mapreduce.output.textoutputformat.separator": "mapred.textoutputformat.separator",
    "mapreduce.map.output.key.field.separator": "map.output.key.field.separator",
    "mapreduce.partition.keypartitioner.options": "mapred.text.key.partitioner.options",
    "mapreduce.partition.keycomparator.options": "mapred.text.key.comparator.options",
    "mapreduce.job.output.key.comparator.class": "mapred.output.key.comparator.class",
    "mapreduce.input.fileinputformat.split.minsize": "mapred.min.split.size",
    "mapreduce.input.lineinputformat.linespermap": "mapred.line.input.format.linespermap",
    "mapreduce.input.linerecordreader.line.maxlength": "mapred.linerecordreader.maxlength",
    "mapreduce.input.keyvaluelinerecordreader.key.value.separator": "key.value.separator.in.input.line",
    "mapreduce.input.fileinputformat.input.dir.recursive": "mapred.input.dir.recursive",
    "mapreduce.map.output.compress": "mapred.compress.map.output",
    "mapreduce.map.output.key.class": "mapred.mapoutput.key.class",
    "mapreduce.job.output.key.class": "mapred.output.key.class",
    "mapreduce.job.output.value.class": "mapred.output.value.class",
}


class Job:
    """A job's folder and arguments, and what of its output Hadoop defines."""

    def __init__(self, area, rng):
        self.area, self.rng = area, rng
        self.files, self.modes = {}, {}
        self.props, self.shipped, self.inputs = [], [], ["in"]
        self.generic, self.streaming = [], []
        self.mapper, self.reducer, self.combiner, self.reduces = "cat", "cat", None, None
        # key: equal first fields may change places; lines: any may; comparator: those it calls equal.
        self.order = "key"
        self.comparator = None
        # Counters that depend on how often a sort buffer was full are then not compared.
        self.spills = False
        # Rows of the compatibility table that this job may meet, by what they change: "fails" (mr-stream alone),
        # "works" (mr-stream alone), "result" (both work).
        self.known = {}

    def prop(self, name, value):
        self.props.append((name, value))

    def option(self, *words):
        self.streaming.append(list(words))

    def program(self, name, *arguments):
        """A command that runs one of our programs, which is shipped."""
        self.ship(name, PROGRAMS[name].lstrip("\n").encode())
        return " ".join(["python3", name, *arguments])

    def ship(self, name, content):
        self.files[name] = content
        if name not in self.shipped:
            self.shipped.append(name)

    def add(self, name, content):
        """An input file."""
        self.files["in/" + name] = content

    def is_map_only(self):
        return self.reduces == 0 or self.reducer == "NONE"

    def arguments(self):
        rng, generic, streaming = self.rng, [list(group) for group in self.generic], [["-output", "out"]]
        in_file = []
        for name, value in self.props:
            name = OLD_NAMES[name] if name in OLD_NAMES and rng.random() < 0.25 else name
            way = rng.random()
            if way < 0.12 and all(" " <= c <= "~" for c in value) and value.strip() == value:
                in_file.append((name, value))
            elif way < 0.2 and value and name != "fs.local.block.size":  # which -jobconf would set too late
                streaming.append(["-jobconf", "%s=%s" % (name, value)])
            elif way < 0.25:
                generic.append(["-D%s=%s" % (name, value)])
            else:
                generic.append(["-D", "%s=%s" % (name, value)])
        if in_file:
            escape = lambda text: text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            body = "".join("<property><name>%s</name><value>%s</value></property>\n" % (n, escape(v)) for n, v in in_file)
            self.files["job.xml"] = ("<configuration>\n%s</configuration>\n" % body).encode()
            generic.append(["-conf", "job.xml"])
        files = [name for name in self.shipped if rng.random() < 0.85]
        if files:
            generic.append(["-files", ",".join(files)])
        rest = [name for name in self.shipped if name not in files]
        if rest:
            streaming.extend(["-file", name] for name in rest)
        for name in self.inputs:
            streaming.append(["-input", name])
        for option, value in (("-mapper", self.mapper), ("-reducer", self.reducer), ("-combiner", self.combiner)):
            if value is not None:
                streaming.append([option, value])
        if self.reduces is not None:
            if rng.random() < 0.5:
                streaming.append(["-numReduceTasks", str(self.reduces)])
            else:
                generic.append(["-D", "mapreduce.job.reduces=%d" % self.reduces])
        streaming.extend(self.streaming)
        inputs = [group for group in streaming if group[0] == "-input"]
        rng.shuffle(generic)
        rng.shuffle(streaming)
        # The order of inputs has a meaning of its own; keep it as the area wants it.
        streaming = [inputs.pop(0) if group[0] == "-input" else group for group in streaming]
        return [word for group in generic + streaming for word in group]


def pick(rng, *weighted):
    """One of (weight, value)."""
    return rng.choices([value for _, value in weighted], [weight for weight, _ in weighted])[0]


# -- inputs --------------------------------------------------------------------------------------------------------

def lines(job, count=None, seps=TAB, plain=None, unique=False):
    rng = job.rng
    plain = rng.random() < 0.4 if plain is None else plain
    count = rng.choice([0, 1, 3, 8, 20, 60, 200]) if count is None else count
    made = [data.line(rng, seps, plain=plain) for _ in range(count)]
    if unique:
        made = [b"%03d%s%s" % (i, rng.choice(seps), one) for i, one in enumerate(made)]
        rng.shuffle(made)
    return made


def text_inputs(job, seps=TAB, files=None, plain=None, ends=None, count=None):
    """Text files in `in`; sometimes none of them has a line."""
    rng = job.rng
    for i in range(files or rng.choice([1, 1, 2, 3, 5])):
        body = data.text(rng, lines(job, count, seps, plain), ends)
        if rng.random() < 0.03:
            body = "\ufeff".encode() + body
        if rng.random() < 0.03:
            body = b"x" * rng.choice([4096, 65536, 70000, 200000]) + b"\n" + body
        job.add("%s%d.txt" % (rng.choice("abc"), i), body)


def small_splits(job):
    """Properties that cut the inputs into a few splits each."""
    rng = job.rng
    largest = max([len(body) for name, body in job.files.items() if name.startswith("in/")] + [1])
    size = max(1, largest // rng.choice([1, 2, 2, 3, 5]) + rng.choice([-1, 0, 0, 1, 2]))
    if rng.random() < 0.8:
        job.prop("fs.local.block.size", str(size))
    if rng.random() < 0.3:
        job.prop("mapreduce.input.fileinputformat.split.minsize", str(max(1, size * rng.choice([1, 2]) - rng.choice([0, 1, 7]))))


# -- areas ---------------------------------------------------------------------------------------------------------

def area_text(job):
    rng = job.rng
    text_inputs(job)
    job.mapper = pick(rng, (5, "cat"), (1, "/bin/cat"), (1, "tr a-z A-Z"), (1, "sed -e s/a/b/"), (1, "cut -f 1"), (1, "cut -f 2-"),
                      (1, job.program("words.py")), (1, "awk '{print $1}'"), (1, "rev"), (1, "wc -l"), (1, None))
    job.reducer = pick(rng, (4, "cat"), (2, "NONE"), (2, job.program("count.py")), (1, job.program("sum.py")), (1, "cut -f 1"), (1, "wc -l"))
    if job.mapper is None:
        job.reducer = rng.choice(["NONE", LIB + "IdentityReducer", LIB + "IdentityReducer"])
    job.reduces = rng.choice([None, None, 0, 1, 2, 3, 7])
    if rng.random() < 0.6:
        small_splits(job)
    if rng.random() < 0.2:
        job.prop("mapreduce.input.linerecordreader.line.maxlength", str(rng.choice([1, 2, 5, 10, 50, 1000, 0])))


def area_delimiter(job):
    rng = job.rng
    mark = rng.choice(["|", ";;", "ab", "aab", "\n\n", "\r\n", "\u00e9", "the", "\n", "xyxyx", "\t"])
    pieces = [data.line(rng, TAB, plain=rng.random() < 0.5) for _ in range(rng.randrange(1, 60))]
    for i in range(rng.choice([1, 2])):
        body = b"".join(piece + rng.choice([mark.encode()] * 5 + [b"\n", b"\r\n", mark.encode()[:-1], mark.encode() * 2]) for piece in pieces)
        job.add("d%d" % i, body)
    job.prop("textinputformat.record.delimiter", mark)
    job.reducer = rng.choice(["NONE", "cat", "cat"])
    job.mapper = rng.choice(["cat", "cat", job.program("args.py", "x")])
    if rng.random() < 0.7:
        small_splits(job)
    if rng.random() < 0.2:
        job.prop("mapreduce.input.linerecordreader.line.maxlength", str(rng.choice([2, 5, 10, 50])))


def area_splits(job):
    """Many boundaries over small files; a map-only job shows each split."""
    rng = job.rng
    text_inputs(job, files=rng.choice([1, 1, 2, 4]), count=rng.choice([2, 5, 9, 30]))
    job.inputs = pick(rng, (4, ["in"]), (1, ["in/a*", "in/*"]), (1, ["in/*.txt"]), (1, ["in/{a,b}*,in/c*,in"]))
    job.reducer = rng.choice(["NONE", "NONE", "NONE", "cat"])
    job.mapper = rng.choice(["cat", "cat", job.program("env.py", "mapreduce_map_input_", "mapreduce_task_partition=", "map_input_")])
    if rng.random() < 0.9:
        small_splits(job)
    if rng.random() < 0.3:
        job.prop("stream.map.input.ignoreKey", rng.choice(["true", "false"]))


def area_formats(job):
    """The other line formats."""
    rng = job.rng
    kind = rng.choice(["kv", "kv", "nline", "nline", "combine", "auto", "fixed"])
    sep = rng.choice(["\t", ",", "=", ";;", "\u00e9"]) if kind == "kv" else "\t"
    text_inputs(job, seps=[sep.encode(), b"\t"], count=rng.choice([None, None, 7]))
    if kind == "kv":
        job.option("-inputformat", rng.choice(["KeyValueTextInputFormat", MAPRED + "KeyValueTextInputFormat"]))
        if sep != "\t":
            job.prop("mapreduce.input.keyvaluelinerecordreader.key.value.separator", sep)
        job.mapper = pick(rng, (4, "cat"), (1, LIB + "IdentityMapper"), (1, LIB + "InverseMapper"), (1, job.program("count.py")))
        if job.mapper.startswith(LIB):
            job.prop("mapreduce.map.output.key.class", IO + "Text")
            job.prop("mapreduce.map.output.value.class", IO + "Text")
    elif kind == "nline":
        job.option("-inputformat", LIB + "NLineInputFormat")
        job.prop("mapreduce.input.lineinputformat.linespermap", str(rng.choice([1, 2, 3, 10, 50, 50, 0])))
        if sum(len(body) for name, body in job.files.items()) > 3000:
            job.props[-1] = ("mapreduce.input.lineinputformat.linespermap", "50")
    elif kind == "combine":
        job.option("-inputformat", LIB + "CombineTextInputFormat")
        if rng.random() < 0.6:
            job.prop("mapreduce.input.fileinputformat.split.maxsize", str(rng.choice([50, 200, 1000, 5000])))
        for scope in ("node", "rack"):
            if rng.random() < 0.4:
                job.prop("mapreduce.input.fileinputformat.split.minsize.per." + scope, str(rng.choice([0, 1, 3, 40, 200, 1000])))
        for name in rng.sample(["a_empty", "c_empty", "z"], rng.choice([0, 1, 2])):
            job.add(name, b"")
    elif kind == "auto":
        job.option("-inputformat", rng.choice(["AutoInputFormat", "org.apache.hadoop.streaming.AutoInputFormat"]))
    else:
        job.option("-inputformat", MAPRED + "FixedLengthInputFormat")
        size = rng.choice([1, 4, 7, 30])
        job.prop("fixedlengthinputformat.record.length", str(size))
        if rng.random() < 0.8:
            for name in [name for name in job.files if name.startswith("in/")]:
                job.files[name] = job.files[name][:len(job.files[name]) // size * size][:size * 200]
    if rng.random() < 0.5:
        job.prop("stream.map.input.ignoreKey", rng.choice(["true", "false", "true", "yes"]))
    if kind != "nline" and rng.random() < 0.5:
        small_splits(job)
    job.reducer = rng.choice(["NONE", "cat", job.program("count.py")])
    job.reduces = rng.choice([None, 0, 2, 3])


def area_input_paths(job):
    """Directories, globs, hidden files, empty files, nesting."""
    rng = job.rng
    names = ["a.txt", "b.txt", "c.dat", "_hidden", ".dot", "d e.txt", "\u00e9.txt", "x,y.txt", "sub/f.txt", "sub/_g.txt", "sub/deep/h.txt",
             "2020-01-01/p", "2020-01-02/p", "2020-02-01/q", "_skip/r.txt", "empty.txt", "a[1].txt"]
    for name in rng.sample(names, rng.randrange(2, 9)):
        job.add(name, b"" if name == "empty.txt" else data.text(rng, lines(job, rng.choice([1, 3, 9]), plain=True)))
    globs = ["in", "in/*", "in/*.txt", "in/?.txt", "in/{a,b}.txt", "in/[ab].txt", "in/[^a].txt", "in/[a-c].*", "in/2020-{01,02}-01", "in/2020-*",
             "in/*/p", "in/sub", "in/a\\[1\\].txt", "in/{a.txt,sub/{f,g}.txt}", "in/d e.txt", "in/\u00e9.txt", "in/a.txt,in/b.txt", "in/nothing*",
             "in/missing", "in/_hidden", "in/.dot", "in/", "./in", "in/../in/a.txt", "in/x\\,y.txt", "in//a.txt", "in/[!a].txt", "in/{a,b", "in/[a",
             "in/2020-01-0[12]", "in/*/*", "file:in/a.txt", "in/sub/.."]
    job.inputs = rng.sample(globs, rng.choice([1, 1, 2, 3]))
    if rng.random() < 0.4:
        job.prop("mapreduce.input.fileinputformat.input.dir.recursive", rng.choice(["true", "true", "false"]))
    if rng.random() < 0.3:
        job.prop("mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs", "true")
    job.reducer = rng.choice(["NONE", "cat"])
    job.mapper = rng.choice(["cat", job.program("env.py", "mapreduce_map_input_file=", "mapreduce_map_input_start=")])


def area_compress(job):
    rng = job.rng
    text_inputs(job, files=rng.choice([1, 2, 3]))
    for name in [name for name in job.files if name.startswith("in/")]:
        ending = rng.choice(list(data.PACKERS) + [""])
        if ending:
            body = job.files.pop(name)
            if ending == ".bz2" and rng.random() < 0.5:
                # Incompressible enough for several bzip2 blocks, so that splits begin at a block.
                body += b"".join(b"%x\tv\n" % rng.getrandbits(rng.choice([8, 300])) for _ in range(9000))
            job.files[name + ending] = data.PACKERS[ending](rng, body)
    job.spills = True
    if rng.random() < 0.5:
        small_splits(job)
    if rng.random() < 0.6:
        job.prop("mapreduce.output.fileoutputformat.compress", "true")
        if rng.random() < 0.8:
            job.prop("mapreduce.output.fileoutputformat.compress.codec", CODEC + rng.choice(
                ["GzipCodec", "BZip2Codec", "DefaultCodec", "DeflateCodec", "SnappyCodec", "Lz4Codec"]))
    if rng.random() < 0.3:
        job.prop("mapreduce.map.output.compress", "true")
        job.prop("mapreduce.map.output.compress.codec", CODEC + rng.choice(["DefaultCodec", "BZip2Codec"]))
    job.reducer = rng.choice(["NONE", "cat", "cat", job.program("count.py")])
    job.reduces = rng.choice([None, 2, 3])


def area_broken_compress(job):
    """Streams that are cut, empty, foreign or misnamed."""
    rng = job.rng
    ending = rng.choice(list(data.PACKERS))
    body = data.text(rng, lines(job, rng.choice([1, 20, 200]), plain=True))
    packed = data.PACKERS[ending](rng, body)
    fault = rng.choice(["cut", "cut", "empty", "text", "name", "tail", "case"])
    packed = {"cut": packed[:rng.randrange(1, max(2, len(packed)))], "empty": b"", "text": body, "tail": packed + b"rubbish\n"}.get(fault, packed)
    # Hadoop may take text for a stream of no blocks, hence no records.
    if fault in ("cut", "text") or fault == "tail" and ending == ".bz2":
        job.known["fails"] = BROKEN
    job.add("a.txt" + {"name": "", "case": ending.upper()}.get(fault, ending), packed)
    job.reducer = rng.choice(["NONE", "cat"])


def separator(rng):
    return rng.choice(["\t", ",", ";", "|", ".", " ", "=", "::", "ab", "\u00e9", "--", "<>", "a", "$"])


def area_control(job):
    """Separators that XML cannot hold."""
    rng = job.rng
    mark = rng.choice(["\x01", "\x02", "\x1f", "\x0b", "\x7f", "\ufffe"])
    job.prop(rng.choice(["stream.map.output.field.separator", "mapreduce.output.textoutputformat.separator", "zz.other"]), mark)
    job.add("a", b"".join(row + b"\n" for row in lines(job, 8, [b"\t", mark.encode()])))
    job.reducer = rng.choice(["cat", "NONE"])
    job.order = "lines"
    if mark < " " or mark > "\ufff0":
        job.known["works"] = CONTROL


def area_separators(job):
    rng = job.rng
    unique = rng.random() < 0.6
    seps, used = [], [b"\t"]
    for name in ("map.input", "map.output", "reduce.input", "reduce.output"):
        if rng.random() < 0.6:
            sep = rng.choice(seps) if seps and rng.random() < 0.4 else separator(rng)
            seps.append(sep)
            used.append(sep.encode())
            job.prop("stream.%s.field.separator" % name, sep)
    for name in ("map", "reduce"):
        if rng.random() < 0.4:
            job.prop("stream.num.%s.output.key.fields" % name, str(rng.choice([1, 2, 2, 3, 0, 5])))
    if rng.random() < 0.4:
        job.prop("mapreduce.output.textoutputformat.separator", separator(rng))
    if rng.random() < 0.3:
        job.prop("stream.map.input.ignoreKey", rng.choice(["true", "false"]))
    for i in range(rng.choice([1, 2])):
        job.add("f%d" % i, data.text(rng, lines(job, rng.choice([3, 10, 40]), used, unique=unique)))
    if rng.random() < 0.3:
        job.option("-inputformat", "KeyValueTextInputFormat")
    job.order = "lines"
    job.reducer = rng.choice(["cat", "cat", "cat", "NONE"])
    job.combiner = rng.choice([None, None, "cat"])
    job.reduces = rng.choice([None, 1, 2, 4])


def key_spec(rng, numeric):
    begin = rng.choice([1, 1, 2, 2, 3, 4])
    spec = "-k%d" % begin + (".%d" % rng.choice([1, 2, 3, 5]) if rng.random() < 0.35 else "")
    if numeric and rng.random() < 0.3:
        spec += rng.choice(["n", "r", "nr"])
    if rng.random() < 0.7:
        # Of numbers in a range of nothing Hadoop compares the signs behind it.
        end = rng.choice([end for end in [1, 1, 2, 2, 3, 4] if end >= begin or not numeric])
        spec += ",%d" % end + (".%d" % rng.choice([0, 1, 2, 4]) if rng.random() < 0.35 else "")
        if numeric and rng.random() < 0.5:
            spec += rng.choice(["n", "r", "nr", "rn"])
    return spec


def key_options(rng, numeric):
    specs = [key_spec(rng, numeric) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
    if numeric and rng.random() < 0.3:
        specs.insert(rng.randrange(len(specs) + 1), rng.choice(["-n", "-r", "-nr"]))
    return " ".join(specs)


def numeric_inputs(job, sep, fields, options):
    """Keys of words and numbers. What only begins like a number (`--5`, `.x`, `1.5` with more fields behind it) is left
    out: for such keys Hadoop's comparator knows a = b and b = c where a < c, and mr-stream has to choose."""
    rng = job.rng
    words = data.PLAIN + [b"-3", b"007", b"1.5", b"1.25", b"0", b"", b"12345678901234567890", b"33", b"-12.5", "\u00e9".encode(), b"B"]
    one_field = all(re.fullmatch(r"-k(\d)(\.\d)?[nr]*,\1[nr]*", spec) for spec in options.split())
    if sep == b"." or "n" in options and not one_field:
        words = [word for word in words if b"." not in word]
    for i in range(rng.choice([1, 2])):
        rows = [sep.join(rng.choice(words) for _ in range(rng.choice([fields, fields + 1, fields + 1, 1, 3]))) for _ in range(40)]
        job.add("k%d" % i, data.text(rng, rows, [b"\n"]))


def keyed_inputs(job, seps, fields):
    for i in range(job.rng.choice([1, 2])):
        made = [data.line(job.rng, seps, job.rng.choice([fields, fields, 1, 0, 3]), plain=job.rng.random() < 0.4) for _ in range(40)]
        job.add("k%d" % i, data.text(job.rng, made, [b"\n"]))


def area_partition(job):
    rng = job.rng
    job.reduces = rng.choice([2, 3, 5, 7])
    sep = rng.choice(["\t", ".", ",", ":"])
    fields = rng.choice([1, 2, 3])
    keyed_inputs(job, [sep.encode()], fields)
    job.order = "lines"
    if sep != "\t" or fields > 1:
        job.prop("stream.map.output.field.separator", sep)
        job.prop("stream.num.map.output.key.fields", str(fields))
    way = rng.choice(["hash", "options", "options", "options", "count", "plain", "binary"])
    if way == "hash":
        job.order = "key" if fields == 1 else "lines"
        return
    if way == "binary":
        # Hadoop divides by zero for an empty key.
        for name in [name for name in job.files if name.startswith("in/")]:
            job.files[name] = b"".join(b"x" + row for row in job.files[name].splitlines(keepends=True))
        job.option("-partitioner", LIB + "BinaryPartitioner")
        if rng.random() < 0.7:
            job.prop("mapreduce.partition.binarypartitioner.left.offset", str(rng.choice([0, 1, -1, -2])))
            job.prop("mapreduce.partition.binarypartitioner.right.offset", str(rng.choice([-1, 1, 2, -2])))
        return
    job.option("-partitioner", LIB + "KeyFieldBasedPartitioner")
    if way == "options":
        job.prop("mapreduce.partition.keypartitioner.options", key_options(rng, False))
    elif way == "count":
        job.prop("num.key.fields.for.partition", str(rng.choice([1, 2, 3])))
    if rng.random() < 0.8:
        job.prop("mapreduce.map.output.key.field.separator", rng.choice([sep, sep, sep, ",", "ab"]))


def area_comparator(job):
    rng = job.rng
    sep = rng.choice(["\t", ".", ",", ":"])
    fields = rng.choice([1, 2, 3])
    options = key_options(rng, True)
    numeric_inputs(job, sep.encode(), fields, options)
    job.prop("stream.map.output.field.separator", sep)
    job.prop("stream.num.map.output.key.fields", str(fields))
    job.prop("mapreduce.job.output.key.comparator.class", LIB + "KeyFieldBasedComparator")
    job.prop("mapreduce.partition.keycomparator.options", options)
    key_sep = rng.choice([sep, sep, sep, sep, "a", "\t"]) if sep != "." else sep
    job.prop("mapreduce.map.output.key.field.separator", key_sep)
    # One field more than a key may hold keeps the reducer's output a key whatever is in it.
    job.order, job.comparator = "comparator", (options, key_sep, sep.encode(), fields)
    job.reduces = rng.choice([1, 1, 2, 3])
    if rng.random() < 0.5:
        job.prop("mapreduce.task.io.sort.mb", "1")


def area_combiner(job):
    rng = job.rng
    text_inputs(job, seps=[b"\t", b" "], plain=rng.random() < 0.7)
    job.mapper = job.program("words.py")
    job.combiner = pick(rng, (3, job.program("sum.py")), (2, "cat"), (1, "cut -f 1"), (1, "sed -e s/1$/2/"), (1, job.program("exit.py", "3", "all")),
                        (1, LIB + "LongSumReducer"), (1, "true"), (1, "NONE"), (1, job.program("count.py")), (1, "missing-program"))
    job.reducer = rng.choice([job.program("sum.py"), "cat", "NONE", job.program("count.py")])
    if job.combiner == job.program("count.py"):
        job.order = "lines"
    job.reduces = rng.choice([None, 1, 2, 3, 0])
    if rng.random() < 0.3:
        small_splits(job)


def area_io(job):
    """Binary framings: cat passes frames on unchanged."""
    rng = job.rng
    kinds = ["text", "rawbytes", "typedbytes", "keyonlytext", "nonsense"]
    if rng.random() < 0.6:
        job.option("-io", rng.choice(kinds[1:4]) if rng.random() < 0.9 else rng.choice(kinds))
    else:
        for pipe in ("map.input", "map.output", "reduce.input", "reduce.output"):
            if rng.random() < 0.5:
                job.prop("stream." + pipe, rng.choice(kinds[:4]))
    text_inputs(job, files=rng.choice([1, 2]), count=rng.choice([1, 5, 20]))
    way = rng.random()
    if way < 0.3:
        values = [data.typed(rng) for _ in range(2 * rng.randrange(1, 12))]
        if rng.random() < 0.25:
            values.insert(rng.randrange(len(values) + 1), b"\xff")
        job.ship("blob", b"".join(values))
        job.mapper = job.program("emit.py", "blob")
        job.files.update({name: body for name, body in job.files.items()})
    elif way < 0.45:
        raw = lambda body: len(body).to_bytes(4, "big") + body
        parts = [raw(data.word(rng)) for _ in range(2 * rng.randrange(1, 20))]
        if rng.random() < 0.25:
            parts.insert(rng.randrange(len(parts) + 1), rng.choice([b"\xff\xff\xff\xff", b"\x80\0\0\0"]))
        job.ship("blob", b"".join(parts) + rng.choice([b"", b"", b"\0\0"]))
        job.mapper = job.program("emit.py", "blob")
    if rng.random() < 0.4:
        job.option("-inputformat", rng.choice(["KeyValueTextInputFormat", LIB + "NLineInputFormat"]))
    if rng.random() < 0.2:
        job.prop("stream.map.input.ignoreKey", rng.choice(["true", "false"]))
    if rng.random() < 0.25:
        job.option("-outputformat", MAPRED + "SequenceFileOutputFormat")
    job.reducer = rng.choice(["cat", "cat", "NONE", LIB + "IdentityReducer"])
    job.reduces = rng.choice([None, 1, 2, 3])
    pipes = dict(job.props)
    kind = lambda pipe: pipes.get("stream." + pipe, "text")
    # Frames of text are other lines in another order of values, which Hadoop leaves to chance.
    if rng.random() < 0.15 and kind("reduce.input") in ("text", kind("map.output")):
        job.combiner = "cat"
        job.known["works"] = COMBINED_FRAMES
    # Text does not show the keys of binary records, and frames of several values have lines of their own.
    job.order = "lines"


def sequence_inputs(job):
    rng = job.rng
    text, number = IO + "Text", IO + "LongWritable"
    others = [IO + name for name in data.NUMBERS]
    key_class = rng.choice([text, text, number, number, IO + "BytesWritable", "org.apache.hadoop.typedbytes.TypedBytesWritable", IO + "NullWritable", *others])
    value_class = rng.choice([text, text, IO + "BytesWritable", number, IO + "NullWritable", rng.choice(others)])
    if key_class.startswith("org.apache.hadoop.typed"):
        value_class = key_class
    value = {
        text: lambda: rng.choice([b"a", b"b", b"", b"10", "\u00e9".encode(), b"tab\there", b"z" * 200]),
        number: lambda: rng.choice([0, 1, -1, 77, 2 ** 40, -2 ** 33]),
        IO + "BytesWritable": lambda: data.word(rng),
        IO + "NullWritable": lambda: None,
        "org.apache.hadoop.typedbytes.TypedBytesWritable": lambda: data.typed(rng),
    } | {IO + name: (lambda values=values: rng.choice(values)) for name, (_, values) in data.NUMBERS.items()}
    for i in range(rng.choice([1, 1, 2])):
        pairs = [(value[key_class](), value[value_class]()) for _ in range(rng.choice([0, 1, 10, 100]))]
        # Of records packed with bzip2 SequenceFileAsBinaryInputFormat loses the first value: Hadoop opens the stream too early.
        kind, codec = rng.choice(["none", "record", "block"]), rng.choice(list(data.CODECS))
        kind = "block" if kind == "record" and "BZip2" in codec else kind
        job.add("s%d.seq" % i, data.sequence_file(rng, key_class, value_class, pairs, kind, codec))
    return key_class, value_class


def area_sequence(job):
    rng = job.rng
    key_class, value_class = sequence_inputs(job)
    kind = rng.choice(["SequenceFileInputFormat", "SequenceFileInputFormat", "SequenceFileAsTextInputFormat", MAPRED + "SequenceFileInputFormat",
                       MAPRED + "SequenceFileAsBinaryInputFormat", "AutoInputFormat"])
    job.option("-inputformat", kind)
    if "AsText" in kind:
        key_class = value_class = IO + "Text"
    elif "AsBinary" in kind:
        key_class = value_class = IO + "BytesWritable"
    job.order = "lines"
    if rng.random() < 0.4:
        job.mapper = None
        job.reducer = rng.choice([LIB + "IdentityReducer", "NONE"])
        job.prop("mapreduce.job.output.key.class", key_class)
        job.prop("mapreduce.job.output.value.class", value_class)
        if "AsBinary" not in kind and key_class != IO + "NullWritable" and rng.random() < 0.4:
            job.mapper = LIB + rng.choice(["IdentityMapper", "InverseMapper"])
    else:
        job.mapper = "cat"
        job.reducer = rng.choice(["cat", "NONE"])
        if rng.random() < 0.3:
            job.option("-io", rng.choice(["rawbytes", "typedbytes"]))
    if rng.random() < 0.3:
        job.prop("stream.map.input.ignoreKey", rng.choice(["true", "false"]))
    if rng.random() < 0.5:
        small_splits(job)
    if rng.random() < 0.5:
        output_format(job)
    job.reduces = rng.choice([None, 2, 3])


def output_format(job):
    rng = job.rng
    name = rng.choice([MAPRED + "SequenceFileOutputFormat", MAPRED + "SequenceFileOutputFormat", MAPRED + "TextOutputFormat", LIB + "NullOutputFormat",
                       LIB + "MultipleTextOutputFormat", MAPRED + "MapFileOutputFormat", "TextOutputFormat", MAPRED + "SequenceFileAsBinaryOutputFormat"])
    job.option("-outputformat", name)
    if rng.random() < 0.5:
        job.prop("mapreduce.output.fileoutputformat.compress", rng.choice(["true", "true", "false"]))
        job.prop("mapreduce.output.fileoutputformat.compress.type", rng.choice(["NONE", "RECORD", "BLOCK"]))
        if rng.random() < 0.6:
            # Hadoop writes no sequence file with gzip where its native library is missing.
            job.prop("mapreduce.output.fileoutputformat.compress.codec", CODEC + rng.choice(["BZip2Codec", "DefaultCodec", "DeflateCodec"]))
    if "MultipleText" in name and rng.random() < 0.5:
        # The third leg would be the folder, which differs.
        job.prop("mapred.outputformat.numOfTrailingLegs", str(rng.choice([1, 2])))
    if rng.random() < 0.3:
        job.option("-lazyOutput")


def area_output(job):
    rng = job.rng
    text_inputs(job)
    output_format(job)
    job.reducer = rng.choice(["cat", "NONE", job.program("count.py")])
    job.reduces = rng.choice([None, 1, 2, 4])
    if rng.random() < 0.3:
        job.mapper = rng.choice(["grep -c a", "true", "cut -f 1"])
    if rng.random() < 0.2:
        job.prop("mapreduce.fileoutputcommitter.marksuccessfuljobs", rng.choice(["false", "true"]))
    if rng.random() < 0.2:
        job.prop("mapreduce.output.textoutputformat.separator", separator(rng))


def area_aggregate(job):
    rng = job.rng
    functions = ["LongValueSum", "LongValueMax", "LongValueMin", "DoubleValueSum", "StringValueMax", "StringValueMin", "UniqValueCount", "ValueHistogram"]
    numbers = ["1", "0", "-5", "77", "123456789012", "+3", "\u0661\u0662", "-\uff17"]
    numbers += ["x", " 1", "", "1.5", "\u0661x", "\U0001d7cf"] if rng.random() < 0.1 else []
    rows = []
    for _ in range(rng.choice([1, 10, 60])):
        function = rng.choice(functions)
        if function.startswith("Long"):
            value = rng.choice(numbers)
        elif function.startswith("Double"):
            # Sums of these are exact; others would depend on the order of the values.
            value = rng.choice(["1", "1.5", "-2.25", "1e3", "0.125", "100000000"])
        elif function == "ValueHistogram":
            value = rng.choice(["a", "b", "10", "a\t3", "b\t2", "b\t\u0967"])
        else:
            value = rng.choice(["a", "b", "10", "9", "", "\u00e9", "a b"])
        rows.append("%s:%s\t%s" % (function, rng.choice(["x", "y", "k:z", "", "\u00e9"]), value))
    if rng.random() < 0.08:
        rows.append(rng.choice(["nocolon\t1", "NoFunction:x\t1", "LongValueSum:x", "longvaluesum:x\t1"]))
    rng.shuffle(rows)
    half = rng.randrange(len(rows) + 1)
    job.add("a1", "".join(row + "\n" for row in rows[:half]).encode())
    job.add("a2", "".join(row + "\n" for row in rows[half:]).encode())
    job.reducer = pick(rng, (5, "aggregate"), (1, "Aggregate"), (1, LIB + "aggregate.ValueAggregatorReducer"))
    job.combiner = rng.choice([None, None, None, "cat", LIB + "aggregate.ValueAggregatorCombiner"])
    if rng.random() < 0.2:
        job.prop("aggregate.max.num.unique.values", str(rng.choice([1, 2, 4])))
    job.reduces = rng.choice([None, 2, 3])


def area_classes(job):
    rng = job.rng
    kind = rng.choice(["token", "regex", "inverse", "longsum", "field", "field", "field"])
    if kind == "field":
        sep = rng.choice(["\t", ",", " ", ";", "|", "."])
        keyed_inputs(job, [sep.encode()], 3)
        for name in [name for name in job.files if name.startswith("in/")]:
            job.files[name] = job.files[name].decode("utf-8", "ignore").encode()
        fields = lambda: ",".join(rng.choice(["0", "1", "2", "5", "1-2", "1-", "0-", "3-1"]) for _ in range(rng.choice([1, 1, 2, 3])))
        if sep != "\t":
            job.prop("mapreduce.fieldsel.data.field.separator", sep)
        # FieldSelectionMapReduce splits by tab between key and value, so its value is a Text.
        job.prop("mapreduce.fieldsel.map.output.key.value.fields.spec", fields() + ":" + fields())
        job.prop("mapreduce.fieldsel.reduce.output.key.value.fields.spec", fields() + ":" + fields())
        job.prop("mapreduce.map.output.key.class", IO + "Text")
        job.prop("mapreduce.job.output.key.class", IO + "Text")
        field = LIB + "FieldSelectionMapReduce"
        job.mapper, job.reducer = rng.choice([(field, field), (field, "NONE"), ("cat", field), (field, "cat"), (field, LIB + "IdentityReducer")])
        job.order = "lines"
        return
    text_inputs(job, plain=rng.random() < 0.5, ends=[b"\n"])
    job.order = "lines"
    for name in [name for name in job.files if name.startswith("in/")]:
        job.files[name] = job.files[name].decode("utf-8", "ignore").encode()
    job.prop("mapreduce.job.output.key.class", IO + "Text")
    job.prop("mapreduce.job.output.value.class", IO + "LongWritable")
    job.mapper = LIB + "TokenCountMapper"
    if kind == "regex":
        job.mapper = LIB + "RegexMapper"
        pattern = rng.choice(["[a-z]+", "([a-z])([0-9a-z]*)", "\\d+", "a|b", "(?i)cat", ".", "^t", "\\bx"])
        job.prop("mapreduce.mapper.regex", pattern)
        if "(" in pattern and rng.random() < 0.7 and "?" not in pattern:
            job.prop("mapreduce.mapper.regexmapper..group", str(rng.choice([0, 1, 2])))
    if kind == "inverse":
        job.mapper = LIB + "InverseMapper"
        job.reducer = rng.choice(["NONE", LIB + "IdentityReducer"])
        return
    job.reducer = rng.choice([LIB + "LongSumReducer", LIB + "IdentityReducer", "cat", "NONE"])
    job.combiner = rng.choice([None, LIB + "LongSumReducer"])
    job.reduces = rng.choice([None, 2])


def area_counters(job):
    rng = job.rng
    text_inputs(job, files=1, count=rng.choice([1, 5]), plain=True)
    prefix = "reporter:"
    if rng.random() < 0.15:
        prefix = rng.choice(["rep:", "x", "reporter:counter:", "R R:"])
        job.prop("stream.stderr.reporter.prefix", prefix)
    names = ["G", "Group Two", "", " g ", "\u00e9", "a:b", "org.apache.hadoop.mapreduce.TaskCounter", "x" * 140, "G.1"]
    amounts = ["1", "2", "+4", "-3", "0", "007", "x", "", "9223372036854775807", "9223372036854775808", "1.5", " 5", "5 ", "1,", "1,2", "1,,", "0x1", "\u0661\u0662",
               "-\uff15", "\u0661x", "\U0001d7cf"]
    counters = ["c", "d e", "", "MAP_INPUT_RECORDS", "SPILLED_RECORDS", "x" * 70, "\u4e2d"]
    rows = []
    for _ in range(rng.choice([1, 5, 30])):
        row = "%s%s%s,%s,%s" % (rng.choice([prefix] * 8 + ["Reporter:", " " + prefix, ""]), rng.choice(["counter:"] * 9 + ["Counter:", "status:", "count:", ""]),
                                rng.choice(names[:5] if rng.random() < 0.8 else names), rng.choice(counters[:3] if rng.random() < 0.8 else counters),
                                rng.choice(amounts[:5] if rng.random() < 0.6 else amounts))
        rows.append(row.encode() + (b"\xff" if rng.random() < 0.03 else b"") + rng.choice([b"\n"] * 6 + [b"\r\n", b"\r", b"\n\n"]))
    errors = b"".join(rows)
    if rng.random() < 0.05:
        job.prop("mapreduce.job.counters.max", "2")
        job.known["fails"] = CLUSTER_NUMBERS
    job.ship("err", errors if rng.random() < 0.7 else errors.rstrip())
    emit = job.program("emit.py", "-", "err", "cat")
    job.mapper, job.reducer, job.combiner = rng.choice([(emit, "cat", None), ("cat", emit, None), (emit, emit, None), (emit, "NONE", None), ("cat", "cat", emit)])


def area_command(job):
    """Hadoop's quoting: the program shows its arguments."""
    rng = job.rng
    job.add("a", b"x\ty\n")
    job.ship("args.py", PROGRAMS["args.py"].lstrip("\n").encode())
    atoms = ["a", "b c", "'b c'", '"d e"', "'", '"', "''", '""', "\\", "\\'", '\\"', "$HOME", "*", "|", ">", "&&", "x'y z'w", '--n="v w"', "\t", "  ", "\u00e9",
             "'a\"b'", "\"a'b\"", ";", "`id`", "{a,b}", "~", "#", "%41", "a+b", "=", "-D", "\\t", "\\n", "%"]
    words = [rng.choice(atoms) for _ in range(rng.randrange(0, 7))]
    command = "python3 args.py " + rng.choice(["", " "]) + rng.choice([" ", " ", ""]).join(words)
    way = rng.random()
    if way < 0.1:
        command = '"%s"' % command
    elif way < 0.2:
        command = "%s%s%s" % (rng.choice([" ", "", "  "]), command, rng.choice([" ", "", "  "]))
    elif way < 0.25:
        command = "'python3' 'args.py' x"
    job.mapper, job.reducer = rng.choice([(command, "NONE"), ("cat", command), (command, "cat")])
    job.combiner = command if rng.random() < 0.15 and job.reducer != "NONE" else None
    job.order = "lines"


def area_environment(job):
    rng = job.rng
    text_inputs(job, files=1, count=3, plain=True)
    values = ["v", "a b", "${zz.one}", "${zz.two}x", "${no.such}", "x=y", "\u00e9", "$HOME", "${zz.three}", "a,b", "'q'", 'q"q', "-", "1", "${env.NO_SUCH:-dflt}",
              "${env.NO_SUCH-other}", "${java.nothing}", "\\", "${zz.one", "$${zz.one}", "${ zz.one}", "  pad ", "${zz.one}${zz.one}"]
    for name in rng.sample(["zz.one", "zz.two", "zz.three", "zz-4", "zz.5.a_b", "zz\u00e9", "zz six", "zz/7"], rng.randrange(1, 6)):
        job.prop(name, rng.choice(values))
    for _ in range(rng.choice([0, 1, 2])):
        job.option("-cmdenv", rng.choice(["ZA=1", "ZB=a b", "ZC=", "ZD", "ZE=x=y", "zz_one=over", "ZF=a ZG=b", "ZH=\u00e9", "=x", "ZI=1 =2"]))
    asked = ["zz", "Z", "stream_", "mapreduce_task_partition=", "mapreduce_task_ismap=", "mapreduce_job_reduces=", "mapred_task_partition=",
             "mapred_task_is_map=", "mapred_job_name=", "mapred_reduce_tasks=", "mapred_mapper_class=", "mapred_map_runner_class=", "mapreduce_map_input_", "map_input_", "mapreduce_job_output_", "mapreduce_map_output_", "mapreduce_input_fileinputformat_split", "mapreduce_output_textoutputformat"]
    show = job.program("env.py", *asked)
    job.mapper, job.reducer, job.combiner = rng.choice([(show, "NONE", None), ("cat", show, None), ("cat", show, show), (show, show, None)])
    job.order = "lines"
    if rng.random() < 0.3:
        job.prop("mapreduce.job.name", rng.choice(["my job", "j", "x\u00e9"]))
    if rng.random() < 0.2:
        # Longer than what the tasks set themselves, which mr-stream does not truncate.
        job.prop("zz.long", "l" * 150)
        job.prop("stream.jobconf.truncate.limit", str(rng.choice([-1, 120, 149, 150, 151])))
    job.reduces = rng.choice([None, 1, 2])


def area_exit(job):
    rng = job.rng
    text_inputs(job, files=rng.choice([1, 2]), count=rng.choice([0, 1, 5]), plain=True)
    end = lambda: job.program("exit.py", str(rng.choice([0, 0, 1, 3, 255])), rng.choice(["all", "first", "none"]))
    job.mapper = rng.choice(["cat", end(), "missing-program", "./missing", "/nowhere/x", "true", "false", "", " ", "head -n 1", "grep zzz"])
    job.reducer = rng.choice(["cat", "cat", end(), "missing-program", "NONE", "true", "false"])
    if rng.random() < 0.4:
        job.prop("stream.non.zero.exit.is.failure", rng.choice(["false", "false", "true", "no", "FALSE", " false "]))
    job.reduces = rng.choice([None, 1, 3, 0])


def area_options(job):
    """Repeated, contradicting, odd and missing options."""
    rng = job.rng
    text_inputs(job, files=1, count=5, plain=True)
    job.files["out2/x"] = b"there\n"
    odd = [["-numReduceTasks", "2"], ["-numReduceTasks", "x"], ["-numReduceTasks", "-1"], ["-reducer", "NONE"], ["-mapper", "tr a-z A-Z"], ["-output", "out2"],
           ["-inputformat", "NoSuchFormat"], ["-outputformat", "no.such.Format"], ["-partitioner", "NoSuch"], ["-unknown"], ["-verbose"], ["-debug"], ["-help"], ["-info"],
           ["-background"], ["-mapdebug", "x"], ["-reducedebug", "x"], ["-input"], ["-mapper"], ["stray"], ["-lazyOutput"], ["-lazyOutput", "x"],
           ["-jobconf", "mapreduce.job.reduces=3"], ["-jobconf", "novalue"], ["-cmdenv", "A"], ["-additionalconfspec", "more.xml"], ["-dfs", "local"], ["-dfs", "file:///"],
           ["-io", "text"], ["-io", "nonsense"], ["-inputreader", "NoSuchReader"], ["-file", "missing"], ["-cacheFile", "missing#x"], ["--mapper", "cat"],
           ["-numreducetasks", "2"], ["-combiner", "none"], ["-inputformat", MAPRED + "TextOutputFormat"], ["-partitioner", LIB + "IdentityMapper"],
           ["-inputformat", ""], ["-numReduceTasks", ""], ["-numReduceTasks", " 2 "], ["-mapp", "rev"], ["-reduc", "NONE"]]
    for words in rng.sample(odd, rng.choice([1, 1, 2])):
        job.option(*words)
    job.files["more.xml"] = b"<configuration><property><name>mapreduce.job.reduces</name><value>2</value></property></configuration>"
    generic = [["-D", "mapreduce.job.reduces=2"], ["-D", "mapred.reduce.tasks=3"], ["-D", "mapreduce.job.reduces=x"], ["-D", "mapreduce.job.reduces="], ["-D", "noequals"],
               ["-D", "mapreduce.job.reduces= 2"], ["-D", "mapreduce.job.reduces=0x2"], ["-Dmapreduce.job.reduces=2"], ["-D", "=x"], ["-conf", "missing.xml"],
               ["-conf", "more.xml"], ["-fs", "local"], ["-fs", "file:///"], ["-jt", "local"], ["-files", "missing"], ["-files", ""], ["-archives", "missing.zip"],
               ["-D", "mapreduce.framework.name=local"], ["-D", "mapreduce.job.reduces=2", "-D", "mapred.reduce.tasks=3"], ["-D", "mapreduce.job.reduces=-1"],
               ["-libjars", "nope.jar"], ["-files", "more.xml#a#b"], ["-files", "more.xml#./l1"], ["-fs", ""], ["-D", "mapreduce.framework.name=nosuch"],
               ["-D", "mapreduce.job.combine.class=x"], ["-D", "mapreduce.job.maps=x"], ["-D", "mapreduce.task.io.sort.mb=99999"],
               ["-D", "mapreduce.map.sort.spill.percent=2"], ["-D", "io.compression.codecs=no.such.Codec"],
               ["-D", "mapred.map.runner.class=org.apache.hadoop.streaming.PipeMapRunner"],
               ["-D", "mapreduce.output.fileoutputformat.compress.type=block"],
               ["-D", "mapreduce.map.output.compress=true", "-D", "mapreduce.map.output.compress.codec=Nope"],
               ["-D", "mapreduce.job.%s.class=x" % rng.choice(["partitioner", "inputformat", "outputformat", "map", "reduce", "combine"])],
               ["-D", "stream.reduce.output.field.separator=\"x\""], ["-D", "mapreduce.job.reduces=\"2\""], ["-D", "mapreduce.job.reduces=2\""]]
    if rng.random() < 0.6:
        job.generic.append(rng.choice(generic))
        if job.generic[-1][0] == "-libjars":
            job.known["works"] = LIBJARS


def area_conf_file(job):
    """XML configuration files with odd contents."""
    rng = job.rng
    text_inputs(job, files=1, count=5, plain=True)
    show = job.program("env.py", "zz")
    job.mapper, job.reducer = show, "NONE"
    values = ["v", " padded ", "a&amp;b", "a&lt;b", "<![CDATA[x<y]]>", "", "${zz.a}", "line\nbreak", "&#233;", "<!-- c -->after", "two<!-- c -->parts", "\u00e9", "\"q\"", "x\ty"]
    flags = ["", "", "", "<final>true</final>", "<final>false</final>", "<description>d</description>", "<source>s</source>", "<final> true </final>", "<final/>"]
    for i in range(rng.choice([1, 1, 2, 3])):
        rows = []
        for _ in range(rng.randrange(1, 5)):
            name, value = rng.choice(["zz.a", "zz.b", "zz.c", " zz.d ", "zz.e"]), rng.choice(values)
            rows.append(rng.choice([
                "<property><name>%s</name><value>%s</value>%s</property>" % (name, value, rng.choice(flags)),
                "<property><value>%s</value>%s<name>%s</name></property>" % (value, rng.choice(flags), name),
                "<property><name>%s</name></property>" % name,
                "<property name=\"%s\" value=\"attr%d\"/>" % (name.strip(), i),
                "<property name=\"%s\" value=\"attr%d\" final=\"true\"/>" % (name.strip(), i),
                "<!-- <property><name>zz.a</name><value>no</value></property> -->",
                "<configuration><property><name>%s</name><value>inner</value></property></configuration>" % name,
                "<other/>", "text",
            ]))
        root = rng.choice(["configuration"] * 12 + ["other"])
        body = "<%s>%s</%s>" % (root, "\n".join(rows), root)
        body = rng.choice(["", "<?xml version=\"1.0\"?>\n", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]) + body
        if rng.random() < 0.04:
            body = rng.choice([body[:-3], "", "text", body + "<again/>"])
        job.files["c%d.xml" % i] = body.encode()
        job.generic.append(["-conf", "c%d.xml" % i])
    if rng.random() < 0.4:
        job.generic.append(["-D", "%s=%s" % (rng.choice(["zz.a", "zz.b"]), rng.choice(["dee", "${zz.c}", "", "q\"", "\"q\""]))])


def area_conf_address(job):
    """Configuration files by address."""
    rng = job.rng
    text_inputs(job, files=1, count=5, plain=True)
    job.mapper, job.reducer = job.program("env.py", "zz"), "NONE"
    address = lambda name: rng.choice([name, "@FOLDER@/" + name, "file:@FOLDER@/" + name, "file://@FOLDER@/" + name, "file:" + name, "./" + name])
    for option, name in (("-conf", "c.xml"), ("-additionalconfspec", "d.xml")):
        job.files[name] = b"<configuration><property><name>zz.%c</name><value>%c</value></property></configuration>" % (name[0].encode(), name[0].encode())
        if rng.random() < 0.7:
            words = [option, address(name)]
            (job.generic.append if option == "-conf" else job.streaming.append)(words)
            if words[1] == "file:" + name:
                job.known["works"] = RELATIVE


def area_old_names(job):
    """Both names of a property, with different values."""
    rng = job.rng
    job.order = "lines"
    keyed_inputs(job, [b"\t", b",", b"."], 3)
    job.reduces = rng.choice([1, 2, 3])
    pairs = {
        "mapreduce.map.output.key.field.separator": [".", ","],
        "mapreduce.partition.keypartitioner.options": ["-k1,1", "-k2,2"],
        "mapreduce.partition.keycomparator.options": ["-k1,1", "-k2,2r"],
        "mapreduce.output.textoutputformat.separator": [":", ";"],
        "mapreduce.output.fileoutputformat.compress": ["true", "false"],
        "mapreduce.output.fileoutputformat.compress.codec": [CODEC + "GzipCodec", CODEC + "BZip2Codec"],
        "mapreduce.input.fileinputformat.split.minsize": ["20", "60"],
        "mapreduce.input.linerecordreader.line.maxlength": ["5", "20"],
        "mapreduce.job.reduces": ["2", "3"],
        "mapreduce.task.io.sort.factor": ["2", "10"],
        "mapreduce.map.output.compress": ["true", "false"],
        "mapreduce.job.name": ["one", "two"],
    }
    old = OLD_NAMES | {"mapreduce.task.io.sort.factor": "io.sort.factor", "mapreduce.job.name": "mapred.job.name"}
    job.known = dict.fromkeys(("result", "fails", "works"), BOTH_NAMES)
    if rng.random() < 0.5:
        job.option("-partitioner", LIB + "KeyFieldBasedPartitioner")
    if rng.random() < 0.3:
        job.prop("mapreduce.output.fileoutputformat.compress", "true")
    if rng.random() < 0.3:
        job.prop("fs.local.block.size", "30")
    job.reducer = rng.choice(["cat", "NONE"])
    for name in rng.sample(sorted(pairs), rng.choice([1, 1, 2])):
        words = [["-D", "%s=%s" % (one, value)] for one, value in zip((name, old[name]), rng.sample(pairs[name], 2))]
        rng.shuffle(words)
        job.generic.append(words[0] + words[1])
        if name == "mapreduce.partition.keycomparator.options":
            job.prop("mapreduce.job.output.key.comparator.class", LIB + "KeyFieldBasedComparator")
        if name == "mapreduce.job.reduces":
            job.reduces = None
        if name == "mapreduce.job.name":
            job.mapper = job.program("env.py", "mapred_job_name=", "mapreduce_job_name=")


def area_total_order(job):
    rng = job.rng
    words = data.PLAIN + [b"", b"a\xff", b"\xff", b"\xff\xfe", b"\xfe", b"zz", b"\x00"]
    words = words if rng.random() < 0.4 else data.PLAIN
    job.add("k", b"".join(rng.choice(words) + rng.choice([b"", b"\t1"]) + b"\n" for _ in range(40)))
    job.reduces = rng.choice([2, 3, 4, 5])
    cuts = sorted(rng.sample([word for word in words if word], job.reduces - 1))
    if rng.random() < 0.1:
        cuts = cuts[1:] + cuts[:1]
    pairs = [(cut, None) for cut in cuts]
    job.files["cuts"] = data.sequence_file(rng, IO + "Text", IO + "NullWritable", pairs, "none")
    job.option("-partitioner", LIB + "TotalOrderPartitioner")
    job.prop("mapreduce.totalorderpartitioner.path", "cuts")
    if rng.random() < 0.4:
        job.prop("mapreduce.totalorderpartitioner.naturalorder", rng.choice(["false", "true"]))
    if rng.random() < 0.3:
        job.prop("mapreduce.totalorderpartitioner.trie.maxdepth", str(rng.choice([1, 2, 5])))
    if any(cut[:1] == b"\xff" for cut in cuts):
        job.known["result"] = TOTAL_ORDER


def archive(job, ending):
    rng = job.rng
    members = {name: data.word(rng) for name in rng.sample(["x.txt", "d/y.txt", "d/e/z.txt", "\u00e9.txt", "sp ace"], 3)}
    out = io.BytesIO()
    if ending in ("zip", "jar"):
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
            for name, body in members.items():
                box.writestr(zipfile.ZipInfo(name), body)
    else:
        with tarfile.open(fileobj=out, mode="w" if ending == "tar" else "w:gz") as box:
            for name, body in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(body)
                box.addfile(entry, io.BytesIO(body))
    return out.getvalue()


def area_cache(job):
    """Shipped files. They lie in a folder of their own: Hadoop's local mode makes no link where a file is already."""
    rng = job.rng
    job.add("a", b"x\n")
    job.files.update({"up/f1.txt": b"one\n", "up/f2.txt": b"two\n", "up/sp ace.txt": b"blank\n", "up/dir/g1": b"g1\n", "up/dir/sub/g2": b"g2\n"})
    shown, files, archives = ["f1.txt", "f2.txt", "dir", "g1", "sub", "l1", "l2", "arc"], [], []
    for _ in range(rng.choice([1, 2, 3])):
        entry = "up/" + rng.choice(["f1.txt", "f2.txt", "f1.txt#l1", "f2.txt#l2", "dir", "dir#l1", "dir/g1", "dir/g1#l2", "./f1.txt", "missing.txt", "../up/f1.txt"]
                                   if rng.random() < 0.3 else ["f1.txt", "f2.txt#l2", "dir", "dir/g1", "f1.txt#l1"])
        if entry not in files:
            files.append(entry)
    for _ in range(rng.choice([0, 1, 1, 2])):
        ending = rng.choice(["zip", "jar", "tar", "tar.gz", "tgz"])
        name = "arc%d.%s" % (len(archives), ending)
        job.files["up/" + name] = archive(job, ending)
        link = rng.choice(["", "", "#arc%d" % len(archives), "#l9"])
        archives.append("up/" + name + link)
        shown += [name, "arc%d" % (len(archives) - 1), "l9"]
    show = job.program("ls.py", *sorted(set(shown)))
    del job.shipped[:]
    way = rng.random()
    if way < 0.7:
        job.generic.append(["-files", ",".join(["ls.py"] + files)])
    elif way < 0.85:
        job.generic.append(["-files", "ls.py"])
        for entry in files:
            job.option("-file", entry.split("#")[0])
    else:
        job.generic.append(["-files", "ls.py"])
        for entry in files:
            if rng.random() < 0.3:
                entry = rng.choice(["file:@FOLDER@/up/f1.txt#", "file:@FOLDER@/up/sp%20ace.txt#", "up/f2.txt#"]) + rng.choice(["l1", "l%32", "l 2", "l^", "l%2"])
            job.option("-cacheFile", entry if "#" in entry else entry + "#l1")
    if archives and rng.random() < 0.8:
        job.generic.append(["-archives", ",".join(archives)])
    elif archives:
        for entry in archives:
            job.option("-cacheArchive", entry if "#" in entry else entry + "#l9")
    job.mapper, job.reducer = rng.choice([(show, "NONE"), ("cat", show)])
    job.order = "lines"


def area_xml(job):
    rng = job.rng
    begin, end = rng.choice([("<r>", "</r>"), ("<rec", "/>"), ("<page>", "</page>"), ("[[", "]]"), ("<aab>", "</aab>")])
    bits = [begin, end, "text", "<r", "</", "\n", "\t", "<a>", "x", begin + "b" + end, begin + "\nq\n" + end, begin[:-1], end[:-1], "\u00e9", "<!-- c -->",
            "<aa", "</aa", begin + "<![CDATA[" + end + "]]>" + end]
    slow = rng.random() < 0.25
    for i in range(rng.choice([1, 2])):
        job.add("x%d.xml" % i, "".join(rng.choice(bits[:-1] if rng.random() < 0.9 else bits) for _ in range(rng.choice([5, 40, 150]))).encode())
    spec = "%s,begin=%s,end=%s" % (rng.choice(["StreamXmlRecordReader", "StreamXmlRecord"] if rng.random() < 0.1 else ["StreamXmlRecordReader"]), begin, end)
    if slow:
        spec += ",slowmatch=true" + rng.choice(["", ",maxrec=20", ",maxrec=1000,lookahead=2000"])
        if begin == "[[":
            spec = spec.replace("[[", "<r>").replace("]]", "</r>")
    job.option("-inputreader", spec)
    if rng.random() < 0.3:
        job.option("-inputformat", "org.apache.hadoop.streaming.StreamInputFormat")
    if rng.random() < 0.5:
        small_splits(job)
    job.reducer = rng.choice(["NONE", "NONE", "cat"])


def area_volume(job):
    """Enough records for several spills and merges."""
    rng = job.rng
    job.spills = True
    for i in range(rng.choice([1, 2, 4])):
        job.add("v%d" % i, b"".join(b"%s\t%d\n" % (rng.choice([b"k%d" % rng.randrange(5000), data.word(rng, True)]), rng.randrange(1000))
                                    for _ in range(rng.choice([20000, 60000]))))
    job.prop("mapreduce.task.io.sort.mb", "1")
    job.prop("mapreduce.task.io.sort.factor", str(rng.choice([2, 3, 10])))
    job.combiner = rng.choice([None, job.program("sum.py"), "cat"])
    job.reducer = job.program("sum.py") if job.combiner and "sum" in job.combiner else rng.choice(["cat", job.program("count.py")])
    job.reduces = rng.choice([1, 2, 5])
    if rng.random() < 0.5:
        small_splits(job)


AREAS = [(name[5:], make) for name, make in sorted(globals().items()) if name.startswith("area_")]
WEIGHTS = {name: 1 for name, _ in AREAS} | {
    "text": 4, "splits": 4, "separators": 3, "formats": 3, "partition": 2, "comparator": 3, "options": 2, "io": 2, "sequence": 2, "volume": 0.5, "output": 2}


def finish(job):
    """What any job may have, as long as it changes nothing that its area is about."""
    rng = job.rng
    properties = {name for name, _ in job.props}
    taken = {words[0] for words in job.streaming}
    if job.area in ("options", "cache", "exit", "command", "conf_file"):
        return
    if rng.random() < 0.05 and "-lazyOutput" not in taken:
        job.option("-lazyOutput")
    if rng.random() < 0.05 and "mapreduce.output.fileoutputformat.compress" not in properties and "-outputformat" not in taken:
        job.prop("mapreduce.output.fileoutputformat.compress", "true")
        job.prop("mapreduce.output.fileoutputformat.compress.codec", CODEC + rng.choice(["GzipCodec", "BZip2Codec"]))
    if rng.random() < 0.1 and "mapreduce.task.io.sort.mb" not in properties:
        job.prop("mapreduce.task.io.sort.factor", str(rng.choice([2, 3, 100])))
    if rng.random() < 0.05:
        job.prop("mapreduce.map.output.compress", "true")


def make(seed, number, weights=WEIGHTS):
    """The job of a seed, a number and the areas' weights."""
    rng = random.Random("%s/%d" % (seed, number))
    chosen = [(name, build) for name, build in AREAS if name in weights]
    name, build = rng.choices(chosen, [weights[name] for name, _ in chosen])[0]
    job = Job(name, rng)
    build(job)
    finish(job)
    return job, job.arguments()
