#!/usr/bin/env bash
# `make gpu`: everything that only an NVIDIA GPU can show, with whatever TensorRT this machine has or was brought.
# Needs no network where wheels/ holds what is missing (tests/gpu/bring.sh fills it); the environment also sees
# the system's packages, among them JetPack's tensorrt.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=${CUDA_HOME:-/usr/local/cuda}/bin:$PATH
python=${1:-python3}
shift || true

if ! "$python" -c 'import ctypes; ctypes.CDLL("libcuda.so.1")' 2>/dev/null; then
    echo "NO NVIDIA GPU: the driver's library libcuda.so.1 cannot be loaded on this machine. Nothing was tried." >&2
    exit 1
fi

venv=.venv-gpu
[[ -x $venv/bin/python ]] || "$python" -m venv --system-site-packages "$venv"
if compgen -G 'wheels/*.whl' >/dev/null; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps wheels/*.whl
else
    echo "wheels/ is empty: what is missing is asked of pip" >&2
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        '.[tensorrt-rtx,dev]'
fi
exec "$venv/bin/python" -m tests.gpu "$@"
