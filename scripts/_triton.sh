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
