#!/usr/bin/env bash
# Fill wheels/ for `make gpu` on an x86-64 machine without a network: all of qc-edge's dependencies, TensorRT for
# RTX, and pycuda built here. Needs a network, nvcc, and the Python that the other machine has:
#   tests/gpu/bring.sh python3.12
# LEAN=1 leaves out what a machine for deep learning has (numpy, opencv, onnx, onnxruntime, rich, typer, jinja2, pytest)
# and TensorRT: some 40 MB.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${1:-python3.12}
cuda=${CUDA_HOME:-/usr/local/cuda}
export PATH=$cuda/bin:$PATH
mkdir -p wheels
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m venv "$work/venv"
pip() { "$work/venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# the build backend reads the names; setuptools is needed where nothing can be built
pip install --quiet numpy setuptools wheel
pip wheel --quiet --no-deps --wheel-dir "$work/own" .
if [[ ${LEAN:-} == 1 ]]; then
    pip download --quiet --only-binary=:all: --dest wheels duckdb pydantic watchdog cryptography \
        pytools siphash24 platformdirs mako
else
    pip download --quiet --only-binary=:all: --dest wheels "$(ls "$work"/own/*.whl)[compile]" \
        pytools platformdirs siphash24 mako setuptools
fi
rm -f wheels/qc_edge-*.whl

# the small kernel, for any driver to finish: the other machine may have no nvcc
"$python" -c 'import ast, sys
for node in ast.parse(open("tests/gpu/cells.py").read()).body:
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SOURCE": print(ast.literal_eval(node.value))' \
    >"$work/cells.cu"
nvcc -ptx -arch=compute_75 -o wheels/cells.ptx "$work/cells.cu"

# pycuda links against the driver, which is not here: the toolkit's stub stands for it
stubs=$(find -L "$cuda" -name libcuda.so -path '*stubs*' -printf "%h" -quit 2>/dev/null || true)
options=()
[[ -n $(find -L "$cuda" -name curand.h -print -quit 2>/dev/null) ]] || options+=(--no-cuda-enable-curand)
if [[ -z $stubs ]]; then
    stubs=$work/stubs
    mkdir "$stubs"
    echo 'void of_no_use(void) {}' | gcc -shared -fPIC -x c -o "$stubs/libcuda.so" - -Wl,-soname,libcuda.so.1
fi
(cd "$work" && pip download --quiet --no-deps --no-build-isolation --no-binary pycuda pycuda && tar xzf pycuda-*.tar.gz)
cd "$work"/pycuda-*/
"$work/venv/bin/python" configure.py "${options[@]}" --cuda-root="$cuda" --cudadrv-lib-dir="$stubs,$cuda/lib64"
# even where the stub has no symbols, the library must name the driver
LDFLAGS="-Wl,--no-as-needed" pip wheel --quiet --no-build-isolation --no-deps --wheel-dir "$OLDPWD/wheels" .
