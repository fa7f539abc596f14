#!/bin/sh
# Word count, mapper: each word of the input as "word<TAB>1".
# A word is a run of the ASCII letters A-Z and a-z, written in lower case; all else separates words.
#
# usage: mr-stream -mapper mappers/wordcount_map.sh -combiner mappers/wordcount_reduce.sh \
#                  -reducer mappers/wordcount_reduce.sh -input testdata/98.txt -output out
LC_ALL=C
export LC_ALL
tr -cs 'A-Za-z' '\n' | tr 'A-Z' 'a-z' | awk 'NF { print $0 "\t1" }'
