#!/usr/bin/env python3
"""Inverted index, reducer: "word<TAB>book:times,book:times", the books in the order of their names.

usage: see inverted_index_map.py
"""
import collections
import itertools
import sys

rows = (line.rstrip("\n").split("\t", 1) for line in sys.stdin)
for word, group in itertools.groupby(rows, key=lambda row: row[0]):
    times = collections.Counter(row[1] for row in group)
    print(word, ",".join("%s:%d" % book for book in sorted(times.items())), sep="\t")
