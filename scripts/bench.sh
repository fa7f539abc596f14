#!/bin/sh
# Times mr-stream against GNU sort in a pipeline and against the bare mapper and reducer, on the same data in the
# same run, and prints a table of ratios with their targets.
#
# usage: scripts/bench.sh [--quick] [--only W1,W3] [--runs N] [--scale PERCENT] [--before COMMIT|BINARY]
#                         [--hadoop] [--folder FOLDER]
#
#   --quick    W1, W3 and W5 at a tenth of their size
#   --only     these workloads; all by default
#   --runs     timed runs of each command, behind one that is not timed; 5 by default
#   --scale    size of the data in per cent of the full one
#   --before   also times another build: a commit of this repository, or a program
#   --hadoop   also times Hadoop's local mode (W1 and W3), as scripts/compare_hadoop.sh finds it
#   --folder   where data and outputs go: on the disk to be measured; up to 60 GB for all of W9, by default
#              target/bench
#
# Every output is compared with GNU sort's answer. Raw numbers stay in FOLDER/results. Needs hyperfine (a package
# of the usual distributions), python3 and GNU sort; not part of the tests.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
for tool in hyperfine python3 sort cargo rustc bzip2 gzip; do
    command -v "$tool" >/dev/null || {
        echo "bench.sh: $tool is not installed; try: apt-get install $tool" >&2
        exit 1
    }
done
cd "$root"
exec python3 -B scripts/bench/bench.py "$@"
