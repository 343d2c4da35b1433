#!/usr/bin/env bash
# slither over contracts/, in its own environment; exits with 255 on any finding. Sets up what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

export UV_CACHE_DIR="${UV_CACHE_DIR:-$PWD/.cache/uv}"
if [ requirements/slither.txt -nt .venv-slither/.ready ]; then
  .venv/bin/uv venv --quiet --clear .venv-slither
  .venv/bin/uv pip install --quiet --python .venv-slither/bin/python --require-hashes -r requirements/slither.txt
  touch .venv-slither/.ready
fi
# slither runs `forge clean` first: it gets a build folder of its own.
export FOUNDRY_OUT=build/slither FOUNDRY_CACHE_PATH=build/slither-cache
PATH="$PWD/node_modules/.bin:$PATH" exec .venv-slither/bin/slither . "$@"
