#!/bin/sh
# Pin every dependency with its hashes: pyproject.toml and requirements/*.in -> requirements/*.txt.
# The files name no index, so each machine installs from the one its own settings name.
set -eu
cd "$(dirname "$0")/.."

pin() {
    out=$1
    shift
    "${UV:-.venv/bin/uv}" pip compile --quiet --generate-hashes --universal --python-version 3.11 \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@" --output-file "$out"
}

pin requirements/serve.txt pyproject.toml requirements/install.in
pin requirements/develop.txt pyproject.toml requirements/install.in requirements/lock.in --group dev
pin requirements/go.txt requirements/go.in
