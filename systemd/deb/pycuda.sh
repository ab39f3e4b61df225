#!/usr/bin/env bash
# pycuda.sh ARCH MINOR HEADERS SITE: pycuda, which has no wheels, compiled into SITE for the Python MINOR with those headers
# and for the numpy of SITE. Without nvcc: CUDA's headers come from NVIDIA's wheels, and what it is linked against says no
# more than the name of the driver's library. Wants uv and ziglang (systemd/requirements/package.txt) in PATH and
# PYTHONPATH. Kept for the next package.
set -euo pipefail
arch=$1 minor=$2 headers=$3 site=$4
here=$(cd "$(dirname "$0")" && pwd)
PYCUDA=2026.1 SHA256=759516160628ba06f32ce7e563e3f5b9214691dc9528a03ea99ea1073f4e14ba
CUDA=(nvidia-cuda-runtime==13.0.96 nvidia-cuda-profiler-api==13.5.25)
case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
esac
key=$(cat "$here/pycuda.sh" "$here/../requirements/package.txt" "$here/../requirements/station.txt" | sha256sum | cut -c1-12)
kept=$here/../../.cache/deb-pycuda-$arch-$minor-$key
if [[ -e $kept ]]; then
    cp -r "$kept/." "$site/"
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
numpy=$(cd "$site/numpy/_core/include" && pwd)
headers=$(cd "$headers" && pwd)
cd "$work"
uv --quiet pip install --target cuda --no-deps --no-build --python-platform x86_64-manylinux_2_31 "${CUDA[@]}"
cuda=$(dirname "$(find "$PWD/cuda" -name cuda.h -print -quit)")
# pip asks an sdist for its name, with what it is built by
uv --quiet venv --seed venv
uv --quiet pip install --python venv/bin/python setuptools numpy
env -u PYTHONPATH venv/bin/python -m pip --disable-pip-version-check --quiet download --no-deps --no-build-isolation \
    --no-binary pycuda "pycuda==$PYCUDA"
sha256sum --check --quiet <<<"$SHA256  pycuda-$PYCUDA.tar.gz"
tar -xzf "pycuda-$PYCUDA.tar.gz"
cd "pycuda-$PYCUDA"
boost=bpl-subset/bpl_subset
ln -s boost $boost/pycudaboost
# An enum without a type holds no -1 for a newer compiler; its own Boost is older than that.
sed -i -E 's/^( *enum [a-z_]+_enum)$/\1 : int/' $boost/boost/numeric/conversion/*_enum.hpp

# Sources and definitions as its setup.py and aksetup_helper.py have them, without OpenGL and cuRAND.
flags=(-target "$machine-linux-gnu.2.31" -std=c++14 -O1 -fPIC -w -fno-strict-aliasing -DNDEBUG
    -Isrc/cpp "-I$boost" "-I$cuda" "-I$headers" "-I$(dirname "$headers")" "-I$numpy"
    -DPYGPU_PACKAGE=pycuda -DPYGPU_PYCUDA=1 -DBOOST_ALL_NO_LIB=1 -DBOOST_THREAD_BUILD_DLL=1 -Dboost=pycudaboost
    -DBOOST_MULTI_INDEX_DISABLE_SERIALIZATION=1 -DBOOST_PYTHON_SOURCE=1 -DBOOST_THREAD_DONT_USE_CHRONO=1)
mkdir objects stub "$work/built"
find src/cpp/cuda.cpp src/cpp/bitlog.cpp src/wrapper/wrap_cudadrv.cpp src/wrapper/mempool.cpp $boost/libs -name '*.cpp' |
    grep -vE '/libs/thread/src/[^p]|once_atomic' |
    xargs -P "$(nproc)" -I{} sh -c 'python3 -m ziglang c++ "$@" -c {} -o "objects/$(echo {} | tr / _).o"' sh "${flags[@]}"
echo 'void of_no_use(void) {}' |
    python3 -m ziglang cc -target "$machine-linux-gnu.2.31" -shared -o stub/libcuda.so -x c - -Wl,-soname,libcuda.so.1
cp -r pycuda "$work/built/"
link=(python3 -m ziglang c++ -target "$machine-linux-gnu.2.31" -shared -s -Wl,--no-as-needed -Wl,--allow-shlib-undefined)
"${link[@]}" -o "$work/built/pycuda/_driver.cpython-${minor/./}-$machine-linux-gnu.so" objects/*.o -Lstub -lcuda
"${link[@]}" "${flags[@]}" -o "$work/built/pycuda/_pvt_struct.cpython-${minor/./}-$machine-linux-gnu.so" src/wrapper/_pvt_struct_v3.cpp
install -D -m 644 PKG-INFO "$work/built/pycuda-$PYCUDA.dist-info/METADATA"
install -D -m 644 LICENSE "$work/built/pycuda-$PYCUDA.dist-info/LICENSE"
mkdir -p "$(dirname "$kept")"
mv -T "$work/built" "$kept" 2>/dev/null || true # another one has made it beside this one
cp -r "$kept/." "$site/"
