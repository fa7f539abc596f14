"""A job of luigi's: words of a text, counted. Run by cases.py as `luigi --module word_count WordCount`."""

import os

import luigi
import luigi.contrib.hadoop
import luigi.contrib.hdfs


class Text(luigi.ExternalTask):
    path = luigi.Parameter()

    def output(self):
        return luigi.contrib.hdfs.HdfsTarget(self.path)


class WordCount(luigi.contrib.hadoop.JobTask):
    n_reduce_tasks = 2
    text = luigi.Parameter()
    out = luigi.Parameter()

    def requires(self):
        return Text(self.text)

    def output(self):
        return luigi.contrib.hdfs.HdfsTarget(self.out)

    def job_runner(self):
        return luigi.contrib.hadoop.HadoopJobRunner(os.environ["STREAMING_JAR"])

    def mapper(self, line):
        self.incr_counter("words", "lines", 1)
        for word in line.split():
            yield word, 1

    def combiner(self, word, counts):
        yield word, sum(counts)

    def reducer(self, word, counts):
        yield word, sum(counts)
