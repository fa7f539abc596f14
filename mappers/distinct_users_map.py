#!/usr/bin/env python3
"""Distinct users of each page, mapper: visits in CSV (time,user,page,status) to "page<TAB>user".

Rows that are no visit are counted (group "visits") and left out, and so are requests that failed.

usage: mr-stream -mapper mappers/distinct_users_map.py -reducer mappers/distinct_users_reduce.py \\
                 -D stream.num.map.output.key.fields=2 -D mapreduce.partition.keypartitioner.options=-k1,1 \\
                 -partitioner org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner \\
                 -input testdata/visits.csv -output out
"""
import csv
import sys


def count(name):
    """Adds one to a counter of the job."""
    sys.stderr.write("reporter:counter:visits,%s,1\n" % name)


for row in csv.reader(sys.stdin):
    if len(row) != 4 or not row[3].isdigit():
        count("malformed")
    elif row[3] != "200":
        count("failed")
    else:
        print(row[2], row[1], sep="\t")
