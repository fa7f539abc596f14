"""Programs, data, measuring and comparing. Knows no workload."""

import collections
import glob
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLOTS = os.cpu_count() or 1
GNU_SORT = "LC_ALL=C sort -t '\t' -k1,1 -s --parallel=%d" % SLOTS
# The ways that are given a job.
ENGINES = ("mr-stream", "before", "Hadoop")

# A command, and the file or folder that it makes; removed before each run.
Way = collections.namedtuple("Way", "command out")
# A way's median, and how many cores it kept busy on average.
Timing = collections.namedtuple("Timing", "seconds cores")


class Failed(Exception):
    """A command failed or an output is wrong: the row cannot be had."""


class Lab:
    """One folder with data, programs, outputs and raw numbers, and what is done with them."""

    def __init__(self, options, scale):
        self.folder = os.path.abspath(options.folder)
        self.scale = scale
        self.runs = options.runs
        self.keep = options.keep
        for name in ("bin", "data", "out", "tmp", "results"):
            os.makedirs(self.path(name), exist_ok=True)
        # Temporary files of every way go to the disk that is measured; and Python writes as it does by default.
        os.environ["TMPDIR"] = self.path("tmp")
        os.environ.pop("PYTHONUNBUFFERED", None)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    # -- programs

    def build(self, options):
        """The engine, the one to compare it with, and the programs that make data and count words."""
        run("cargo build --release --locked --quiet --bin mr-stream", cwd=ROOT)
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
        # A copy, so that a build meanwhile does not change what is measured.
        self.engines = {"mr-stream": shutil.copy(os.path.join(target, "release", "mr-stream"), self.path("bin", "mr-stream"))}
        if options.before:
            self.engines["before"] = self.build_before(options.before)
        if options.hadoop:
            self.engines["Hadoop"] = find_hadoop()
        for name, source in (("data", "scripts/bench/data.rs"), ("wordcount", "mappers/wordcount.rs")):
            source, program = os.path.join(ROOT, source), self.path("bin", name)
            if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
                run("rustc --edition 2024 -C opt-level=3 -o %s %s" % (program, source))
        self.wordcount = self.path("bin", "wordcount")

    def build_before(self, what):
        if os.path.isfile(what) and os.access(what, os.X_OK):
            return os.path.abspath(what)
        commit = run("git rev-parse --verify --short %s^{commit}" % shlex.quote(what), cwd=ROOT).decode().strip()
        program, tree = self.path("bin", "mr-stream-" + commit), self.path("before")
        if not os.path.exists(program):
            say("building %s" % commit)
            shutil.rmtree(tree, ignore_errors=True)
            run("git clone -q %s %s && git -C %s checkout -q %s" % (ROOT, tree, tree, commit))
            run("cargo build --release --locked --quiet --bin mr-stream --target-dir target", cwd=tree)
            shutil.move(os.path.join(tree, "target/release/mr-stream"), program)
            shutil.rmtree(tree)
        return program

    def knows(self, name):
        """Whether the engine lists this property."""
        return run("%s properties" % self.engines["mr-stream"]).decode().find(name + "\t") >= 0

    # -- data

    def size(self, megabytes):
        """How large so many megabytes are at this scale; at least 1."""
        return max(1, round(megabytes * self.scale))

    def data(self, kind, megabytes, *more):
        """A file of generated data."""
        words = [kind, str(self.size(megabytes)), *map(str, more)]
        return self.made("-".join(words), "%s %s" % (self.path("bin", "data"), " ".join(words)))

    def made(self, name, command):
        """A file of the data folder, made once by the command's output, and in the page cache."""
        path = self.path("data", name)
        if not os.path.exists(path):
            say("making %s" % path)
            run("( %s ) > %s.part && mv %s.part %s" % (command, path, path, path))
        run("cat %s > /dev/null" % path)
        return path

    def pieces(self, name, count):
        """A folder with the file cut into so many pieces at line ends."""
        folder = "%s.%d" % (name, count)
        if not os.path.isdir(folder):
            os.makedirs(folder + ".part")
            run("split -n l/%d %s %s/p" % (count, name, folder + ".part"))
            os.rename(folder + ".part", folder)
        return folder

    def clean(self, over_gb=0.05):
        """Removes outputs, what is left of temporary files, and larger data unless it is to be kept."""
        for name in ("out", "tmp"):
            shutil.rmtree(self.path(name))
            os.makedirs(self.path(name))
        for name in os.listdir(self.path("data")):
            path = self.path("data", name)
            size = sum(map(os.path.getsize, glob.glob(path + "/*"))) if os.path.isdir(path) else os.path.getsize(path)
            if size > over_gb * 1e9 and not self.keep:
                remove(path)

    def disk_gb(self):
        """Free space, with what earlier runs left here."""
        ours = run("du -s --block-size=1000000 %s %s %s" % tuple(map(self.path, ("data", "out", "tmp"))))
        there = sum(int(line.split()[0]) for line in ours.decode().splitlines()) / 1000
        return there + shutil.disk_usage(self.folder).free / 1e9

    def file_system(self):
        return run("stat -f -c %%T %s" % self.folder).decode().strip()

    # -- ways

    def out(self, way):
        return self.path("out", way.replace(" ", "-"))

    def job(self, way, arguments, engine=None):
        """A way that is an engine's job."""
        out, program = self.out(way), self.engines[engine or way]
        return Way("%s %s -output %s 2> %s.log" % (program, arguments, out, out), out)

    def pipe(self, way, command):
        """A way that is a pipeline, its output in one file."""
        return Way("%s > %s" % (command, self.out(way)), self.out(way))

    def jobs(self, arguments, hadoop=False):
        """The same job for every engine there is."""
        return {way: self.job(way, arguments) for way in self.engines if hadoop or way != "Hadoop"}

    def bare(self, name, mapper, reducer, sorted_file):
        """The mapper over the splits that the job has, then the reducer over a sorted file."""
        pieces = self.pieces(name, default_splits(os.path.getsize(name)))
        maps = "ls %s/* | xargs -P%d -I{} sh -c '%s < {} > /dev/null'" % (pieces, SLOTS, mapper)
        return self.pipe("bare", "%s && %s < %s" % (maps, reducer, sorted_file))

    # -- measuring

    def time(self, name, ways, runs=5, warm=True, at_once=1):
        """A [`Timing`] for each way, by hyperfine in rounds: each way `at_once` times, then the next, so that a
        machine that changes its speed changes it for all. With `warm` the first round does not count."""
        for way, (command, _) in ways.items():
            say("%s %s: %s" % (name, way, command))
        rounds = [self.one_round(name, ways, at_once) for _ in range((self.runs or runs) + (1 if warm else 0))]
        counted = [dict(zip(ways, one)) for one in rounds[1 if warm else 0:]]
        timings = {}
        raw = {}
        for way in ways:
            raw[way] = [seconds for one in counted for seconds in one[way]["times"]]
            cores = [(one[way]["user"] + one[way]["system"]) / max(one[way]["mean"], 1e-9) for one in counted]
            timings[way] = Timing(statistics.median(raw[way]), statistics.median(cores))
        with open(self.path("results", name + ".json"), "w", encoding="utf-8") as file:
            json.dump({"seconds": raw, "commands": {way: ways[way].command for way in ways}}, file, indent=1)
        return timings

    def one_round(self, name, ways, times):
        report = self.path("results", "round.json")
        line = ["hyperfine", "--style", "none", "--runs", str(times), "--export-json", report]
        for command, out in ways.values():
            line += ["--prepare", "rm -rf " + out, command]
        done = subprocess.run(line, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode != 0:
            raise Failed("%s: %s%s" % (name, last_line(done.stderr), self.logged(ways)))
        with open(report, encoding="utf-8") as file:
            return json.load(file)["results"]

    def peak(self, way):
        """Runs a way once; the memory of its largest process in MB."""
        remove(way.out)
        process = subprocess.Popen(["bash", "-c", way.command])
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            raise Failed("%s%s" % (way.command, self.logged({"": way})))
        return usage.ru_maxrss * 1024 / 1e6

    def logged(self, ways):
        """The ends of the ways' logs, where an engine said why it failed."""
        logs = [way.out + ".log" for way in ways.values() if os.path.exists(way.out + ".log")]
        ends = ["%s: %s" % (os.path.basename(log), last_line(open(log, "rb").read())) for log in logs]
        return "; ".join([""] + ends)

    # -- comparing

    def compare(self, ways, answer, how):
        """Fails unless each engine's output is the answer, a file. `how` is one of `bytes`: the only part is the
        answer; `sorted`: each part is, and all have the answer's lines; `lines`: in whatever order."""
        for way in ways:
            if way in ENGINES or way == "even keys":
                self.compare_one(ways[way].out, answer, how)

    def compare_one(self, out, answer, how):
        parts = sorted(glob.glob(out + "/part-*"))
        if not parts or not os.path.exists(out + "/_SUCCESS"):
            raise Failed("WRONG OUTPUT: no result in %s" % out)
        if how == "bytes":
            require(len(parts) == 1 and succeeds("cmp -s %s %s" % (parts[0], answer)), out, answer)
            return
        if how == "sorted":
            for part in parts:
                require(succeeds("LC_ALL=C sort -c -t '\t' -k1,1 %s" % part), part, "sorted")
        require(self.lines_of(parts) == self.lines_of([answer]), out, answer)

    def lines_of(self, files):
        """Number and sum of the lines, whatever their order."""
        return run("%s check %s" % (self.path("bin", "data"), " ".join(files)))


def find_hadoop():
    """The command line of a Hadoop, but for its arguments."""
    jars = os.environ.get("HADOOP_JARS")
    cache = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "mr-stream", "jars")
    if not jars and os.path.isdir(cache):
        jars = ":".join(os.path.join(cache, name) for name in sorted(os.listdir(cache)))
    if not jars:
        raise Failed("no Hadoop: set HADOOP_JARS, or let scripts/compare_hadoop.sh fetch one first")
    return "java -Xmx2g -cp %s org.apache.hadoop.streaming.HadoopStreaming" % jars


def require(holds, out, answer):
    if not holds:
        raise Failed("WRONG OUTPUT: %s is not %s" % (out, answer))


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.remove(path)


def last_line(text):
    lines = text.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def succeeds(command):
    return subprocess.run(["bash", "-c", command], check=False).returncode == 0


def default_splits(size):
    """How many splits a file has before a shuffle if nobody says, as `input/splitter.rs` does it."""
    splits = 16
    while splits > 1 and size // splits < 6 << 20:
        splits //= 2
    return max(splits, -(-size // (64 << 20)))


def run(command, cwd=None):
    """The command's output; fails if any part of a pipeline does."""
    done = subprocess.run(["bash", "-c", "set -o pipefail; " + command], cwd=cwd, check=False, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise Failed("failed: %s" % command)
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)
