#!/usr/bin/env bash
# `make gpu`: everything that only an NVIDIA GPU can show, with whatever TensorRT this machine has or was brought.
# Needs no network where wheels/ holds what is missing (tests/gpu/bring.sh fills it): they are unpacked beside this Python's
# own packages, whatever environment that is. Else an environment is made, which sees the system's packages, among them
# JetPack's tensorrt.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=${CUDA_HOME:-/usr/local/cuda}/bin:$PATH
python=${1:-python3}
shift || true

if ! "$python" -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null; then
    echo "NO NVIDIA GPU: the driver's library libcuda.so.1 cannot be loaded on this machine. Nothing was tried." >&2
    exit 1
fi

if compgen -G 'wheels/*.whl' >/dev/null; then
    # An environment made from another one sees the base Python's packages only, not that one's: so none is made.
    brought=$(mktemp -d)
    trap 'rm -rf "$brought"' EXIT
    "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --target "$brought" wheels/*.whl
    PYTHONPATH=$brought${PYTHONPATH:+:$PYTHONPATH} "$python" -m tests.gpu "$@"
    exit
fi
venv=.venv-gpu
[[ -x $venv/bin/python ]] || "$python" -m venv --system-site-packages "$venv"
echo "wheels/ is empty: what is missing is asked of pip" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check '.[tensorrt-rtx,dev]'
exec "$venv/bin/python" -m tests.gpu "$@"
