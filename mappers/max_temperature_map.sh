#!/bin/sh
# Highest temperature of each station, mapper: fixed-width readings to "station<TAB>tenths of a degree".
#
# Columns of a reading: 1-6 station, 7-14 date, 15-18 time, 19-23 signed temperature in tenths of a degree
# Celsius (+9999: none taken), 24 quality (0, 1, 4, 5 and 9 can be trusted).
#
# usage: mr-stream -mapper mappers/max_temperature_map.sh -combiner mappers/max_temperature_reduce.sh \
#                  -reducer mappers/max_temperature_reduce.sh -input testdata/weather.txt -output out
LC_ALL=C
export LC_ALL
awk '
    length($0) >= 24 {
        tenths = substr($0, 19, 5)
        if (tenths != "+9999" && substr($0, 24, 1) ~ /[01459]/) printf "%s\t%d\n", substr($0, 1, 6), tenths + 0
    }
'
