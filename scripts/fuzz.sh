#!/bin/sh
# Feeds readers of bytes from outside with what a coverage-guided fuzzer (libFuzzer) makes up.
#
# usage: scripts/fuzz.sh [--seconds N] [READER...]     N seconds for each reader (default: 60)
#
# Readers: segments plans xml sequence-files codecs archives children splits; all without arguments.
# Needs a C++ compiler, and the network once. Not part of the tests. What was found worth keeping, and inputs that
# break a reader (crash-*, timeout-*, oom-*), stay in the cache folder (MRSTREAM_CACHE, default: mr-stream in the user's
# cache folder), in fuzz/READER.
set -eu
cd "$(dirname "$0")/.."
cache=${MRSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mr-stream}/fuzz
seconds=60
if [ "${1:-}" = --seconds ]; then
    seconds=$2
    shift 2
fi
[ $# -gt 0 ] || set -- segments plans xml sequence-files codecs archives children splits

# What cargo-fuzz passes, without a sanitizer of memory: there is no unsafe code. Naming the target keeps the flags away
# from build scripts.
target=$(rustc -vV | sed -n 's/^host: //p')
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1" \
    cargo build -q --release --manifest-path scripts/fuzz/Cargo.toml --target "$target" --target-dir "$cache/target"
fuzz=$cache/target/$target/release/fuzz

# Files in memory, where there is such a place: there are very many, and none is kept.
work=$(mktemp -d /dev/shm/mr-fuzz-XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$work"' EXIT
export MRSTREAM_FUZZ_DIR="$work"
failed=0
for reader in "$@"; do
    folder=$cache/$reader
    mkdir -p "$folder/seeds" "$folder/found"
    MRSTREAM_FUZZ_READER=$reader
    export MRSTREAM_FUZZ_READER
    case $reader in
    sequence-files)
        # The byte before the file says from where on it is read.
        for file in testdata/formats/*.seq; do
            (printf '\0' && cat "$file") >"$folder/seeds/${file##*/}"
        done
        ;;
    *) MRSTREAM_FUZZ_SEEDS=$folder/seeds "$fuzz" -runs=0 >"$folder/log" 2>&1 || true ;;
    esac
    # 512 MB and ten seconds are far more than any of these inputs is worth.
    if "$fuzz" -max_total_time="$seconds" -max_len=4096 -rss_limit_mb=512 -timeout=10 \
        -artifact_prefix="$folder/" -print_final_stats=1 "$folder/found" "$folder/seeds" >"$folder/log" 2>&1; then
        runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$folder/log")
        echo "$reader: $runs inputs in $seconds s, nothing found"
    else
        echo "$reader: FAILED, see $folder/log"
        failed=1
    fi
    rm -rf "${work:?}"/*
done
exit $failed
