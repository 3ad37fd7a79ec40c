# Sourced by the other scripts: installs Debian packages that a check needs.

# Installs packages, and waits for another running apt-get, as there often is on a machine that has just booted.
_install_debian() {
  say "installing Debian's $*"
  {
    apt-get -o Acquire::Retries=1 update &&
      DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"
  } >&2
}

# want_debian PROGRAM...: installs the packages of these programs (of the same names) if this runs as root on Debian.
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

# want_debian_files PATH PACKAGE: installs the package unless the path exists.
want_debian_files() {
  [[ ! -e "$1" ]] || return 0
  _install_debian "$2"
}

# Installs Debian's browser without a window, or the whole one where that has no package; without root either will do.
want_browser() {
  if [[ $EUID -ne 0 ]] && command -v chromium > /dev/null; then return; fi
  want_debian chromium-headless-shell || want_debian chromium
}
