"""Runs random jobs with Hadoop and with mr-stream in equal folders, and compares what they leave.

Compared are the exit code (zero or which other), and for jobs that succeed the names and bytes of the output files and
the counters. Compressed files are compared by content, sequence files record by record. Where Hadoop leaves the order
of equal keys to chance, lines may change places among lines of equal keys, and nowhere else."""
import argparse
import collections
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import data
import jobs

# Counters that both have; the others measure time, memory or the framing of Hadoop's own files.
FRAMEWORK = ["Map input records", "Map output records", "Map output bytes", "Combine input records", "Combine output records",
             "Reduce input groups", "Reduce input records", "Reduce output records", "Spilled Records", "Shuffled Maps", "Merged Map outputs"]
DEPENDS_ON_SPILLS = ["Combine input records", "Combine output records", "Reduce input records", "Spilled Records"]
BUILT_IN = ["Map-Reduce Framework", "File System Counters", "Shuffle Errors", "File Input Format Counters", "File Output Format Counters",
            "Job Counters"]


def write_folder(job, folder):
    os.makedirs(os.path.join(folder, "in"))
    for name, content in job.files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def run(command, folder, log, timeout):
    """Exit code; None when there was no end."""
    with open(log, "wb") as out:
        try:
            return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=timeout).returncode
        except subprocess.TimeoutExpired:
            return None


def output_files(folder):
    found = {}
    for place, _, names in os.walk(os.path.join(folder, "out")):
        for name in names:
            if not name.endswith(".crc"):
                path = os.path.join(place, name)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, os.path.join(folder, "out"))] = file.read()
    return found


def rows(name, content):
    """What must agree as it stands, and rows whose order may be free."""
    unpack = data.UNPACKERS.get(os.path.splitext(name)[1])
    if unpack:
        content = unpack(content)
    if content.startswith(b"SEQ\x06"):
        return data.sequence_dump(content)
    return b"", content.splitlines(keepends=True) if b"\r" not in content else content.replace(b"\n", b"\n\x00").split(b"\x00")


def blocks(ours, theirs):
    """The shortest stretches of both that hold the same rows, as long as they differ row by row."""
    open_rows, block = collections.Counter(), []
    for one, other in zip(ours, theirs):
        if one == other and not block:
            continue
        block.append(other)
        open_rows[one] += 1
        open_rows[other] -= 1
        open_rows = collections.Counter({row: count for row, count in open_rows.items() if count})
        if not open_rows:
            yield block
            block = []


def key_of(job, row):
    """The key in a row of output of a job with a comparator."""
    _, _, sep, fields = job.comparator
    parts = row.rstrip(b"\n").split(b"\t")
    count = fields if sep == b"\t" else 1
    # A line with too few separators was all key, behind which the reducer found a tab.
    return b"\t".join(parts[:-1] if len(parts) <= count else parts[:count])


