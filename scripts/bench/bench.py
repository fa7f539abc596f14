"""Workloads, ways to run them, and the table. Called by scripts/bench.sh, whose head tells the options."""

import argparse
import json
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import sys

# Children of every way write as they do by default.
os.environ.pop("PYTHONUNBUFFERED", None)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLOTS = os.cpu_count() or 1
SORT = "LC_ALL=C sort -t '\t' -k1,1 -s --parallel=%d" % SLOTS


def main():
    options = parse_options()
    bench = Bench(options)
    chosen = [work for work in WORKLOADS if work.__name__.upper() in bench.only]
    rows = []
    for work in chosen:
        for one in work(bench):
            rows.append(one)
            say(line_of(one))
    print(table(bench, rows))
    with open(bench.path("results", "table.md"), "w", encoding="utf-8") as file:
        file.write(table(bench, rows) + "\n")
    return 0 if all(row["met"] is not False for row in rows) else 1


def parse_options():
    parser = argparse.ArgumentParser(prog="bench.sh")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=None)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scale", type=float, default=None)
    parser.add_argument("--before", default=None)
    parser.add_argument("--hadoop", action="store_true")
    parser.add_argument("--folder", default=os.path.join(ROOT, "target", "bench"))
    return parser.parse_args()


class Bench:
    """Data, programs and measuring."""

    def __init__(self, options):
        self.folder = os.path.abspath(options.folder)
        self.scale = (options.scale or (10 if options.quick else 100)) / 100
        self.runs = options.runs
        names = options.only or ("W1,W3,W5" if options.quick else ",".join(w.__name__ for w in WORKLOADS))
        self.only = names.upper().split(",")
        os.makedirs(self.path("results"), exist_ok=True)
        os.makedirs(self.path("bin"), exist_ok=True)
        self.engine = self.build(ROOT)
        self.before = self.find_before(options.before)
        self.hadoop = self.find_hadoop() if options.hadoop else None
        for name, source in (("data", "scripts/bench/data.rs"), ("wordcount", "mappers/wordcount.rs")):
            run("rustc --edition 2024 -C opt-level=3 -o %s %s" % (self.path("bin", name), source), cwd=ROOT)
        self.wordcount = self.path("bin", "wordcount")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def build(self, tree):
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(tree, "target"))
        run("cargo build --release --locked --quiet --bin mr-stream", cwd=tree)
        return os.path.join(target, "release", "mr-stream")

    def find_before(self, what):
        if what is None or os.access(what, os.X_OK):
            return what and os.path.abspath(what)
        tree = self.path("before")
        shutil.rmtree(tree, ignore_errors=True)
        run("git clone -q %s %s && git -C %s checkout -q %s" % (ROOT, tree, tree, shlex.quote(what)))
        run("cargo build --release --locked --quiet --bin mr-stream --target-dir %s/target" % tree, cwd=tree)
        return os.path.join(tree, "target/release/mr-stream")

    def find_hadoop(self):
        """The command line of a Hadoop, but for its arguments."""
        jars = os.environ.get("HADOOP_JARS")
        cache = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "mr-stream", "jars")
        if not jars and os.path.isdir(cache):
            jars = ":".join(os.path.join(cache, name) for name in sorted(os.listdir(cache)))
        if not jars:
            sys.exit("bench.sh: no Hadoop: set HADOOP_JARS, or let scripts/compare_hadoop.sh fetch one first")
        return "java -Xmx2g -cp %s org.apache.hadoop.streaming.HadoopStreaming" % jars

    def data(self, kind, megabytes, *more, scale=True):
        """A file of generated data, made once."""
        megabytes = max(1, round(megabytes * (self.scale if scale else 1)))
        name = self.path("-".join(["in", kind, str(megabytes), *map(str, more)]))
        if not os.path.exists(name):
            say("making %s" % name)
            arguments = " ".join([kind, str(megabytes), *map(str, more)])
            run("%s %s > %s.part && mv %s.part %s" % (self.path("bin", "data"), arguments, name, name, name))
        run("cat %s > /dev/null" % name)
        return name

    def pieces(self, name, count):
        """The file cut into so many pieces at line ends."""
        folder = "%s.%d" % (name, count)
        if not os.path.isdir(folder):
            os.makedirs(folder + ".part")
            run("split -n l/%d %s %s/p" % (count, name, folder + ".part"))
            os.rename(folder + ".part", folder)
        return folder

    def job(self, binary, arguments):
        out = self.path("out")
        return "rm -rf %s && %s %s -output %s 2>%s.log" % (out, binary, arguments, out, out)

    def peak(self, command):
        """Runs once; the largest process' memory in MB."""
        before = os.environ.get("BENCH_NO_PEAK")
        pid = os.fork()
        if pid == 0:
            code = subprocess.run(["sh", "-c", command], check=False).returncode
            usage = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            with open(self.path("results", "peak"), "w", encoding="utf-8") as file:
                file.write("%d %d" % (code, usage))
            os._exit(0)
        os.waitpid(pid, 0)
        with open(self.path("results", "peak"), encoding="utf-8") as file:
            code, usage = map(int, file.read().split())
        if code != 0 and before is None:
            sys.exit("bench.sh: failed: %s" % command)
        return usage / 1000

    def time(self, name, ways, runs=None):
        """Medians in seconds of each way, all in one run of hyperfine."""
        ways = {way: command for way, command in ways.items() if command}
        raw = self.path("results", name + ".json")
        line = ["hyperfine", "--style", "none", "--warmup", "1", "--runs", str(runs or self.runs), "--export-json", raw]
        for way, command in ways.items():
            say("%s %s: %s" % (name, way, command))
            line += ["--command-name", way, command]
        run(" ".join(map(shlex.quote, line)))
        with open(raw, encoding="utf-8") as file:
            return {one["command"]: statistics.median(one["times"]) for one in json.load(file)["results"]}

    def same(self, command, expected):
        """Fails unless the command's output is this file's content, as lines in any order."""
        sums = [run("%s | LC_ALL=C sort -S 25%% | cksum" % text, output=True) for text in (command, "cat " + expected)]
        if sums[0] != sums[1]:
            sys.exit("bench.sh: WRONG OUTPUT: %s is not %s" % (command, expected))

    def ways(self, arguments, gnu=None, bare=None, hadoop=None):
        return {
            "mr-stream": self.job(self.engine, arguments),
            "before": self.before and self.job(self.before, arguments),
            "GNU sort": gnu,
            "bare": bare,
            "Hadoop": self.hadoop and hadoop and self.job(self.hadoop, arguments),
        }

    def bare(self, name, mapper, reducer, parts):
        """Mappers over as many pieces as there are slots, then reducers over sorted files."""
        pieces = self.pieces(name, SLOTS)
        maps = "ls %s/* | xargs -P%d -I{} sh -c '%s < {} > /dev/null'" % (pieces, SLOTS, mapper)
        if not reducer:
            return maps
        reduces = "ls %s | xargs -P%d -I{} sh -c '%s < {} > {}.out'" % (" ".join(parts), SLOTS, reducer)
        return "%s && %s" % (maps, reduces)


