#!/bin/sh
# Makes the committed inputs under testdata: always the same bytes, whatever the awk.
#
# usage: scripts/gen_data.sh [FOLDER]     (default: testdata of this repository)
#
# Every file comes from one seeded generator written in awk below; awk's own rand() differs between awks.
set -eu
LC_ALL=C
export LC_ALL
root=$(cd "$(dirname "$0")/.." && pwd)
into=${1:-$root/testdata}
mkdir -p "$into/books"

# Minimal standard generator (Park and Miller): products stay below 2^46, so doubles hold them exactly.
random='
    function next_random(below) { state = (state * 16807) % 2147483647; return state % below }
    function choose(list, n) { return list[next_random(n) + 1] }
    # Small numbers more often than large ones, as words are in a text.
    function skewed(below) { return int(next_random(below) * (next_random(below) + 1) / below) }
'

# prose SEED LINES LINE_END: sentences of common and made-up words, about 70 columns, in chapters.
prose() {
    awk -v seed="$1" -v lines="$2" -v crlf="$3" "$random"'
    function made_up_word(   word, i, n) {
        n = 2 + next_random(3)
        for (i = 0; i < n; i++) word = word choose(onset, onsets) choose(vowel, vowels)
        return word choose(coda, codas)
    }
    function dressed(word, left,   kind) {
        kind = next_random(100)
        if (left == 0) return word choose(stop, stops)
        if (kind < 7) return word ","
        if (kind < 8) return word ";"
        if (kind < 9) return word "--"
        if (kind < 10) return "\"" word "\""
        if (kind < 12) return word "\047s"
        if (kind < 13) return word "-" choose(common, commons)
        return word
    }
    function put(line) { printf "%s%s", line, end; written++ }
    function chapter(   words) {
        number++
        put(""); put("CHAPTER " number ". " toupper(choose(common, commons) " " choose(rare, rares))); put("")
    }
    BEGIN {
        state = seed
        end = crlf == "crlf" ? "\r\n" : "\n"
        commons = split("the of and a to in he was that it his her with had as at for on not is be but you they by this all she from have so were him which no there when would one or my them been out who their what if up into then more could now some your other said down after like long through little time over man before never any good great old such again two than its day night where come way very upon only here house door hand light river road stone letter wine bread spring winter city village bell horse coat candle mill", common, " ")
        onsets = split("b br c cl d dr f fl g gr h j k l m n p pr qu r s sh st t th tr v w", onset, " ")
        vowels = split("a e i o u ai ea ou oo", vowel, " ")
        codas = split("n r l s t d ng rd ck sh m nt", coda, " ")
        stops = split(". . . . . ? !", stop, " ")
        rares = 1200
        for (i = 1; i <= rares; i++) rare[i] = made_up_word()
        put("A made-up book of made-up words, for counting and nothing else."); chapter()
        line = ""; left = 0
        while (written < lines) {
            start = left == 0
            if (start) left = 4 + next_random(22)
            left--
            word = next_random(100) < 62 ? common[skewed(commons) + 1] : rare[skewed(rares) + 1]
            if (start) word = toupper(substr(word, 1, 1)) substr(word, 2)
            word = dressed(word, left)
            if (length(line) + length(word) > 70) { put(line); line = "" }
            line = line == "" ? word : line " " word
            if (left == 0 && next_random(6) == 0) {
                put(line); put(""); line = ""
                if (next_random(30) == 0) chapter()
            }
        }
    }'
}

# weather SEED ROWS: fixed-width readings; see mappers/max_temperature_map.sh for the columns.
weather() {
    awk -v seed="$1" -v rows="$2" "$random"'
    BEGIN {
        state = seed
        for (i = 0; i < rows; i++) {
            month = 1 + next_random(12)
            tenths = next_random(300) + 150 - 40 * (month > 6 ? month - 6 : 7 - month)
            reading = sprintf("%s%04d", tenths < 0 ? "-" : "+", tenths < 0 ? -tenths : tenths)
            if (next_random(40) == 0) reading = "+9999"
            quality = 1
            if (next_random(10) == 9) quality = next_random(10)
            printf "%06d%04d%02d%02d%02d%02d%s%d\n", 10010 + 37 * next_random(45), 1998 + next_random(4), month,
                1 + next_random(28), next_random(24), 0, reading, quality
        }
    }'
}

# visits SEED ROWS: time,user,page,status in CSV, with quoted pages and a few broken rows.
visits() {
    awk -v seed="$1" -v rows="$2" "$random"'
    BEGIN {
        state = seed
        print "time,user,page,status"
        for (i = 0; i < rows; i++) {
            time += next_random(90)
            page = "/item/" skewed(120)
            if (next_random(10) == 0) page = "\"/search?q=" next_random(20) "," next_random(20) "\""
            status = next_random(25) == 0 ? (next_random(2) ? 404 : 500) : 200
            if (next_random(400) == 0) print "-- log rotated --"
            printf "%d,user%03d,%s,%d\n", 893980800 + time, skewed(400), page, status
        }
    }'
}

prose 98 7000 crlf > "$into/98.txt"
prose 1859 400 lf > "$into/books/mill.txt"
prose 1812 300 lf > "$into/books/river.txt"
prose 1866 200 lf > "$into/books/winter.txt"
weather 1901 6000 > "$into/weather.txt"
visits 404 5000 > "$into/visits.csv"