class Comparison:
    """One job, run by both."""

    def __init__(self, options, number):
        self.options, self.number = options, number
        self.folder = os.path.join(options.keep, "%s-%d" % (options.seed, number))
        self.job, self.arguments = jobs.make(options.seed, number, options.areas)
        self.seconds = [0, 0]
        self.explained = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def java(self, *words):
        o = self.options
        memory = ["-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dcompare.tmp=" + self.path("tmp")]
        shared = ["-XX:SharedArchiveFile=" + o.class_archive] if os.path.exists(o.class_archive) else []
        return ["java", *memory, *shared, "-cp", o.classpath, "org.apache.hadoop.streaming.CompareDriver", *words]

    def run(self):
        """Why the results differ, or None."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for side in "hm":
            write_folder(self.job, self.path(side))
        with open(self.path("cmd"), "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write("".join(word + "\n" for word in self.arguments))
        here = lambda side: [word.replace("@FOLDER@", self.path(side)) for word in self.arguments]
        commands = [("h", self.java("run", self.path("h.json"), *here("h"))),
                    ("m", self.options.bin + ["-counters-json", self.path("m.json"), *here("m")])]
        codes = []
        for index, (side, command) in enumerate(commands):
            started = time.monotonic()
            codes.append(run(command, self.path(side), self.path(side + ".log"), self.options.timeout))
            self.seconds[index] = time.monotonic() - started
        if codes[0] != codes[1]:
            if 0 in codes:
                self.explained = self.job.known.get("fails" if codes[0] == 0 else "works")
            return None if self.explained else "exit code: Hadoop %s, mr-stream %s" % tuple("no end" if code is None else code for code in codes)
        if codes[0] != 0:
            return None
        if "-background" in self.arguments:
            return None
        why = self.compare_output() or self.compare_counters()
        if why is not None:
            self.explained = self.job.known.get("result")
        return None if self.explained else why

    def compare_output(self):
        theirs, ours = output_files(self.path("h")), output_files(self.path("m"))
        if set(theirs) != set(ours):
            return "output files: only Hadoop %s, only mr-stream %s" % (sorted(set(theirs) - set(ours)), sorted(set(ours) - set(theirs)))
        for name in sorted(theirs):
            if theirs[name] != ours[name]:
                why = self.compare_file(name, theirs[name], ours[name])
                if why:
                    return "%s: %s" % (name, why)
        return None

    def compare_file(self, name, theirs, ours):
        try:
            (their_head, theirs), (our_head, ours) = rows(name, theirs), rows(name, ours)
        except Exception as error:  # whatever a broken file makes of a decoder
            return "cannot be decoded (%s)" % error
        if their_head != our_head:
            return "header: Hadoop %r, mr-stream %r" % (their_head, our_head)
        if theirs == ours:
            return None
        if collections.Counter(theirs) != collections.Counter(ours):
            for row, (one, other) in enumerate(zip(theirs + [None], ours + [None])):
                if one != other:
                    return "row %d: Hadoop %r, mr-stream %r" % (row + 1, clip(one), clip(other))
        if self.job.is_map_only():
            return "order of rows in a map-only job"
        if self.job.order == "lines":
            return None
        if self.job.order == "comparator":
            if self.wrong_pairs(ours) and not self.wrong_pairs(theirs):
                return "order of rows"
            return None
        separator = dict(self.job.props).get("mapreduce.output.textoutputformat.separator", "\t").encode()
        for block in blocks(ours, theirs):
            keys = {row.split(b" " if their_head else separator)[0] for row in block}
            if len(keys) > 1:
                return "order of keys: %r" % clip(b" ".join(sorted(keys)))
        return None

    def wrong_pairs(self, rows):
        """How many pairs of rows stand in an order that Hadoop's comparator forbids. It is no order in the strict sense
        (it knows keys a < b < c < a), so even Hadoop's own output may have some, and then nothing is defined."""
        options, sep, _, _ = self.job.comparator
        text = "".join(key_of(self.job, row).hex() + "\n" for row in rows)
        done = subprocess.run(self.java("sorted", options, sep), input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
        with open(self.path("wrong-pairs"), "ab") as file:
            file.write(done.stderr)
        return int(done.stdout)

    def compare_counters(self):
        for side in "hm":
            if not os.path.exists(self.path(side + ".json")):
                return "no counters of " + ("Hadoop" if side == "h" else "mr-stream") if side == "m" else None
        theirs, ours = read_counters(self.path("h.json")), read_counters(self.path("m.json"))
        framework = [name for name in FRAMEWORK if not (self.job.spills and name in DEPENDS_ON_SPILLS)]
        if self.job.order == "comparator" or self.job.order == "lines" and self.job.combiner:
            # Counts neighbours that differ, whose order is not defined, nor is it where a combiner changed keys.
            framework.remove("Reduce input groups")
        wanted = [("Map-Reduce Framework", name) for name in framework]
        # Hadoop counts what it reads ahead of a split's end again in the next split, and what it reads to look at a file.
        if "fs.local.block.size" not in dict(self.job.props) and not {"-inputformat", "-inputreader"} & set(self.arguments):
            wanted.append(("File Input Format Counters", "Bytes Read"))
        for counters in (theirs, ours):
            wanted += [(group, name) for group, names in counters.items() if group not in BUILT_IN for name in names]
        for group, name in wanted:
            one, other = theirs.get(group, {}).get(name, 0), ours.get(group, {}).get(name, 0)
            if one != other:
                return "counter %s / %s: Hadoop %d, mr-stream %d" % (group, name, one, other)
        return None


def read_counters(path):
    """Groups of counters. Some of Hadoop's own names end with a blank, which is no part of them."""
    with open(path, encoding="utf-8") as file:
        groups = json.load(file)
    own = {group.strip(): names for group, names in groups.items() if group.strip() in BUILT_IN}
    groups = {group: names for group, names in groups.items() if group.strip() not in BUILT_IN}
    return groups | {group: {name.strip(): value for name, value in names.items()} for group, names in own.items()}


def clip(row):
    return row if row is None or len(row) < 100 else row[:97] + b"..."


def share_classes(options):
    """Lets Java keep what it loaded for a job, which makes each later one twice as fast."""
    if os.path.exists(options.class_archive):
        return
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "in"))
        with open(os.path.join(folder, "in", "a"), "w") as file:
            file.write("b\na\n")
        words = ["java", "-XX:ArchiveClassesAtExit=" + options.class_archive, "-XX:+UseSerialGC", "-Dcompare.tmp=" + folder, "-cp", options.classpath,
                 "org.apache.hadoop.streaming.CompareDriver", "run", os.path.join(folder, "c.json"), "-input", "in", "-output", "out", "-mapper", "cat", "-reducer", "cat"]
        done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            sys.exit("compare_hadoop: Hadoop cannot run a job:\n" + done.stdout.decode(errors="replace"))


