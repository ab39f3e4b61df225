#!/usr/bin/env bash
# run.sh PYTHON BOXES [PYTEST_ARGS]: the tests under a real systemd. Each file has a pytest of its own, since its tests
# may share a box, and BOXES of them run at once: they wait for clocks more than they work. What each says comes whole
# when it has ended. Those that measure real time come last, alone. Not by xdist: a worker that its timeout ends (pytest-
# timeout's thread method) leaves `--dist loadfile` waiting for ever.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=$1 boxes=$2
shift 2
shared=$(mktemp -d)
trap 'rm -rf "$shared"' EXIT
export QC_EDGE_SHARED=$shared # what the files' fixtures make once for all: the package, a box that has it

one_file() {
    local file=$1 code=0
    shift
    "$@" "$file" >"$QC_EDGE_SHARED/$(basename "$file").log" 2>&1 </dev/null || code=$?
    cat "$QC_EDGE_SHARED/$(basename "$file").log"
    ((code != 5)) || code=0 # all of its tests are for another part
    return "$code"
}
export -f one_file

failed=0
# the longest files first; each test gets twice the usual time, since it shares the cores
grep -rl --include='test_*.py' 'mark\.root' tests | xargs ls -S |
    xargs -P "$boxes" -I FILE bash -c 'one_file "$@"' - FILE \
        "$python" -m pytest --timeout 600 --durations=5 -m "root and not serial and not long" "$@" || failed=1
"$python" -m pytest --durations=5 -m "root and serial and not long" "$@" || failed=1
exit "$failed"
