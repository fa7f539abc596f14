#!/usr/bin/env bash
# Counts the instructions that mr-stream spends on small jobs and fails if they are more than the stored ceilings, so
# that a slow-down is seen on any machine, however busy. Mapper and reducer are not counted, nor is the kernel.
#
# usage: scripts/instructions.sh             counts and compares with scripts/instructions.ceilings
#        scripts/instructions.sh --update    counts and stores new ceilings: 10 per cent above what is measured
#
# The jobs are W1 and W3 of scripts/bench.sh and one that spills, with a few MB, two or four splits and one slot. Runs
# of one build differ by 5 per cent in W1 and by 2 in the others, for pipes are read in pieces that depend on timing;
# the rest of the margin is for other compilers and C libraries. Takes ten seconds behind the build. Needs valgrind,
# and an x86-64 processor, which the ceilings are for.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ceilings=scripts/instructions.ceilings
margin_percent=10

if [ "$(uname -m)" != x86_64 ]; then
    echo "instructions.sh: SKIPPED: the ceilings are those of x86-64, this is $(uname -m)"
    exit 0
fi
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is missing; try: apt-get install valgrind" >&2; exit 1; }

target=${CARGO_TARGET_DIR:-target}
work=$target/instructions
rm -rf "$work"
mkdir -p "$work"
work=$(cd "$work" && pwd)
cargo build --release --locked --quiet --bin mr-stream
engine=$(cd "$target/release" && pwd)/mr-stream
rustc --edition 2024 -C opt-level=3 -o "$work/data" scripts/bench/data.rs
rustc --edition 2024 -C opt-level=3 -o "$work/wordcount" mappers/wordcount.rs
# What a task reads before it knows whether lines repeat costs more, and how much that is depends on timing: of large
# splits it is little.
"$work/data" text 16 >"$work/text"
"$work/data" records 4 >"$work/records"

# Prints instructions per record of map output.
#
# usage: count NAME ARGUMENTS...
count() {
    local name=$1
    shift
    # An empty environment: variables are handed to every child, and that costs instructions.
    if ! env -i PATH="$PATH" valgrind --tool=callgrind --trace-children=no --callgrind-out-file="$work/$name.callgrind" \
        "$engine" -D mrstream.map.slots=1 -D mrstream.reduce.slots=1 \
        -D mapreduce.cluster.local.dir="$work" "$@" -output "$work/$name" \
        >"$work/$name.log" 2>&1 </dev/null; then
        tail -n 20 "$work/$name.log" >&2
        echo "instructions.sh: $name failed under valgrind" >&2
        exit 1
    fi
    local instructions records
    instructions=$(sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' "$work/$name.log" | tail -n 1)
    records=$(sed -n 's/^.*Map output records=\([0-9]*\)$/\1/p' "$work/$name.log")
    echo $((instructions / records))
}

words=(-mapper "$work/wordcount map" -reducer "$work/wordcount reduce" -input "$work/text")
cats=(-mapper cat -reducer cat -input "$work/records")
declare -A counted
counted[W1]=$(count W1 -D mapreduce.job.maps=2 -D mrstream.memory.mb=256 "${words[@]}")
counted[W3]=$(count W3 -D mapreduce.job.maps=4 -D mrstream.memory.mb=256 "${cats[@]}")
counted[spills]=$(count spills -D mapreduce.job.maps=4 -D mrstream.memory.mb=1 -numReduceTasks 3 "${cats[@]}")

if [ "${1:-}" = --update ]; then
    {
        echo "# Instructions of mr-stream per record of map output, at most. Written by scripts/instructions.sh --update."
        for name in W1 W3 spills; do
            echo "$name $((counted[$name] * (100 + margin_percent) / 100))"
        done
    } >"$ceilings"
    cat "$ceilings"
    exit 0
fi

above=0
while read -r name ceiling; do
    [ "${name:0:1}" != "#" ] || continue
    echo "instructions.sh: $name takes ${counted[$name]} instructions per record, at most $ceiling"
    if [ "${counted[$name]}" -gt "$ceiling" ]; then
        above=1
        cat >&2 <<MESSAGE
instructions.sh: $name takes ${counted[$name]} instructions per record, more than the $ceiling allowed.
  To see where they go:        callgrind_annotate $work/$name.callgrind | less
                               (the same from the commit before tells what grew)
  To allow it, with a reason:  scripts/instructions.sh --update, and say in the commit what they buy
MESSAGE
    fi
done <"$ceilings"
exit $above
