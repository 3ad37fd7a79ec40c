#!/usr/bin/env bash
# Calls poolhouse with curl: JSON, raw bytes, and npy.
set -euo pipefail
cd -- "$(dirname -- "$0")"

service=http://localhost:8000
call() { curl --silent --show-error --fail-with-body "$@"; }

# As JSON: the tensor and the fields in one object.
call "$service/v1/pool/max_pool1d" -H 'Content-Type: application/json' -d '{"input": [[1, 3, 2, 5]], "kernel_size": 2}'
echo

# As raw bytes: the body is the elements, and the fields are in the query.
printf abcdefghijklmnop | call "$service/v1/pool/max_pool2d?kernel_size=2&shape=1,4,4&dtype=uint8" \
  -H 'Content-Type: application/octet-stream' --data-binary @-
echo

# As npy: the response has the format of the request.
call "$service/v1/pool/max_pool2d?kernel_size=8" -H 'Content-Type: application/x-npy' --data-binary @photo.npy |
  wc --bytes