def areas(text):
    """Areas with their weights: `io:3,command`."""
    weights = {}
    for entry in text.split(","):
        name, _, weight = entry.partition(":")
        if name not in jobs.WEIGHTS:
            raise argparse.ArgumentTypeError("no area %r" % name)
        weights[name] = float(weight) if weight else jobs.WEIGHTS[name]
    return weights


def parse():
    parser = argparse.ArgumentParser(prog="compare_hadoop.sh")
    parser.add_argument("--seed", default="1", help="which random jobs")
    parser.add_argument("--jobs", type=int, default=500, help="how many of them")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--only", type=int, help="this one alone, and keep its folder")
    parser.add_argument("--areas", type=areas, default=jobs.WEIGHTS,
                        help="these alone, a weight behind a colon, as io:3,command; of: " + ",".join(name for name, _ in jobs.AREAS))
    parser.add_argument("--slots", type=int, default=os.cpu_count(), help="jobs at once")
    parser.add_argument("--keep", default=os.path.join(tempfile.gettempdir(), "compare_hadoop"), help="folder of the jobs that differ")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for a job")
    parser.add_argument("--show", action="store_true", help="print the jobs, run nothing")
    for name in ("--bin", "--classpath", "--class-archive"):
        parser.add_argument(name, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    command = options.bin.split()
    if os.sep in command[0]:
        command[0] = os.path.abspath(command[0])
    options.bin, options.keep = command, os.path.abspath(options.keep)
    return options


def main():
    options = parse()
    numbers = range(options.first, options.first + options.jobs) if options.only is None else [options.only]
    if options.show:
        for number in numbers:
            job, arguments = jobs.make(options.seed, number, options.areas)
            print(number, job.area, arguments)
        return 0
    share_classes(options)
    os.makedirs(options.keep, exist_ok=True)

    def one(number):
        comparison = Comparison(options, number)
        why = comparison.run()
        if why is None and options.only is None:
            shutil.rmtree(comparison.folder, ignore_errors=True)
        return comparison, why

    ran, differing, explained, seconds = collections.Counter(), collections.Counter(), collections.Counter(), [0, 0]
    with concurrent.futures.ThreadPoolExecutor(options.slots) as pool:
        for comparison, why in pool.map(one, numbers):
            ran[comparison.job.area] += 1
            seconds = [a + b for a, b in zip(seconds, comparison.seconds)]
            explained[comparison.explained] += 1
            if why is not None:
                differing[comparison.job.area] += 1
                print("DIFFERS %d %s: %s (%s)" % (comparison.number, comparison.job.area, why, comparison.folder), flush=True)
    for area in sorted(ran):
        print("%-16s %4d jobs, %d differ" % (area, ran[area], differing[area]))
    for reason in filter(None, explained):
        print("%d jobs differ as the compatibility table says: %s" % (explained[reason], reason))
    print("%d jobs of seed %s, %d differ; Hadoop %.0f s, mr-stream %.0f s" % (sum(ran.values()), options.seed, sum(differing.values()), *seconds))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
