# Sourced by the scripts beside it: a Debian package that a check can use and that may be missing.

# Installs packages. Another apt-get may be at work, as it is on a machine that has just started: then this one waits for it.
_install_debian() {
  say "installing Debian's $*"
  {
    apt-get -o Acquire::Retries=1 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"
  } >&2
}

# want_debian PROGRAM...: installs the packages of these programs (named alike) where that can be done unasked.
want_debian() {
  local program missing=()
  for program in "$@"; do command -v "$program" > /dev/null || missing+=("$program"); done
  ((${#missing[@]})) || return 0
  if [[ $EUID -ne 0 ]] || ! command -v apt-get > /dev/null; then
    say "not installed: ${missing[*]}; the checks that need it are skipped (Debian: apt-get install ${missing[*]})"
    return 1
  fi
  _install_debian "${missing[@]}"
}

# want_debian_files PATH PACKAGE: installs the package unless the path is there.
want_debian_files() {
  [[ ! -e "$1" ]] || return 0
  _install_debian "$2"
}