def run(command, cwd=None, output=False):
    done = subprocess.run(["bash", "-c", "set -o pipefail; " + command], cwd=cwd, check=False,
                          stdout=subprocess.PIPE if output else None)
    if done.returncode != 0:
        sys.exit("bench.sh: failed: %s" % command)
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


def row(work, what, times, targets, notes=""):
    """`targets` maps another way to the bound on our time divided by its time, e.g. {"GNU sort": 0.1}."""
    ratios = {way: times["mr-stream"] / seconds for way, seconds in times.items() if way != "mr-stream"}
    met = all(ratios[way] <= bound for way, bound in targets.items())
    return {"work": work, "what": what, "times": times, "ratios": ratios, "targets": targets, "met": met, "notes": notes}


def count_words(bench, work, what, name, mapper, reducer, reduces, targets, runs=None):
    """Word count, ours, GNU's and bare."""
    sorted_file = name + ".mapped"
    answer = name + ".answer"
    if not os.path.exists(answer):
        run("%s < %s | %s -S 25%% > %s" % (mapper, name, SORT, sorted_file))
        run("%s < %s > %s.part && mv %s.part %s" % (reducer, sorted_file, answer, answer, answer))
    arguments = "-mapper '%s' -reducer '%s' -numReduceTasks %d -input %s" % (mapper, reducer, reduces, name)
    gnu = "%s < %s | %s -S 25%% | %s > %s.gnu" % (mapper, name, SORT, reducer, bench.path("out"))
    ways = bench.ways(arguments, gnu, bench.bare(name, mapper, reducer, [sorted_file]), hadoop=True)
    times = bench.time(work, ways, runs)
    bench.same("cat %s/part-*" % bench.path("out"), answer)
    return row(work, what, times, targets)


