#!/usr/bin/env python3
"""Word count, mapper: each word of the input as "word<TAB>1".

A word is a run of the ASCII letters A-Z and a-z, written in lower case; all else separates words.

usage: mr-stream -mapper mappers/wordcount_map.py -combiner mappers/wordcount_reduce.py \\
                 -reducer mappers/wordcount_reduce.py -input testdata/98.txt -output out
"""
import re
import sys

WORD = re.compile(rb"[A-Za-z]+")

# Bytes, not text: input need not be UTF-8.
for line in sys.stdin.buffer:
    for word in WORD.findall(line):
        sys.stdout.buffer.write(word.lower() + b"\t1\n")
