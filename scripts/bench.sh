#!/bin/sh
# Times mr-stream against GNU sort in a pipeline and against the bare mapper and reducer, on the same data in the
# same run, and prints a table of ratios with their targets.
#
# usage: scripts/bench.sh [--quick] [--only W1,W3] [--runs N] [--scale PERCENT] [--before COMMIT|BINARY]
#                         [--hadoop] [--keep] [--folder FOLDER]
#
#   --quick    W1, W3 and W5 at a tenth of their size: under three minutes
#   --only     these workloads; all by default, which takes over an hour
#   --runs     timed runs of each command; by default 5, of the long ones in W4, W6, W7 and W9 two or three
#   --scale    size of the data in per cent of the full one
#   --before   also times another build: a commit of this repository, or a program
#   --hadoop   also times Hadoop's local mode (W1 and W3), as scripts/compare_hadoop.sh finds it
#   --keep     leaves the large data where it is, for the next run
#   --folder   where data, temporary files and outputs go: on the disk to be measured; by default target/bench.
#              All of it takes 50 GB at most
#
# The ways are timed in turns, each run behind the removal of its last output, after a round that does not count.
# Every output is compared: with the bytes or the lines of GNU sort's answer, of grep's for W10, and for W9, where
# sorting 16 GB again would take an hour, by `sort -c` and a sum over the lines of input and output.
# The exit code is 1 if a target is missed, a command fails or an output is wrong; the other rows are there all the
# same. Raw numbers stay in FOLDER/results. Needs hyperfine (a package of the usual distributions), python3 and GNU
# sort; not part of the tests.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
for tool in hyperfine python3 sort cmp xargs cargo rustc git bzip2 gzip; do
    command -v "$tool" >/dev/null || {
        echo "bench.sh: $tool is not installed; try: apt-get install $tool" >&2
        exit 1
    }
done
cd "$root"
exec python3 -B scripts/bench/bench.py "$@"
