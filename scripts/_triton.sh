# Sourced by scripts that need NVIDIA Triton, after _venv.sh: makes an environment with its server and client, in
# build/triton. It is separate from .venv, because Triton's wheel needs another version of numpy.

triton_venv="$root/build/triton"

ensure_triton() {
  local wanted
  wanted="$root $("$venv/bin/python" --version) $(cat -- "$root/benchmarks/triton_server/requirements.txt")"
  if [[ -f "$triton_venv/.stamp" && "$(< "$triton_venv/.stamp")" == "$wanted" ]]; then return; fi
  say "installing NVIDIA Triton and torch into build/triton (the first time takes some minutes)"
  "$venv/bin/python" -m venv --clear "$triton_venv"
  "$triton_venv/bin/python" -m pip install --disable-pip-version-check -qq \
    --requirement "$root/benchmarks/triton_server/requirements.txt" ||
    die "pip could not install NVIDIA Triton; see its error above"
  printf '%s\n' "$wanted" > "$triton_venv/.stamp"
  say "installed in ${SECONDS} s"
}

# Makes a folder below build/ unless its stamp is current.
# _ensure_build FOLDER REQUIREMENTS COMMAND…: the command fills the folder.
_ensure_build() {
  local folder="$root/build/$1" wanted
  wanted="$root $("$venv/bin/python" --version) $(cat -- "$2")"
  [[ ! -f "$folder/.stamp" || "$(< "$folder/.stamp")" != "$wanted" ]] || return 0
  say "installing $(grep -m1 -oE '^[a-z]+==[0-9.]+' "$2") into build/$1"
  rm -rf -- "$folder"
  "${@:3}"
  printf '%s\n' "$wanted" > "$folder/.stamp"
}

ensure_perf_analyzer() {
  want_debian_files /usr/lib/x86_64-linux-gnu/libb64.so.0d libb64-0d
  # --target and not an environment, since nothing of it is imported, and its dependencies are not needed.
  _ensure_build perf_analyzer "$root/tests/triton/requirements.txt" "$venv/bin/python" -m pip install \
    --disable-pip-version-check -qq --target "$root/build/perf_analyzer" --no-deps --only-binary :all: \
    --platform manylinux1_x86_64 --requirement "$root/tests/triton/requirements.txt"
}

_install_kserve() {
  "$venv/bin/python" -m venv "$root/build/kserve"
  "$root/build/kserve/bin/python" -m pip install --disable-pip-version-check -qq \
    --requirement "$root/tests/languages/kserve/requirements.txt"
}

ensure_kserve() { _ensure_build kserve "$root/tests/languages/kserve/requirements.txt" _install_kserve; }
