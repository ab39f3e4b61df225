#!/usr/bin/env bash
# The real pycuda beside a stand-in for NVIDIA's driver library, in one directory, which is printed:
#   LD_LIBRARY_PATH=DIR PYTHONPATH=DIR python -m pytest -m standin
# and in DIR/tensorrt-VERSION (x86-64) NVIDIA's Python modules of TensorRT, with nothing behind them.
# Needs a C compiler and, the first time, a network; neither nvcc nor a GPU. Kept for the next run. pycuda is the package's
# own, compiled once for both (systemd/deb/pycuda.sh).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3}
HEADERS=13.0.96
# JetPack 6's, the last 10 and the newest
TENSORRT=(10.3.0 10.16.1.11 11.4.0.106)

deb=$here/../../systemd/deb
key=$({ cat "$here/driver.c" "$here/build.sh" "$deb/pycuda.sh"; "$python" -VV; } | sha256sum | cut -c1-12)
target=$here/../../.cache/standin-$key
if [[ -e $target/libcuda.so.1 ]]; then
    echo "$target"
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; }

mkdir "$work/built"
quietly "$python" -m venv "$work/venv"
pip() { quietly "$work/venv/bin/python" -m pip --disable-pip-version-check "$@"; }
pip install --target "$work/cuda" --no-deps "nvidia-cuda-runtime==$HEADERS"
include=$(dirname "$(find "$work/cuda" -name cuda.h -print -quit)")

pip install --target "$work/site" numpy
pip install --target "$work/built" pytools
tools=$("$deb/tools.sh" "$python")
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
PYTHONPATH=$tools PATH=$tools/bin:$PATH quietly \
    "$deb/pycuda.sh" "$(dpkg --print-architecture)" "$version" "$headers" "$work/site"
mv "$work"/site/pycuda* "$work/built/"

# whatever else pycuda names is there and refuses
gcc -O1 -Wall -Wextra -Werror -fPIC -I"$include" -c -o "$work/driver.o" "$here/driver.c"
comm -23 <(nm -D --undefined-only "$work"/built/pycuda/_driver*.so | awk '$NF ~ /^cu/ { print $NF }' | sort) \
    <(nm --defined-only "$work/driver.o" | awk '{ print $NF }' | sort) |
    sed 's/.*/int &(void) { return 801; }/' >"$work/others.c"
gcc -shared -fPIC -o "$work/built/libcuda.so.1" "$work/driver.o" "$work/others.c" -Wl,-soname,libcuda.so.1 -lpthread

if [[ $(uname -m) == x86_64 ]]; then
    for name in create{InferBuilder,InferRefitter,InferRuntime,NvOnnxParserRefitter,NvOnnxParser}_INTERNAL \
        getNvOnnxParserVersion getPluginRegistry getBuilderPluginRegistry initLibNvInferPlugins; do
        echo "void *$name(void) { return 0; }"
    done >"$work/nothing.c"
    for version in "${TENSORRT[@]}"; do
        into=$work/built/tensorrt-$version
        pip install --no-deps --target "$into" "tensorrt-cu12-bindings==$version"
        for library in nvinfer nvinfer_plugin nvonnxparser; do
            gcc -shared -fPIC -o "$into/lib$library.so.${version%%.*}" "$work/nothing.c"
        done
    done
fi
mkdir -p "$(dirname "$target")"
mv -T "$work/built" "$target"
echo "$target"
