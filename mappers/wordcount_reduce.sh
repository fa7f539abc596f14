#!/bin/sh
# Word count, reducer and combiner: "word<TAB>count" lines, equal words together, to one total a word.
#
# usage: see wordcount_map.sh
LC_ALL=C
export LC_ALL
# printf "%.0f": some awks print large sums in exponent form.
awk -F '\t' '
    NR > 1 && $1 != word { printf "%s\t%.0f\n", word, total; total = 0 }
    { word = $1; total += $2 }
    END { if (NR > 0) printf "%s\t%.0f\n", word, total }
'
