#!/bin/sh
# Compares the versions in Cargo.lock with the advisories of RustSec. A machine without cargo-audit, or without a way
# to its database, cannot check this and says so.
#
# usage: scripts/audit.sh
set -eu
cd "$(dirname "$0")/.."

# Known and accepted: bincode is no longer developed. It is pinned, and reads our own plan files only.
accepted=RUSTSEC-2025-0141

if ! command -v cargo-audit >/dev/null; then
    echo "scripts/audit.sh: SKIPPED the advisories on dependencies: no cargo-audit (cargo install cargo-audit)"
    exit 0
fi
if said=$(cargo audit --deny warnings --ignore "$accepted" 2>&1); then
    exit 0
fi
case $said in
*"fetch advisory database"*)
    echo "scripts/audit.sh: SKIPPED the advisories on dependencies: their database cannot be fetched"
    ;;
*)
    printf '%s\n' "$said" >&2
    exit 1
    ;;
esac
