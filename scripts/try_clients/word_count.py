"""A job of luigi's: words of a text, counted. Called by cases.py with the command, the jar, input and output."""

import sys

import luigi
import luigi.contrib.hadoop
import luigi.contrib.hdfs

COMMAND, JAR, INPUT, OUTPUT = sys.argv[1:]


class Text(luigi.ExternalTask):
    def output(self):
        return luigi.contrib.hdfs.HdfsTarget(INPUT)


class WordCount(luigi.contrib.hadoop.JobTask):
    n_reduce_tasks = 2

    def requires(self):
        return Text()

    def output(self):
        return luigi.contrib.hdfs.HdfsTarget(OUTPUT)

    def job_runner(self):
        return luigi.contrib.hadoop.HadoopJobRunner(JAR)

    def mapper(self, line):
        for word in line.split():
            yield word, 1
        self.incr_counter("words", "lines", 1)

    def combiner(self, word, counts):
        yield word, sum(counts)

    def reducer(self, word, counts):
        yield word, sum(counts)


if __name__ == "__main__":
    luigi.configuration.get_config().set("hadoop", "command", COMMAND)
    luigi.configuration.get_config().set("hadoop", "python-executable", "python3")
    sys.exit(0 if luigi.build([WordCount()], local_scheduler=True) else 1)
