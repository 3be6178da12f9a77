#!/bin/sh
# Training speed and quality of `ae` on MNIST beside the same network in PyTorch, interleaved in one
# run: ROUNDS times each (5), EPOCHS epochs (3), THREADS threads (2). Installs PyTorch from Debian
# where it is missing. Needs what `sh web/demo.sh --no-serve` leaves in build/.
set -eu
cd "$(dirname "$0")/../.."
rounds=${ROUNDS:-5} epochs=${EPOCHS:-3} threads=${THREADS:-2}

if ! /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    sudo=$([ "$(id -u)" -eq 0 ] || echo sudo)
    $sudo apt-get -qq -o DPkg::Lock::Timeout=500 install -y --no-install-recommends python3-torch \
        libopenblas0-openmp >&2
fi

# OpenBLAS with OpenMP, since its own threads and PyTorch's slow each other down; no page churn.
torch() {
    env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OMP_NUM_THREADS="$threads" \
        LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/openblas-openmp \
        MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=17179869184 \
        MALLOC_TOP_PAD_=268435456 \
        /usr/bin/python3 tests/bench/torch_ae.py build/data/mnist "$threads" "$epochs" "$1"
}

model=$(mktemp -d)
trap 'rm -rf "$model"' EXIT INT TERM
ours() {
    build/likeness train ae --data mnist --holdout 0 --gallery 0 --epochs "$epochs" --batch 64 \
        --threads "$threads" --seed "$1" --out "$model/ae.safetensors" --json 2>/dev/null
    build/likeness eval "$model/ae.safetensors" --data mnist:test --json
}

: >"$model/ours" ; : >"$model/torch"
round=1
while [ "$round" -le "$rounds" ]; do
    ours "$round" >>"$model/ours"
    torch "$round" >>"$model/torch"
    round=$((round + 1))
done

node -e '
const read = (file) => require("fs").readFileSync(file, "utf8").trim().split("\n").map(JSON.parse);
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const ours = read(process.argv[1]), torch = read(process.argv[2]);
const trained = ours.filter((row) => row.images_per_second), tested = ours.filter((row) => row.reconstruction);
const rows = {
  "images/s": [median(trained.map((r) => r.images_per_second)), median(torch.map((r) => r.images_per_second))],
};
for (const key of ["mae", "mse", "bce"])
  rows[key] = [median(tested.map((r) => r.reconstruction[key])), median(torch.map((r) => r[key]))];
console.log("            Likeness     PyTorch   ratio");
for (const [key, [a, b]] of Object.entries(rows))
  console.log(key.padEnd(9), a.toPrecision(5).padStart(11), b.toPrecision(5).padStart(11), (a / b).toFixed(3).padStart(7));
' "$model/ours" "$model/torch"
