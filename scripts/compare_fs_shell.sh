#!/bin/sh
# Runs commands of `hadoop fs` with real Hadoop on a small HDFS and with mr-stream, and says where they differ.
#
# usage: scripts/compare_fs_shell.sh [--random N] [--seed S]
#
# Not part of the tests: it needs Java and fetches Hadoop's client and its little cluster with Maven into the cache
# folder (MRSTREAM_CACHE, default: mr-stream in the user's cache folder). MRSTREAM_BIN names the command (default: a
# release build of this tree).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/scripts/compare_fs_shell
cache=${MRSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mr-stream}/fs-shell
mkdir -p "$cache"

if [ -z "${MRSTREAM_BIN:-}" ]; then
    (cd "$root" && cargo build --release --locked --bin mr-stream)
    MRSTREAM_BIN=${CARGO_TARGET_DIR:-$root/target}/release/mr-stream
fi
if ! cmp -s "$here/pom.xml" "$cache/pom.xml"; then
    rm -rf "$cache/jars"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$cache/jars"
    cp "$here/pom.xml" "$cache/pom.xml"
fi
jars=$(echo "$cache"/jars/*.jar | tr ' ' ':')
mkdir -p "$cache/classes"
javac -cp "$jars" -d "$cache/classes" "$here/ShellDriver.java"
cp "$here/log4j.properties" "$cache/classes"
LC_ALL=C.UTF-8
export LC_ALL
exec python3 -B "$here/compare.py" --bin "$MRSTREAM_BIN" --classpath "$cache/classes:$jars" "$@"
