#!/usr/bin/env python3
"""Distinct users of each page, reducer: "page<TAB>number of different users".

Page and user are both part of the key, so the users of a page arrive sorted and none need be kept.

usage: see distinct_users_map.py
"""
import itertools
import sys

rows = (line.rstrip("\n").split("\t")[:2] for line in sys.stdin)
for page, group in itertools.groupby(rows, key=lambda row: row[0]):
    print(page, sum(1 for _ in itertools.groupby(group)), sep="\t")
