#!/bin/sh
# Runs programs that drive Hadoop by its commands on our commands, and lists those that are left out, with the reason.
#
# usage: scripts/try_clients.sh [NAME...]
#
# Without names all cases of try_clients/cases.py; mrjob has a script of its own, try_mrjob.sh. Not part of the tests: it
# installs the programs from the Python package index into a virtual environment in the cache folder (MRSTREAM_CACHE,
# default: mr-stream in the user's cache folder). PYTHON names the interpreter. MRSTREAM_BIN names the command (default: a
# release build of this tree). Later releases of luigi lack a module that its Hadoop runner imports.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/scripts/try_clients
python=${PYTHON:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${MRSTREAM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mr-stream}/clients-$version
mkdir -p "$cache"
if [ -z "${MRSTREAM_BIN:-}" ]; then
    (cd "$root" && cargo build --release --locked --bin mr-stream)
    MRSTREAM_BIN=${CARGO_TARGET_DIR:-$root/target}/release/mr-stream
fi
imports() { "$cache/venv/bin/python" -W ignore -c 'import luigi.contrib.hadoop'; }
if ! imports 2>/dev/null; then
    "$python" -m venv --clear "$cache/venv"
    "$cache/venv/bin/pip" install -q luigi==3.6.0
    imports || { echo "try_clients: luigi 3.6.0 does not import on Python $version; set PYTHON to another one" >&2; exit 2; }
fi

# Tasks call python3.
PATH=$cache/venv/bin:$PATH
export PATH
unset HADOOP_HOME HADOOP_PREFIX HADOOP_INSTALL HADOOP_LOG_DIR || true
exec python -B -W ignore "$here/cases.py" "$MRSTREAM_BIN" "$@"
