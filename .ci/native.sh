# Makes libearshot.so: Earshot.Native and Earshot.Core compiled ahead of time for net9.0. Sourced by ./earshot after
# common.sh. It is no part of the main build: it needs a C linker, and packages that the main build has no use for.

native="$root/artifacts/native"
library="$native/libearshot.so"

# build native: 0 made or up to date, 2 usage, 3 cannot be made here.
build_command() {
  local usage="usage: ./earshot build native      makes artifacts/native/libearshot.so and earshot.h"
  case "$*" in
    native) ;;
    -h | --help) echo "$usage"; exit 0 ;;
    *) say "$usage"; exit 2 ;;
  esac
  require_sdk
  require_linker
  if ! native_up_to_date; then
    say "building libearshot.so ..."
    locked publish_native || exit 3
  fi
  echo "$library"
}

require_linker() {
  for linker in gcc clang cc; do
    if command -v "$linker" >/dev/null 2>&1; then return; fi
  done
  say "earshot: linking libearshot.so needs gcc or clang (Debian, Ubuntu: apt-get install gcc)"
  exit 3
}

native_up_to_date() {
  [ -f "$library" ] && [ -z "$(find "$root/src/Earshot.Core" "$root/src/Earshot.Native" "$root/global.json" \
    "$root/Directory.Build.props" "$root/.ci/native.sh" -newer "$library" ! -name packages.shared.lock.json \
    -print -quit)" ]
}

# In folders of its own, for the same project is also built for the solution.
publish_native() {
  if native_up_to_date; then return 0; fi # another process made it while this one waited for the lock
  local log="$native/build.log" made="$native/build/publish/Earshot.Native" began="$native/began"
  mkdir -p "$native"
  touch "$began"
  if ! (cd "$root" && "$dotnet" publish src/Earshot.Native/Earshot.Native.csproj -c Release -p:EarshotShared=true \
      -p:ArtifactsPath="$native/build" -p:CppCompilerAndLinker="$linker" -p:UseSharedCompilation=false \
      -nodeReuse:false -v quiet -tl:off) >"$log" 2>&1 9>&-; then
    say "earshot: libearshot.so could not be made:"
    awk 'NF && !seen[$0]++' "$log" >&2
    return 3
  fi
  cp "$root/src/Earshot.Native/include/earshot.h" "$native/"
  # Renamed into place: a program that has the old one mapped keeps it. It is as old as what it was made from.
  cp "$made"/*/libearshot.so "$library.new"
  touch -r "$began" "$library.new"
  mv "$library.new" "$library"
}
