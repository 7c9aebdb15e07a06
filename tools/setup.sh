#!/usr/bin/env bash
# Create .venv and install everything; a stamp over the requirement files makes a second call free.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python="${PYTHON:-python3}"
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
  for candidate in python3.13 python3.12 python3.11; do
    if "$candidate" -c 'pass' 2>/dev/null; then python="$candidate"; break; fi
  done
fi
if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
  echo "error: Python 3.11, 3.12 or 3.13 is needed; name one: make PYTHON=/path/to/python3.11 ..." >&2
  exit 2
fi

# what is installed depends on these files, this folder's place and the interpreter
stamp() {
  { pwd; "$python" --version
    cat requirements.txt requirements-nodeps.txt pyproject.toml plugins/*/pyproject.toml examples/*/pyproject.toml
  } | sha256sum | cut -d' ' -f1
}
wanted="$(stamp)"
if [ -x .venv/bin/python ] && [ "$(cat .venv/.stamp 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

echo "setting up .venv (a few minutes the first time)" >&2
# another interpreter, or a folder that was moved, needs a new environment; one that somebody
# prepared here (with a CPU build of torch, say) is kept
if ! .venv/bin/python -c 'pass' 2>/dev/null \
  || [ "$(.venv/bin/python --version)" != "$("$python" --version)" ] \
  || ! grep -qF "$(pwd)/.venv" .venv/bin/activate; then
  rm -rf .venv
  "$python" -m venv .venv
fi
pip() { .venv/bin/python -m pip --quiet --disable-pip-version-check "$@"; }
# a family that was renamed or deleted would go on offering its components
before="$(.venv/bin/python -m pip list --editable --format=freeze --disable-pip-version-check | cut -d= -f1)"
if [ -n "$before" ]; then pip uninstall --yes $before; fi
# torch alone and first: a range in another package would otherwise choose its newest build
pip install "$(grep -E '^torch==' requirements.txt)"
pip install -r requirements.txt
pip install --no-deps -r requirements-nodeps.txt
echo "$wanted" > .venv/.stamp
