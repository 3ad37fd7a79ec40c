# Sourced by scripts that need Ray, after _venv.sh: makes an environment with Ray Serve and this project, in .venv/ray.

_packages_of() { "$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

ensure_ray() {
  local wanted
  wanted="$(cat -- "$root/deploy/ray/requirements.txt" "$root/constraints.txt" "$root/pyproject.toml")"
  if [[ -f "$venv/ray/.stamp" && "$(< "$venv/ray/.stamp")" == "$wanted" ]]; then return; fi
  say "installing Ray Serve into .venv/ray"
  "$venv/bin/python" -m venv --clear "$venv/ray"
  "$venv/ray/bin/pip" install --disable-pip-version-check -qq --constraint "$root/constraints.txt" \
    --requirement "$root/deploy/ray/requirements.txt"
  # Other packages, such as torch, come from .venv; those that Ray installed come first, in the same versions.
  printf '%s\n' "$(_packages_of "$venv")" "$root/service" > "$(_packages_of "$venv/ray")/poolhouse.pth"
  printf '%s\n' "$wanted" > "$venv/ray/.stamp"
}
