#!/bin/sh
# The gate: layout, lints, documentation. Tests are `cargo test`.
#
# usage: scripts/check.sh
set -eu
cd "$(dirname "$0")/.."

cargo fmt --all -- --check
cargo clippy --locked --all-targets -- -D warnings
RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --document-private-items
