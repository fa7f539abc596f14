#!/usr/bin/env python3
"""Word count, reducer and combiner: "word<TAB>count" lines, equal words together, to one total a word.

usage: see wordcount_map.py
"""
import itertools
import sys

rows = (line.rstrip(b"\n").split(b"\t", 1) for line in sys.stdin.buffer)
for word, group in itertools.groupby(rows, key=lambda row: row[0]):
    total = sum(int(row[1]) for row in group)
    sys.stdout.buffer.write(word + b"\t" + str(total).encode() + b"\n")
