# Sourced by the other scripts: makes .venv and keeps it up to date with pyproject.toml and constraints.txt.
# Every installed part leaves a stamp in .venv, so that the next start only compares two texts.

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)"
venv="$root/.venv"

say() { printf 'poolhouse: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

((BASH_VERSINFO[0] >= 4)) || die "bash 4 or newer is needed, this is $BASH_VERSION"

# Runs a command that is terminated with this script; by default a terminated bash leaves its child running.
# The script's trap on EXIT must call stop_child.
run_child() {
  "$@" &
  _child_pid=$!
  wait "$_child_pid"
  _child_pid=""
}

stop_child() {
  [[ -z "${_child_pid:-}" ]] || { kill "$_child_pid" && wait "$_child_pid"; } 2> /dev/null || true
}

# Prints the contents of an up-to-date stamp: the folder (a moved .venv has wrong paths inside) and the two declarations.
_wanted() { printf '%s\n' "$root" && cat -- "$root/pyproject.toml" "$root/constraints.txt"; }

# Prints which of the given parts are not installed as declared.
_stale_parts() {
  local part wanted
  wanted="$(_wanted)"
  for part in "$@"; do
    [[ -x "$venv/bin/python" && -f "$venv/.stamp-$part" && "$(< "$venv/.stamp-$part")" == "$wanted" ]] || printf '%s\n' "$part"
  done
}

_find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" > /dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  die "Python 3.11 or newer is needed and was not found; install it, or name it: PYTHON=/path/to/python3 $0"
}

_make_venv() {
  local python
  # An interrupted installation leaves a .venv without pip; a working one is kept, even if another tool made it.
  if [[ -x "$venv/bin/python" ]] && "$venv/bin/python" -c 'import pip' 2> /dev/null; then return; fi
  python="$(_find_python)"
  "$python" -c 'import ensurepip, venv' 2> /dev/null ||
    die "$python has no venv module; on Debian and Ubuntu: apt-get install python3-venv"
  say "making .venv with $("$python" --version)"
  "$python" -m venv --clear "$venv"
}

# Prints the requirements of a dependency group, one per line. pip's own --group needs pip 25.1.
_group() {
  "$venv/bin/python" - "$root/pyproject.toml" "$1" << 'PYTHON'
import sys, tomllib

with open(sys.argv[1], "rb") as declared:
    print(*tomllib.load(declared)["dependency-groups"][sys.argv[2]], sep="\n")
PYTHON
}

# ensure_venv PART...: "server" is this project with its extras server and images, other parts are dependency groups.
ensure_venv() {
  local stale part lines
  mapfile -t stale < <(_stale_parts "$@")
  ((${#stale[@]})) || return 0
  (
    # If two scripts start at the same time, the second waits and then finds everything installed.
    if command -v flock > /dev/null; then
      exec 9< "$root"
      flock --nonblock 9 || { say "another script is installing; waiting for it" && flock 9; }
    fi
    mapfile -t stale < <(_stale_parts "$@")
    ((${#stale[@]})) || exit 0
    _make_venv
    cd -- "$root"
    lines=()
    for part in "${stale[@]}"; do
      rm -f -- "$venv/.stamp-$part"
      if [[ $part == server ]]; then
        lines+=(--editable '.[server,images]')
      else
        requirements="$(_group "$part")"
        mapfile -t -O "${#lines[@]}" lines <<< "$requirements"
      fi
    done
    say "installing into .venv: ${stale[*]} (the first time downloads torch, which takes some minutes)"
    "$venv/bin/python" -m pip install --disable-pip-version-check --constraint constraints.txt "${lines[@]}" 9<&- ||
      die "pip failed; see its error above, fix the cause and start again. Downloaded packages are kept"
    for part in "${stale[@]}"; do _wanted > "$venv/.stamp-$part"; done
    say "installed in ${SECONDS} s"
  ) # no `|| …` here: it would turn errexit off inside
}
