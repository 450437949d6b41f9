#!/usr/bin/env bash
# Measures Earshot beside its peers, round after round, and keeps the report in bench/results/.
#
#   bench/run-peers.sh PEERS [ARGUMENT ...]
#
# PEERS      the folder into which bench/build-peers.sh built floor and lwIP
# ARGUMENT   goes to the runner, as --rounds 5 or --core 1
#
# Exit 0: every target is met; 1: one is not; 2: wrong usage; 3: a peer is missing.
set -euo pipefail

if [ $# -lt 1 ]; then
    printf 'usage: run-peers.sh PEERS [--rounds N] [--core N]\n' >&2
    exit 2
fi

peers=$1
shift
bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
mkdir -p "$bench/results"
dotnet build -c Release -v quiet "$bench/Earshot.Benchmarks" >&2
exec dotnet run -c Release --no-build --project "$bench/Earshot.Benchmarks" -- \
    peers --peers "$peers" --out "$bench/results/peers-$(date -u +%Y-%m-%d).md" "$@"
