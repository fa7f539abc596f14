"""Small jobs for mrjob, one class each. Run by scripts/try_mrjob.sh."""

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
    """With a tab in each line: to a line without one Hadoop adds a tab at its end, and mrjob's own runners do not."""

    def mapper(self, _, line):
        yield len(line), line[::-1]


class Raises(MRJob):
    def mapper(self, _, line):
        raise ValueError("this word is the cause: xyzzy")


if __name__ == "__main__":
    WordCount.run()  # The script puts another class here: mrjob calls the file again for each task.
