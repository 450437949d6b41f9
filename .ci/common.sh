# What ./earshot, ./test and .ci/run share: finding dotnet, one build at a time, a build that is silent unless it fails.
# Sourced with $root set to the repository's folder. Works with bash 3.2 and without flock, then without the lock.

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1

stamp="$root/artifacts/earshot.stamp"
say() { printf '%s\n' "$*" >&2; }

# Puts dotnet into $dotnet: from PATH, DOTNET_ROOT or the place its install script uses. Ends with 3 when there is none.
find_dotnet() {
  local candidate
  for candidate in "$(command -v dotnet 2>/dev/null)" "${DOTNET_ROOT:-}/dotnet" "${HOME:-}/.dotnet/dotnet"; do
    if [ -x "$candidate" ] && [ ! -d "$candidate" ]; then dotnet=$candidate; return; fi
  done
  say "earshot: there is no 'dotnet' command here (looked in PATH, DOTNET_ROOT and ~/.dotnet)."
  how_to_get_dotnet
  exit 3
}

# Ends with 3 when dotnet is there but brings no .NET 10 SDK.
require_sdk() {
  local sdks
  find_dotnet
  sdks=$("$dotnet" --list-sdks 2>/dev/null || true)
  if printf '%s\n' "$sdks" | grep -q '^10\.0\.'; then return; fi
  say "earshot: building needs a .NET 10 SDK (10.0.100 or a later 10.0), and $dotnet has none."
  if [ -n "$sdks" ]; then
    say "It has these SDKs: $(printf '%s\n' "$sdks" | cut -d ' ' -f 1 | tr '\n' ' ')"
  else
    say "It has no SDK at all; a runtime alone cannot build."
  fi
  how_to_get_dotnet
  exit 3
}

how_to_get_dotnet() {
  say "Get the .NET 10 SDK from your system's packages:"
  say "  Debian, Ubuntu: apt-get install dotnet-sdk-10.0     Fedora: dnf install dotnet-sdk-10.0     macOS: brew install dotnet"
  say "or follow https://dot.net (choose .NET 10, SDK). Then run the same command again."
}

# True when something the build reads is newer than the last good build. Directories count too: a deleted or renamed file
# changes only its directory.
sources_changed() {
  [ ! -f "$stamp" ] || [ -n "$(find "$root/src" "$root/global.json" "$root/.editorconfig" "$root/BannedSymbols.SansIo.txt" \
    "$root/Directory.Build.props" "$root/Directory.Build.targets" "$root/Directory.Packages.props" \
    -newer "$stamp" -print -quit)" ]
}

# True when this user may write what a build makes.
may_build() {
  if [ ! -d "$root/artifacts" ]; then [ -w "$root" ]; return; fi
  [ -w "$root/artifacts" ] && { [ ! -e "$root/artifacts/build.lock" ] || [ -w "$root/artifacts/build.lock" ]; }
}

# Runs the given command while no other build runs in this repository. Returns 3 when nothing may be built here.
locked() {
  if ! may_build; then
    say "earshot: nothing can be built here: $(id -un) may not write $root/artifacts"
    return 3
  fi
  mkdir -p "$root/artifacts"
  if command -v flock >/dev/null 2>&1; then
    # The lock is released when descriptor 9 closes, so "build" closes it for the compiler server, which stays.
    ( flock 9; "$@" ) 9>"$root/artifacts/build.lock"
  else
    "$@"
  fi
}

# build TARGET: Release, from the lock files, quiet; the log is shown when the build fails. Returns 3 then.
build() {
  local log="$root/artifacts/build.log"
  # A stack that is up has these files mapped, and the build would write over them in place: give it new files instead.
  if sources_changed; then rm -f "$root"/artifacts/bin/Earshot.Cli/release/*arshot*.dll; fi
  if (cd "$root" && "$dotnet" build "$1" -c Release -p:RestoreLockedMode=true -nodeReuse:false -v quiet -tl:off) \
      >"$log" 2>&1 9>&-; then return 0; fi
  say "earshot: the build failed:"
  # Each message comes twice, once more in the summary; "sort -u" would lose the order.
  awk 'NF && !seen[$0]++' "$log" >&2
  return 3
}
