"""Runs jobs with mrjob's hadoop runner on our command and with a runner of mrjob's own, and says where they differ.

Called by scripts/try_mrjob.sh with the command, mrjob's source folder, and the names of cases, all without any. Sorted
output, the exit code and the counters that a job makes itself must be the same. Of a case that fails, mrjob must print
the cause.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
GZIP = ["-D", "mapreduce.output.fileoutputformat.compress=true",
        "-D", "mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.GzipCodec"]
INPUTS = ["one.txt", "two.txt.gz"]
DOCS = ["docs/american_feuillage-whitman-america.txt", "docs/as_i_ponderd_in_silence-whitman.txt",
        "docs/buckingham_palace-milne-not_america.txt"]


@dataclass
class Case:
    """A job of jobs.py, or an example of mrjob, and how it is run."""

    name: str
    job: str
    options: list = ()
    # The runner of mrjob that takes the job: inline knows no commands, filters and setup.
    own: str = "inline"
    # Options for the hadoop runner alone.
    ours: list = ()
    inputs: list = None
    # Inputs for the hadoop runner, if they are not the same.
    our_inputs: list = None
    stdin: str = ""
    # Where our output is looked at, if mrjob does not print it.
    output: str = ""
    # Texts of mrjob's "Probable cause of failure"; the job must fail.
    cause: list = ()
    # Without a terminal of its own, as mrjob runs Hadoop where it has none to give.
    pipes: bool = False


CASES = [
    Case("word count", "WordCount"),
    Case("word count of standard input and a file of HDFS", "WordCount", inputs=["-", "one.txt"],
         our_inputs=["-", "hdfs:///data/in.txt"], stdin="from standard input\n\nthe last line has no end"),
    Case("word count of a folder and a pattern of HDFS", "WordCount", inputs=["one.txt", "one.txt"],
         our_inputs=["hdfs:///data", "hdfs:///da*/i?.txt"]),
    Case("word count through pipes", "WordCount", pipes=True),
    Case("word count, compressed", "WordCount", GZIP),
    Case("word count, own output folder", "WordCount", ours=["--output-dir", "hdfs:///out/words"], output="/out/words"),
    Case("word count, not printed", "WordCount", ours=["--no-output", "--output-dir", "out/later"],
         output="/user/%s/out/later"),
    Case("word count, extra arguments", "WordCount", ours=["--libjars", "none.jar", "--hadoop-args=-verbose"]),
    Case("word count of nothing", "WordCount", inputs=["empty.txt"]),
    Case("most used word", "MostUsedWord"),
    Case("most used word, steps kept", "MostUsedWord", ours=["--step-output-dir", "hdfs:///steps", *GZIP]),
    Case("sorted values", "SortValues"),
    Case("combiner and counters", "Counters"),
    Case("settings", "Settings", ["--mark", "a \"mark\" of $HOME", "--list", "list.txt", "--cmdenv", "FRUIT=pear"]),
    Case("setup script and folder", "Modules", ["--setup", "sh prepare.sh#  && export PYTHONPATH=$PYTHONPATH:made:"
                                                           "modules.tar.gz#/"], own="local"),
    Case("archive and setup", "Archive", ["--setup", "echo mark- > setup.txt"], own="local"),
    Case("formats", "Formats", inputs=["one.txt"]),
    Case("filter", "Filter", own="local"),
    Case("filters everywhere", "Filters", own="local"),
    Case("commands", "Commands", own="local"),
    Case("raw input", "Raw", own="local"),
    Case("map only", "MapOnly"),
    Case("mr_wc", "mr_wc.py"),
    Case("mr_word_freq_count", "mr_word_freq_count.py"),
    Case("mr_most_used_word", "mr_most_used_word.py"),
    Case("mr_next_word_stats", "mr_next_word_stats.py"),
    Case("mr_count_lines_right", "mr_count_lines_right.py"),
    Case("mr_count_lines_by_file", "mr_count_lines_by_file.py"),
    Case("mr_words_containing_u_freq_count", "mr_words_containing_u_freq_count.py", own="local"),
    Case("mr_grep", "mr_grep.py", ["-e", "said"], own="local"),
    Case("mr_text_classifier", "mr_text_classifier.py", inputs=DOCS, own="local"),
    Case("raises", "Raises", cause=["subprocess failed with code 1\n", "  command: ",
                                    "caused by:\n\n+ python3 job.py --step-num=0 --mapper\nTraceback (most recent call",
                                    "ValueError: this word is the cause: xyzzy\n\n(from lines ",
                                    "/stderr)\n\nwhile reading input from lines "]),
    Case("raises in the second step", "RaisesLater",
         cause=["--step-num=1 --reducer\nTraceback", "KeyError: 'the reducer is the cause: plugh'\n\n(from lines "]),
    Case("raises through pipes", "Raises", pipes=True, cause=["ValueError: this word is the cause: xyzzy\n\n(from "]),
    Case("exits", "ExitsCommand", own="local", cause=["subprocess failed with code 7\n",
                                                      "the command is the cause: plover\n\n(from line"]),
    Case("setup that fails", "WordCount", ["--setup", "ls no-such-file"], own="local",
         cause=["caused by:\n\n+ ls no-such-file\nls: ", "No such file or directory\n\n(from lines "]),
    Case("mr_boom", "mr_boom.py", cause=["Exception: BOOM\n\n(from lines "]),
]


class Place:
    """A folder with inputs, an installation of our commands, and an HDFS of its own."""

    def __init__(self, binary, source):
        self.work = Path(tempfile.mkdtemp(prefix="try-mrjob-"))
        self.binary, self.source = binary, source
        # An example prints a dict that it makes of a set, whose order is chance without a seed.
        self.environment = {**os.environ, "MRSTREAM_HDFS_ROOT": str(self.work / "hdfs"), "PYTHONHASHSEED": "0"}
        self.hadoop = self.work / "hadoop" / "bin" / "hadoop"
        subprocess.run([binary, "install-commands", self.work / "hadoop"], check=True, stdout=subprocess.DEVNULL)
        self.fill()

    def fill(self):
        work = self.work
        (work / "mrjob.conf").write_text("runners: {}\n")
        lines = ["The quick brown fox number %d jumps over the lazy dog\nand a fox is a fox, the dog said %d times to "
                 "nobody, %s\n" % (n, n, "\u00fcber na\u00efve \u732b") for n in range(1, 9)]
        (work / "one.txt").write_text("".join(lines), encoding="utf-8")
        (work / "two.txt.gz").write_bytes(gzip.compress("".join(lines).replace("fox", "Cat").encode()))
        (work / "empty.txt").touch()
        (work / "none.jar").touch()
        (work / "list.txt").write_text("fox dog\n")
        for folder, name, text in [("stop", "words.txt", "the a and\n"), ("modules", "from_folder.py", "NAME = 'f'\n")]:
            (work / folder).mkdir()
            (work / folder / name).write_text(text)
            subprocess.run(["tar", "-czf", folder + ".tar.gz", "-C", folder, name], cwd=work, check=True)
        (work / "prepare.sh").write_text("mkdir -p made\necho \"NAME = 's'\" >made/from_script.py\n")
        shutil.copytree(self.source / "mrjob" / "examples" / "docs-to-classify", work / "docs")
        self.fs("-mkdir", "-p", "/data")
        self.fs("-put", "one.txt", "/data/in.txt")

    def fs(self, *words):
        done = subprocess.run([self.hadoop, "fs", *words], cwd=self.work, env=self.environment, capture_output=True)
        return done.stdout + done.stderr

    def run(self, case, runner):
        """Exit code, sorted output, log."""
        is_ours = runner == "hadoop"
        if case.job.endswith(".py"):
            shutil.copy(self.source / "mrjob" / "examples" / case.job, self.work / "job.py")
            shutil.copy(self.source / "mrjob" / "examples" / "stop_words.txt", self.work)
        else:
            text = (HERE / "jobs.py").read_text().replace("    WordCount.run()", "    %s.run()" % case.job)
            (self.work / "job.py").write_text(text)
        words = ["job.py", "-c", "mrjob.conf", "-r", runner, *case.options]
        inputs = case.inputs or INPUTS
        if is_ours:
            words += ["--hadoop-bin", str(self.hadoop), *case.ours]
            inputs = case.our_inputs or inputs
        program = ["python", "-W", "ignore"]
        if is_ours and case.pipes:
            program += ["-c", "import pty, runpy, sys\ndef fork(): raise OSError\npty.fork = fork\n"
                              "sys.argv = sys.argv[1:]\nrunpy.run_path(sys.argv[0], run_name='__main__')"]
        done = subprocess.run([*program, *words, *inputs], cwd=self.work, env=self.environment,
                              input=case.stdin.encode(), capture_output=True)
        output = done.stdout
        if is_ours and case.output:
            user = self.fs("-stat", "%u", "/data").decode().strip()
            folder = case.output.replace("%s", user)
            listed = self.fs("-ls", "-C", folder).decode().split()
            if folder + "/_SUCCESS" not in listed:
                output += b"no _SUCCESS in " + folder.encode()
            output += b"".join(self.fs("-cat", path) for path in listed if "/part-" in path)
        # Where each file lies differs by runner.
        output = re.sub(rb'"[^"\n]*/', b'"', output) if case.job == "mr_count_lines_by_file.py" else output
        log = done.stderr.decode(errors="replace")
        (self.work / ("%s.%s.log" % (case.name, runner))).write_text(log)
        (self.work / ("%s.%s.out" % (case.name, runner))).write_bytes(output)
        # Hadoop ends a line without a tab with one, and mrjob's own runners do not.
        return done.returncode, sorted(line.rstrip(b"\t") for line in output.splitlines()), log


def counters(log):
    return sorted(re.findall(r"^\t(?:text)\n(?:\t\t.*\n)+", log, re.MULTILINE))


def differences(case, place):
    code, output, log = place.run(case, "hadoop")
    if case.cause:
        _, found, cause = log.partition("Probable cause of failure")
        found = code != 0 and found
        return [] if found and all(text in cause for text in case.cause) else ["no such cause in\n" + (cause or log)]
    own_code, own_output, own_log = place.run(case, case.own)
    told = []
    if (code, own_code) != (0, 0):
        told.append("exit codes %d, %d of mrjob's own runner" % (code, own_code))
    if output != own_output or not output and "empty.txt" not in (case.inputs or ()):
        told.append("output: %d lines, %d of mrjob's own runner" % (len(output), len(own_output)))
    if counters(log) != counters(own_log):
        told.append("counters")
    return told


def main():
    place = Place(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
    wanted = [case for case in CASES if not sys.argv[3:] or case.name in sys.argv[3:]]
    bad = 0
    for case in wanted:
        told = differences(case, place)
        bad += bool(told)
        print("%s %s%s" % ("DIFFERS" if told else "ok     ", case.name, "".join(": " + text for text in told)), flush=True)
    if bad:
        print("%d of %d cases differ; logs and outputs are in %s" % (bad, len(wanted), place.work))
    else:
        print("%d cases give what mrjob's own runners give" % len(wanted))
        shutil.rmtree(place.work)
    return 1 if bad else 0


sys.exit(main())
