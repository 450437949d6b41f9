#!/usr/bin/env bash
# Builds the peers that the benchmark runner is compared with: floor and lwIP.
#
#   bench/build-peers.sh OUT [LWIP_SOURCE_TREE]
#
# OUT               where the programs go: floor, lwip-std, lwip-64k, lwip-pool and lwIP's other variants
# LWIP_SOURCE_TREE  lwIP 2.1.3 unpacked; without it the script takes Debian's source package with apt-get
#
# Needs gcc and binutils. Exit 2: wrong usage; 3: something that it needs is missing, and which.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
missing() { say "build-peers: $*"; exit 3; }

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    say "usage: build-peers.sh OUT [LWIP_SOURCE_TREE]"
    exit 2
fi

mkdir -p "$1"
out=$(cd "$1" && pwd)
peers=$(cd "$(dirname "$0")/peers" && pwd)
tree=${2:-}
for tool in gcc ld objcopy; do
    command -v "$tool" > /dev/null || missing "no $tool (Debian: apt-get install gcc binutils)"
done

gcc -O3 -march=native -w "$peers/floor.c" -o "$out/floor"
say "built floor"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Debian keeps source packages in an index of their own (deb-src). Where it is switched off, a copy of the binary
# sources' settings with the type changed serves for this one download; the machine's own settings stay as they are.
fetch_lwip() {
    command -v apt-get > /dev/null || missing "no apt-get; give an unpacked lwIP 2.1.3 as the second argument"
    command -v dpkg-source > /dev/null || missing "no dpkg-source (Debian: apt-get install dpkg-dev)"
    chmod 755 "$work"
    cd "$work"
    if apt-get source -qq lwip > apt.log 2>&1; then
        return 0
    fi
    mkdir -p parts lists/partial
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -r "$file" ] && sed -n 's/^deb /deb-src /p' "$file" > "parts/$(basename "$file").list"
    done
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -r "$file" ] && sed 's/^Types:.*/Types: deb-src/' "$file" > "parts/$(basename "$file")"
    done
    local options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists")
    if apt-get "${options[@]}" update -qq > apt.log 2>&1 && apt-get "${options[@]}" source -qq lwip >> apt.log 2>&1; then
        return 0
    fi
    cat apt.log >&2
    missing "apt-get cannot fetch lwIP's source; give an unpacked lwIP 2.1.3 as the second argument"
}

if [ -z "$tree" ]; then
    fetch_lwip
    tree=$(find "$work" -maxdepth 1 -type d -name 'lwip-*' | head -n 1)
fi
[ -r "$tree/src/core/tcp_in.c" ] || missing "'$tree' is not an lwIP source tree"
# lwIP's script changes into its build folders, so it is given whole paths.
tree=$(cd "$tree" && pwd)
bash "$peers/lwip/build.sh" "$tree" "$out"
rm -rf "$out"/obj-*
say "built $(cd "$out" && echo lwip-*)"
