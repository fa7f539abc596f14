#!/bin/sh
# Runs mrjob with its hadoop runner on our commands: jobs against mrjob's own runners, and mrjob's own test-suite.
#
# usage: scripts/try_mrjob.sh [--suite | NAME...]
#
# Without arguments all of it; with --suite the test-suite alone, with names those cases of try_mrjob/compare.py.
# Not part of the tests: it fetches mrjob from the Python package index into the cache folder (MRSTREAM_CACHE, default:
# mr-stream in the user's cache folder). PYTHON names the interpreter: 3.7 or later. mrjob 0.7.4 imports by itself up to
# 3.11, on 3.12 with setuptools (its distutils), from 3.13 with standard-pipes too; both are installed beside it.
# MRSTREAM_BIN names the command (default: a release build of this tree).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/scripts/try_mrjob
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${MRSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mr-stream}/mrjob-$version
mkdir -p "$cache"
if [ -z "${MRSTREAM_BIN:-}" ]; then
    (cd "$root" && cargo build --release --locked --bin mr-stream)
    MRSTREAM_BIN=${CARGO_TARGET_DIR:-$root/target}/release/mr-stream
fi
imports() { "$cache/venv/bin/python" -W ignore -c 'import mrjob.hadoop, mrjob.job'; }
if ! imports 2>/dev/null; then
    "$python" -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install -q mrjob==0.7.4 setuptools wheel 'standard-pipes; python_version >= "3.13"'
    imports || { echo "try_mrjob: mrjob 0.7.4 does not import on Python $version; set PYTHON to an older one" >&2; exit 2; }
fi
if [ ! -d "$cache/mrjob-0.7.4" ]; then
    "$cache/venv/bin/pip" download -q --no-deps --no-build-isolation --no-binary mrjob -d "$cache" mrjob==0.7.4
    tar -xzf "$cache/mrjob-0.7.4.tar.gz" -C "$cache"
fi

# Tasks call python3.
PATH=$cache/venv/bin:$PATH
export PATH
unset HADOOP_HOME HADOOP_PREFIX HADOOP_INSTALL HADOOP_LOG_DIR || true
echo "Python $version"
failed=0
[ "${1:-}" = --suite ] || python -B "$here/compare.py" "$MRSTREAM_BIN" "$cache/mrjob-0.7.4" "$@" || failed=1
[ $# != 0 ] && [ "$1" != --suite ] || python -B -W ignore "$here/suite.py" "$MRSTREAM_BIN" "$cache/mrjob-0.7.4" || failed=1
exit $failed
