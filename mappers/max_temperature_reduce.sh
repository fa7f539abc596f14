#!/bin/sh
# Highest temperature of each station, reducer and combiner: the greatest value of each key.
#
# usage: see max_temperature_map.sh
LC_ALL=C
export LC_ALL
awk -F '\t' '
    NR > 1 && $1 != station { printf "%s\t%d\n", station, highest }
    NR == 1 || $1 != station { station = $1; highest = $2 + 0 }
    $2 + 0 > highest { highest = $2 + 0 }
    END { if (NR > 0) printf "%s\t%d\n", station, highest }
'
