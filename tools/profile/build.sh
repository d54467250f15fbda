#!/bin/sh
# Builds gpuhours-profile with nvcc alone.  usage: build.sh [OUTPUT_DIR]
#   CUDA_HOME   toolkit (default: /usr/local/cuda)         ARCH   as nvcc's -gencode targets (default: native list below)
#   EXTRA       more flags, such as -I and -L of a cuDNN that lies elsewhere         JOBS   compiles at a time (default 1)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/build}
cuda=${CUDA_HOME:-/usr/local/cuda}
arch=${ARCH:-"-gencode=arch=compute_80,code=sm_80 -gencode=arch=compute_90,code=[sm_90,compute_90]"}
jobs=${JOBS:-1}
flags="-std=c++20 -O3 $arch -Xcompiler -Wall,-Wextra -I$cuda/extras/CUPTI/include ${EXTRA:-}"
mkdir -p "$out"
cd "$here"
# shellcheck disable=SC2086
ls ./*.cpp ./*.cu | xargs -P "$jobs" -I{} sh -c "set -e; echo {}; \"$cuda/bin/nvcc\" $flags -c {} -o \"$out/\$(basename {}).o\""
# shellcheck disable=SC2086
"$cuda/bin/nvcc" $flags "$out"/*.o -o "$out/gpuhours-profile" -L"$cuda/extras/CUPTI/lib64" -lcupti -lcublasLt -lcudnn \
  -ldl
echo "$out/gpuhours-profile"
