#!/bin/sh
# Run the tests that docs/faults.md names, and no others, on the source before those faults were mended, and print
# what became of each there. A test may say "hung": some of these faults stop a server for good.
#   tools/faults_before.sh [PATTERN]     only tests whose name has PATTERN
set -eu
cd "$(dirname "$0")/.."
BEFORE=ae230c1
EACH=300 # seconds a test may take
AT_ONCE=2

place=$(mktemp -d "${TMPDIR:-/tmp}/faults-before.XXXXXX")
trap 'rm -rf "$place"' EXIT
mkdir -p "$place/tree/.cache" "$place/said"
git archive "$BEFORE" | tar -x -C "$place/tree"
rm -rf "$place/tree/tests" "$place/tree/tools"
cp -R tests tools docs "$place/tree/" # today's tests and what they drive, over the source of then
cp pyproject.toml "$place/tree/"
[ ! -d .cache/tools ] || ln -s "$PWD/.cache/tools" "$place/tree/.cache/tools"
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r requirements/develop.txt
"$place/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable "$place/tree"

sed -n 's/^- `\(tests\/[^`]*::[^`]*\)`.*/\1/p' docs/faults.md | sort -u | grep -F -- "${1:-}" >"$place/tests"

# shellcheck disable=SC2016
xargs -P "$AT_ONCE" -n 1 sh -c '
    name=$(printf %s "$1" | tr "/:[]" "____")
    cd "$0/tree"
    code=0
    TMPDIR="$0" timeout --kill-after=10 '"$EACH"' "$0/venv/bin/python" -m pytest -q -p no:cacheprovider \
        --basetemp="$0/run-$name" "$1" >"$0/said/$name" 2>&1 || code=$?
    case $code in
        0) grep -q " passed" "$0/said/$name" && echo "PASSED   $1" || echo "skipped  $1" ;;
        1) echo "failed   $1" ;;
        124 | 137) echo "hung     $1" ;;
        *) echo "no such  $1 ($(grep -m 1 -E "^E  |ImportError|ERROR" "$0/said/$name" | cut -c 1-100))" ;;
    esac
    pkill -KILL -f -- "--root $0/run-$name" || true # a server that hangs does not hear of the end of its test
    rm -rf "$0/run-$name"
' "$place" <"$place/tests" | sort | tee "$place/result"

printf '%s tests, %s of them passed on %s\n' "$(wc -l <"$place/result")" "$(grep -c '^PASSED' "$place/result" || true)" "$BEFORE"
