#!/usr/bin/env bash
# Calls poolhouse with curl: numbers as JSON, bytes as they are, an array as npy.
set -euo pipefail
cd -- "$(dirname -- "$0")"

service=http://localhost:8000
ask() { curl --silent --show-error --fail-with-body "$@"; }

# As JSON: the tensor and the fields in one object.
ask "$service/v1/pool/max_pool1d" -H 'Content-Type: application/json' -d '{"input": [[1, 3, 2, 5]], "kernel_size": 2}'
echo

# As bytes: the elements alone are the body, everything else stands in the query.
printf abcdefghijklmnop | ask "$service/v1/pool/max_pool2d?kernel_size=2&shape=1,4,4&dtype=uint8" \
  -H 'Content-Type: application/octet-stream' --data-binary @-
echo

# As npy: an array in, an array of the same type out.
ask "$service/v1/pool/max_pool2d?kernel_size=8" -H 'Content-Type: application/x-npy' --data-binary @photo.npy |
  wc --bytes
