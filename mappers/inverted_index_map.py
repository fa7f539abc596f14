#!/usr/bin/env python3
"""Inverted index, mapper: each word of the input as "word<TAB>name of the file it stands in".

usage: mr-stream -mapper mappers/inverted_index_map.py -reducer mappers/inverted_index_reduce.py \\
                 -input testdata/books -output out
"""
import os
import re
import sys

WORD = re.compile(r"[a-z]+")

# Set for every map task, as Hadoop sets it: a path or a file: URL.
book = os.path.basename(os.environ["mapreduce_map_input_file"])

for line in sys.stdin:
    for word in WORD.findall(line.lower()):
        print(word, book, sep="\t")
