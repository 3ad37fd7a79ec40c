# Sourced by the proofs of deploy/, after _venv.sh and _debian.sh: installs the checkers and starts a container engine.

# Installs the checkers of tests/deploy/requirements.txt in an environment of their own and puts them on PATH.
ensure_deploy_tools() {
  local tools="$venv/deploy" wanted="$root/tests/deploy/requirements.txt"
  if ! cmp -s -- "$wanted" "$tools/.stamp"; then
    say "installing the checkers of deploy/"
    "$venv/bin/python" -m venv --clear "$tools"
    "$tools/bin/pip" install --disable-pip-version-check -qq --requirement "$wanted"
    cp -- "$wanted" "$tools/.stamp"
  fi
  PATH="$tools/bin:$PATH"
}

# Prints the first matching line, like grep -m1, but reads all input: grep would end early, and under pipefail the writer's
# SIGPIPE would fail the script with 141.
_first() { awk -v pattern="$1" '$0 ~ pattern && !found++'; }

engine="" # the process id of the engine, if it was started here
wheels="" # the process id of the server that serves wheels to a build

# Sets docker (the client) and DOCKER_HOST; starts an engine in the folder $1 if none responds.
# stop_engine stops it. Debian's client is preferred, as newer ones may have no `build`.
ensure_engine() {
  local folder="$1" until=$((SECONDS + 60))
  docker="$(dpkg -L docker.io 2> /dev/null | _first 'bin/docker$' || true)"
  [[ -n "$docker" ]] || docker="$(command -v docker || true)"
  if [[ -n "$docker" ]] && "$docker" info > /dev/null 2>&1; then return; fi
  [[ $EUID -eq 0 ]] || die "no container engine responds, and only root can start one"
  want_debian_files /usr/sbin/dockerd docker.io
  docker="$(dpkg -L docker.io | _first 'bin/docker$')"
  mkdir -p -- "$folder"
  export DOCKER_HOST="unix://$folder/docker.sock"
  dockerd --data-root "$folder/data" --exec-root "$folder/exec" -p "$folder/pid" -H "$DOCKER_HOST" > "$folder/log" 2>&1 &
  engine=$!
  until "$docker" info > /dev/null 2>&1; do
    kill -0 "$engine" 2> /dev/null && ((SECONDS < until)) || { tail -20 "$folder/log" >&2 && die "the container engine did not start"; }
    read -rt 0.2 <> <(:) || true
  done
}

stop_engine() {
  local each
  for each in $wheels $engine; do
    kill "$each" 2> /dev/null || true
    # The engine unmounts its file systems when it ends, so wait for that before its folder is removed.
    wait "$each" 2> /dev/null || true
  done
  wheels="" engine=""
}

# Provides the base image: the local one, one from a registry, or, if none can be reached, one made from Debian's packages.
ensure_base_image() {
  local base=python:3.11-slim-bookworm mirror folder="$1"
  if "$docker" image inspect "$base" > /dev/null 2>&1 || timeout 60 "$docker" pull -q "$base" 2> /dev/null; then return; fi
  say "no registry to pull $base from; making one from Debian's packages"
  want_debian debootstrap || die "debootstrap is needed to make a base image"
  mirror="$(apt-get indextargets --format '$(REPO_URI)' 2> /dev/null | grep -v security | _first .)"
  debootstrap --variant=minbase bookworm "$folder/rootfs" "$mirror" > "$folder/debootstrap.log" || { tail -5 "$folder/debootstrap.log" >&2 && die "debootstrap failed"; }
  tar -C "$folder/rootfs" -c . | "$docker" import - debian:bookworm-slim > /dev/null
  rm -rf -- "$folder/rootfs"
  printf '%s\n' 'FROM debian:bookworm-slim' \
    'RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates && ln -s /usr/bin/python3 /usr/local/bin/python' |
    DOCKER_BUILDKIT=1 "$docker" build -q --network host -t "$base" - > /dev/null
}

# Builds the image poolhouse:cpu, with the working folder $1. A folder of wheels in PIP_FIND_LINKS is served to the build on
# a local port. The secret holds the certificate authorities that pip trusts here and a new one, $1/authority.pem, which
# exists nowhere else, so that a check can find whether the image keeps any of them.
build_image() {
  local arguments=(--network host --tag poolhouse:cpu --file "$root/deploy/Dockerfile") status=0 port
  want_debian openssl || die "openssl is needed to make a certificate"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=authority-of-the-build \
    -keyout "$1/authority-key.pem" -out "$1/authority.pem" 2> /dev/null
  cat -- "${SSL_CERT_FILE:-$("$venv/bin/python" -m certifi)}" "$1/authority.pem" > "$1/ca.pem"
  arguments+=(--secret "id=ca,src=$1/ca.pem")
  if [[ -d "${PIP_FIND_LINKS:-}" ]]; then
    port="$("$venv/bin/python" -c 'import socket; free = socket.create_server(("127.0.0.1", 0)); print(free.getsockname()[1])')"
    "$venv/bin/python" -m http.server "$port" --bind 127.0.0.1 --directory "$PIP_FIND_LINKS" > /dev/null 2>&1 &
    wheels=$!
    arguments+=(--build-arg TORCH_INDEX= --build-arg "PIP_FIND_LINKS=http://127.0.0.1:$port/")
  fi
  arguments+=(--build-arg "VERSION=$("$venv/bin/python" -c 'from poolhouse import __version__; print(__version__)')")
  arguments+=(--build-arg "REVISION=$(git -C "$root" rev-parse HEAD 2> /dev/null || echo unknown)")
  arguments+=(--build-arg "CREATED=$(date --utc +%Y-%m-%dT%H:%M:%SZ)")
  DOCKER_BUILDKIT=1 "$docker" build --progress plain "${arguments[@]}" "$root" > "$1/build.log" 2>&1 || status=$?
  [[ -z "$wheels" ]] || { kill "$wheels" && wait "$wheels" || true; } 2> /dev/null
  wheels=""
  ((status == 0)) || { tail -40 "$1/build.log" >&2 && die "the image could not be built"; }
}
