#!/bin/sh
# Runs random jobs with real Hadoop Streaming and with mr-stream, and says where they differ.
#
# usage: scripts/compare_hadoop.sh [--seed S] [--jobs N] [--areas A,B] [--only N] [--slots N] [--keep FOLDER]
#
# Prints one line per difference and a summary; keeps the folders of jobs that differ; exits with 1 if any does.
# Not part of the tests: it needs Java (17 is fine) and Hadoop, which is, in this order:
#   HADOOP_JARS   a class path that holds hadoop-streaming and the client jars
#   HADOOP_HOME   an installed Hadoop
#   otherwise     the jars of scripts/compare_hadoop/pom.xml, which Maven takes from its registry into the cache;
#                 HADOOP_VERSION says of which release: 3.4.2 (the default, the measure) or another, such as 3.3.4
# MRSTREAM_CACHE names the cache folder (default: mr-stream in the user's cache folder); MRSTREAM_BIN the engine's
# command (default: a release build of this tree).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/scripts/compare_hadoop
cache=${MRSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mr-stream}
mkdir -p "$cache"

if [ -z "${MRSTREAM_BIN:-}" ]; then
    (cd "$root" && cargo build --release --locked --bin mr-stream)
    MRSTREAM_BIN=${CARGO_TARGET_DIR:-$root/target}/release/mr-stream
fi

if [ -n "${HADOOP_JARS:-}" ]; then
    jars=$HADOOP_JARS
elif [ -n "${HADOOP_HOME:-}" ]; then
    jars=$("$HADOOP_HOME/bin/hadoop" classpath --glob):$(echo "$HADOOP_HOME"/share/hadoop/tools/lib/hadoop-streaming-*.jar)
else
    version=${HADOOP_VERSION:-3.4.2}
    case $version in
    3.[0-3].*) cli=1.2 ;;
    *) cli=1.9.0 ;;
    esac
    cache=$cache/hadoop-$version
    mkdir -p "$cache"
    if ! cmp -s "$here/pom.xml" "$cache/pom.xml"; then
        rm -rf "$cache/jars"
        mvn -q -B -f "$here/pom.xml" "-Dhadoop.version=$version" "-Dcli.version=$cli" dependency:copy-dependencies "-DoutputDirectory=$cache/jars"
        cp "$here/pom.xml" "$cache/pom.xml"
    fi
    jars=$(echo "$cache"/jars/*.jar | tr ' ' ':')
fi

# The driver and the settings go into a jar: a folder in the class path would forbid sharing loaded classes.
driver=$cache/driver
sources=$(cat "$here"/*.java "$here"/*-site.xml "$here/log4j.properties" | cksum)
if [ "$sources" != "$(cat "$driver/sources" 2>/dev/null)" ]; then
    rm -rf "$driver"
    mkdir -p "$driver/classes"
    javac -cp "$jars" -d "$driver/classes" "$here"/*.java
    cp "$here"/*-site.xml "$here/log4j.properties" "$driver/classes"
    jar cf "$driver/driver.jar" -C "$driver/classes" .
    echo "$sources" >"$driver/sources"
fi

# Children see the locale; file names and options are UTF-8 in the generated jobs.
LC_ALL=C.UTF-8
export LC_ALL
exec python3 -B "$here/compare.py" --bin "$MRSTREAM_BIN" --classpath "$driver/driver.jar:$jars" \
    --class-archive "$driver/classes.jsa" "$@"
