#!/bin/sh
# Runs jobs of mrjob with its hadoop runner on our commands, and says whether they give what mrjob's own runners give.
#
# usage: scripts/try_mrjob.sh [CLASS...]     classes of scripts/try_mrjob/jobs.py; all without arguments
#
# Not part of the tests: it fetches mrjob from the Python package index into a virtual environment in the cache folder
# (MRSTREAM_CACHE, default: mr-stream in the user's cache folder). PYTHON names an interpreter on which mrjob 0.7.4
# imports, 3.11 or older; MRSTREAM_BIN the command (default: a release build of this tree).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cache=${MRSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mr-stream}
venv=$cache/mrjob
mkdir -p "$cache"
if [ -z "${MRSTREAM_BIN:-}" ]; then
    (cd "$root" && cargo build --release --locked --bin mr-stream)
    MRSTREAM_BIN=${CARGO_TARGET_DIR:-$root/target}/release/mr-stream
fi
if ! "$venv/bin/python" -c 'import mrjob.job' 2>/dev/null; then
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install -q mrjob==0.7.4 setuptools
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/try-mrjob-XXXXXX")
cd "$work"
MRSTREAM_HDFS_ROOT=$work/hdfs
export MRSTREAM_HDFS_ROOT
unset HADOOP_HOME HADOOP_PREFIX HADOOP_INSTALL HADOOP_LOG_DIR || true
"$MRSTREAM_BIN" install-commands "$work/hadoop" >/dev/null
echo 'runners: {}' >mrjob.conf
for number in 1 2 3 4 5 6 7 8; do
    echo "The quick brown fox number $number jumps over the lazy dog"
    echo "and a fox is a fox, the dog said $number times to nobody"
done >one.txt
sed 's/fox/Cat/g' one.txt | gzip -n >two.txt.gz
mkdir stop && echo 'the a and' >stop/words.txt && tar -czf stop.tar.gz -C stop words.txt
failed=0

# run CLASS RUNNER OPTIONS...: output to CLASS.RUNNER.out, log to CLASS.RUNNER.log
run() {
    class=$1 runner=$2
    shift 2
    sed "s/^    WordCount.run().*/    $class.run()/" "$root/scripts/try_mrjob/jobs.py" >"$class.py"
    "$venv/bin/python" "$class.py" -c mrjob.conf -r "$runner" "$@" >"$class.$runner.raw" 2>"$class.$runner.log" || echo "exit $?" >>"$class.$runner.raw"
    sort "$class.$runner.raw" >"$class.$runner.out"
}

# try CLASS RUNNER OPTIONS...: compares mrjob's own runner with ours.
try() {
    class=$1 own=$2
    shift 2
    [ -z "$wanted" ] || case " $wanted " in *" $class "*) ;; *) return 0 ;; esac
    run "$class" "$own" "$@" one.txt two.txt.gz
    run "$class" hadoop --hadoop-bin "$work/hadoop/bin/hadoop" "$@" one.txt two.txt.gz
    counters="$class.$own.counters $class.hadoop.counters"
    for runner in "$own" hadoop; do
        grep -A2 '^	text' "$class.$runner.log" | sort >"$class.$runner.counters" || true
    done
    if ! grep -q '^exit ' "$class.hadoop.out" && cmp -s "$class.$own.out" "$class.hadoop.out" && cmp -s $counters && [ -s "$class.hadoop.out" ]; then
        echo "ok      $class"
    else
        echo "DIFFERS $class: $work/$class.*"
        failed=1
    fi
}

wanted=$*
try WordCount inline
try MostUsedWord inline
try SortValues inline
try Counters inline
try Filter local
try Commands local
try Raw local
try MapOnly inline
try Archive local --setup 'echo mark- > setup.txt'
run WordCount hadoop --hadoop-bin "$work/hadoop/bin/hadoop" -D mapreduce.output.fileoutputformat.compress=true \
    -D mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.GzipCodec one.txt two.txt.gz
mv WordCount.hadoop.out WordCount.gzip.out
run WordCount inline one.txt two.txt.gz
if cmp -s WordCount.inline.out WordCount.gzip.out; then echo "ok      WordCount, compressed"; else echo "DIFFERS WordCount, compressed: $work"; failed=1; fi
run Raises hadoop --hadoop-bin "$work/hadoop/bin/hadoop" one.txt
cause=$(sed -n '/Probable cause of failure/,$p' Raises.hadoop.log)
case $cause in
*"ValueError: this word is the cause: xyzzy"*) echo "ok      Raises: mrjob shows the cause" ;;
*) echo "DIFFERS Raises: mrjob shows no cause: $work/Raises.hadoop.log"; failed=1 ;;
esac
[ $failed = 1 ] || rm -rf "$work"
exit $failed
