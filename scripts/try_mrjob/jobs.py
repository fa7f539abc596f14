"""Small jobs for mrjob, one class each. Run by compare.py."""

import os

from mrjob.compat import jobconf_from_env
from mrjob.job import MRJob
from mrjob.protocol import RawValueProtocol
from mrjob.step import MRStep


class WordCount(MRJob):
    def mapper(self, _, line):
        for word in line.split():
            yield word.lower(), 1

    def reducer(self, word, counts):
        yield word, sum(counts)


class MostUsedWord(MRJob):
    def steps(self):
        return [MRStep(mapper=self.words, combiner=self.sum_up, reducer=self.totals), MRStep(reducer=self.largest)]

    def words(self, _, line):
        for word in line.split():
            yield word.lower(), 1

    def sum_up(self, word, counts):
        yield word, sum(counts)

    def totals(self, word, counts):
        yield None, (sum(counts), word)

    def largest(self, _, pairs):
        yield max(pairs)


class SortValues(MRJob):
    SORT_VALUES = True

    def mapper(self, _, line):
        for word in line.split():
            yield word[:1].lower(), word

    def reducer(self, letter, words):
        yield letter, list(words)[:5]


class Counters(MRJob):
    """A combiner, and counters whose sums the script compares."""

    def mapper(self, _, line):
        self.increment_counter("text", "lines")
        for word in line.split():
            self.increment_counter("text", "words, all", 1)
            yield len(word), 1

    def combiner(self, length, counts):
        yield length, sum(counts)

    def reducer(self, length, counts):
        self.set_status("length %d" % length)
        yield length, sum(counts)


class Settings(MRJob):
    """What the command line and the class hand to the tasks: a file, a variable, properties, options."""

    JOBCONF = {"mapreduce.job.reduces": 3, "my.own.word": "of the job"}

    def configure_args(self):
        super().configure_args()
        self.add_passthru_arg("--mark", default="none")
        self.add_file_arg("--list")

    def mapper_init(self):
        with open(self.options.list) as lines:
            self.words = set(lines.read().split())

    def mapper(self, _, line):
        for word in line.split():
            if word in self.words:
                yield [self.options.mark, os.environ["FRUIT"], jobconf_from_env("my.own.word"), word], 1

    def reducer(self, key, counts):
        yield key, sum(counts)


class Modules(MRJob):
    """Imports a module that a setup script put into the path, and one from a folder."""

    def mapper(self, _, line):
        import from_folder
        import from_script
        yield from_script.NAME + from_folder.NAME, len(line)

    def reducer(self, key, lengths):
        yield key, sum(lengths)


class Formats(MRJob):
    """Two lines for each map task, and the partitioner by key fields."""

    HADOOP_INPUT_FORMAT = "org.apache.hadoop.mapred.lib.NLineInputFormat"
    PARTITIONER = "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner"
    JOBCONF = {"mapreduce.input.lineinputformat.linespermap": 2, "mapreduce.job.reduces": 2}

    def mapper(self, _, line):
        # With this format Hadoop Streaming hands out the offset before each line.
        for word in line.rpartition("\t")[2].split():
            yield word, 1

    def reducer(self, word, counts):
        yield word, sum(counts)


class Archive(MRJob):
    """Reads a file of an archive that a setup command looked into."""

    ARCHIVES = ["stop.tar.gz#stop"]

    def mapper_init(self):
        with open("stop/words.txt") as lines:
            self.stop = set(lines.read().split())
        with open("setup.txt") as mark:
            self.mark = mark.read().strip()

    def mapper(self, _, line):
        for word in line.split():
            if word not in self.stop:
                yield self.mark + word, 1

    def reducer(self, word, counts):
        yield word, sum(counts)


class Filter(MRJob):
    def mapper_pre_filter(self):
        return "grep -i the"

    def mapper(self, _, line):
        yield "lines", 1

    def reducer(self, key, counts):
        yield key, sum(counts)


class Filters(MRJob):
    """A filter before each of the three, with characters that a shell takes for its own.

    But for single quotes: Hadoop Streaming knows no way to have one within others.
    """

    def mapper_pre_filter(self):
        return 'grep -i "the" | sed -e "s/$/ end|;x/"'

    def mapper(self, _, line):
        for word in line.split():
            yield word, 1

    def combiner_pre_filter(self):
        return "grep -v dog"

    def combiner(self, word, counts):
        yield word, sum(counts)

    def reducer_pre_filter(self):
        return "grep -v lazy"

    def reducer(self, word, counts):
        yield word, sum(counts)


class Commands(MRJob):
    OUTPUT_PROTOCOL = RawValueProtocol

    def mapper_cmd(self):
        return """awk '{ print NF "\\t1" }'"""

    def reducer_cmd(self):
        return "uniq -c"


class Raw(MRJob):
    """Each input file whole, by its name in the task's folder."""

    def mapper_raw(self, path, uri):
        with open(path, "rb") as file:
            yield uri.rpartition("/")[2], len(file.read())


class MapOnly(MRJob):
    def mapper(self, _, line):
        yield len(line), line[::-1]


class Raises(MRJob):
    def mapper(self, _, line):
        raise ValueError("this word is the cause: xyzzy")


class RaisesLater(MRJob):
    """In the reducer of the second step."""

    def steps(self):
        return [MRStep(mapper=self.words, reducer=self.sums), MRStep(reducer=self.fail)]

    def words(self, _, line):
        yield None, line

    def sums(self, key, lines):
        yield key, sum(1 for line in lines)

    def fail(self, key, counts):
        raise KeyError("the reducer is the cause: plugh")


class ExitsCommand(MRJob):
    def mapper_cmd(self):
        return "sh -c 'echo the command is the cause: plover >&2; cat >/dev/null; exit 7'"


if __name__ == "__main__":
    WordCount.run()  # Another class is put here for each case: mrjob calls the file again for each task.