def w1(bench):
    name = bench.data("text", 500)
    words = bench.wordcount
    targets = {"GNU sort": 1 / 10, "bare": 1.8}
    yield count_words(bench, "W1", "word count, native, 500 MB", name, words + " map", words + " reduce", 1, targets)


def w2(bench):
    name = bench.data("text", 50)
    programs = ["python3 %s/mappers/wordcount_%s.py" % (ROOT, part) for part in ("map", "reduce")]
    targets = {"GNU sort": 1, "bare": 1.1}
    yield count_words(bench, "W2", "word count in Python, 50 MB", name, *programs, 1, targets)


def sort_records(bench, work, what, name, reduces, budget, targets, runs=None):
    """`cat` and `cat`, ours, GNU's and bare, within a budget in MB if there is one."""
    gnu_budget = "%dM" % budget if budget else "25%"
    arguments = "-mapper cat -reducer cat -numReduceTasks %d -input %s" % (reduces, name)
    if budget:
        arguments = "-D mrstream.memory.mb=%d %s" % (budget, arguments)
    gnu = "cat < %s | cat | %s -S %s -T %s | cat > %s.gnu" % (name, SORT, gnu_budget, bench.folder, bench.path("out"))
    ways = bench.ways(arguments, gnu, bench.bare(name, "cat", "cat", [name]), hadoop=not budget)
    peak = bench.peak(ways["mr-stream"])
    if reduces == 1:
        run("LC_ALL=C sort -c -t '\t' -k1,1 %s/part-00000" % bench.path("out"))
    bench.same("cat %s/part-*" % bench.path("out"), name)
    times = bench.time(work, ways, runs)
    return row(work, what, times, targets, "peak %d MB" % peak) | {"peak": peak}


def w3(bench):
    name = bench.data("records", 1000)
    targets = {"GNU sort": 1 / 3, "bare": 4}
    yield sort_records(bench, "W3", "1 GB of records in memory", name, 1, None, targets)


def w4(bench):
    name = bench.data("records", 8000)
    made = sort_records(bench, "W4", "8 GB, 3 reduces, 512 MB", name, 3, 512, {"GNU sort": 1 / 3}, runs=2)
    made["met"] = made["met"] and made["peak"] < 600
    yield made


def w5(bench):
    name = bench.path("in-line")
    run("echo 'one line' > %s" % name)
    pipe = "cat %s | cat | sort | cat > %s.pipe" % (name, bench.path("out"))
    times = bench.time("W5", bench.ways("-mapper cat -reducer cat -input " + name, pipe), runs=30)
    more = 1000 * (times["mr-stream"] - times["GNU sort"])
    made = row("W5", "one line", times, {}, "%.1f ms slower than the pipe (at most 10)" % more)
    made["met"] = more <= 10
    yield made


def w6(bench):
    count = max(100, round(10_000 * bench.scale))
    folder = bench.path("in-small-%d" % count)
    if not os.path.isdir(folder):
        os.makedirs(folder)
        for number in range(count):
            with open("%s/%05d" % (folder, number), "w", encoding="ascii") as file:
                file.write(("%05d\tsome text\n" % number) * 128)
    bare = "ls %s/* | xargs -P%d -n1 cat > %s.pipe" % (folder, SLOTS, bench.path("out"))
    arguments = "-mapper cat -reducer cat -input " + folder
    times = bench.time("W6", bench.ways(arguments, bare=bare), runs=3)
    yield row("W6", "%d files of 2 KB" % count, times, {"bare": 1.3})
    combine = "-inputformat org.apache.hadoop.mapred.lib.CombineTextInputFormat " + arguments
    times = bench.time("W6-combine", bench.ways(combine, bare=bare), runs=3)
    yield row("W6", "the same, CombineTextInputFormat", times, {"bare": 0.1})


