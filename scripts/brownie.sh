#!/usr/bin/env bash
# Brownie in its own environment, its home inside the checkout: `scripts/brownie.sh compile`, `run scripts/deploy.py`,
# `console`, or `smoke` for the smoke test. Sets up what is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

export UV_CACHE_DIR="${UV_CACHE_DIR:-$PWD/.cache/uv}"
export HOME="$PWD/.home/brownie"
if [ requirements/brownie.txt -nt .venv-brownie/.ready ]; then
  .venv/bin/uv venv --quiet --clear .venv-brownie
  .venv/bin/uv pip install --quiet --python .venv-brownie/bin/python --require-hashes -r requirements/brownie.txt
  touch .venv-brownie/.ready
fi
# py-solc-x would fetch a native compiler from the internet; it takes the one that npm brought as installed.
mkdir -p "$HOME/.solcx"
[ -e "$HOME/.solcx/solc-v0.8.37" ] || ln -sfn "$PWD/scripts/solc/solc.js" "$HOME/.solcx/solc-v0.8.37"

if [ "${1-}" = smoke ]; then
  exec .venv-brownie/bin/python tests/contracts/brownie_smoke.py
fi
exec .venv-brownie/bin/brownie "$@"