def w7(bench):
    name = bench.data("text", 500)
    mapper = "python3 %s/mappers/wordcount_map.py" % ROOT
    for tool, ending in (("gzip", "gz"), ("bzip2", "bz2")):
        packed = "%s.%s" % (name, ending)
        if not os.path.exists(packed):
            run("%s -c %s > %s.part && mv %s.part %s" % (tool, name, packed, packed, packed))
        pipe = "%s -dc %s | %s > /dev/null" % (tool, packed, mapper)
        arguments = "-D mapreduce.job.reduces=0 -outputformat org.apache.hadoop.mapred.lib.NullOutputFormat " \
                    "-mapper '%s' -input %s" % (mapper, packed)
        times = bench.time("W7-" + ending, bench.ways(arguments, bare=pipe), runs=2)
        yield row("W7", "one .%s file, Python mapper" % ending, times, {"bare": 1 / 1.7})


def w8(bench):
    words = bench.wordcount
    plain, hot = bench.data("text", 500), bench.data("text", 500, 50)
    job = "-mapper '%s map' -reducer '%s reduce' -numReduceTasks 4 -input " % (words, words)
    ways = {"mr-stream": bench.job(bench.engine, job + hot), "even keys": bench.job(bench.engine, job + plain)}
    yield row("W8", "half of all records have one key, 4 reduces", bench.time("W8", ways), {"even keys": 1.3})


def w9(bench):
    seconds = {}
    for megabytes in (250, 1000, 4000, 16000):
        name = bench.data("records", megabytes)
        arguments = "-D mrstream.memory.mb=512 -mapper cat -reducer cat -input " + name
        times = bench.time("W9-%d" % megabytes, {"mr-stream": bench.job(bench.engine, arguments)}, runs=2)
        seconds[megabytes] = 1000 * times["mr-stream"] / megabytes
        shutil.rmtree(bench.path("out"), ignore_errors=True)
    listed = ", ".join("%.2f" % one for one in seconds.values())
    growth = max(seconds.values()) / min(seconds.values())
    notes = "s per GB at 0.25, 1, 4, 16 GB: %s; growth %.2f (at most 1.5)" % (listed, growth)
    yield row("W9", "512 MB budget, growing input", {"mr-stream": seconds[16000] * 16}, {}, notes) | {"met": growth <= 1.5}


def w10(bench):
    name = bench.data("records", 1000)
    pieces = bench.pieces(name, 32)
    bare = "ls %s/p?? | xargs -P%d -I{} sh -c 'grep aaa {} > {}.out || true'" % (pieces, SLOTS)
    arguments = "-D mapreduce.job.reduces=0 -D stream.non.zero.exit.is.failure=false -mapper 'grep aaa' -input '%s/p??'" % pieces
    times = bench.time("W10", bench.ways(arguments, bare=bare))
    bench.same("cat %s/part-*" % bench.path("out"), "%s/*.out" % pieces)
    yield row("W10", "map-only grep over 1 GB, 32 splits", times, {"bare": 1.15})


def w11(bench):
    values = bench.data("records", 1000, 1000)
    line = bench.path("in-one-line")
    run("head -c 300000000 /dev/zero | tr '\\0' x > %s" % line)
    for what, name in (("values of 1 MB", values), ("one line of 300 MB", line)):
        arguments = "-D mrstream.memory.mb=512 -mapper cat -reducer cat -input " + name
        peak = bench.peak(bench.job(bench.engine, arguments))
        times = bench.time("W11", {"mr-stream": bench.job(bench.engine, arguments)}, runs=1)
        yield row("W11", what, times, {}, "peak %d MB of 512" % peak) | {"met": peak < 600}


WORKLOADS = [w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11]


def line_of(one):
    """A row of the table."""
    others = ", ".join("%s %.2f s" % pair for pair in one["times"].items() if pair[0] != "mr-stream")
    bounds = one["targets"]
    shown = ["%s %.2f%s" % (way, ratio, " (at most %.2f)" % bounds[way] if way in bounds else "")
             for way, ratio in one["ratios"].items()]
    shown += [one["notes"]] if one["notes"] else []
    cells = (one["work"], one["what"], one["times"]["mr-stream"], others, "; ".join(shown), "met" if one["met"] else "MISSED")
    return "| %s | %s | %.2f s | %s | %s | %s |" % cells


def table(bench, rows):
    """The results in Markdown."""
    lines = ["| | work | mr-stream | others | ratio, ours to theirs | |", "|---|---|---|---|---|---|"]
    lines += map(line_of, rows)
    return "%d cores, data at %g %%, medians\n\n%s" % (SLOTS, bench.scale * 100, "\n".join(lines))


if __name__ == "__main__":
    sys.exit(main())
