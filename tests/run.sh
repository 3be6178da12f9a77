#!/bin/sh
# Installs what is missing, builds, trains and runs every test: sh tests/run.sh
set -eu
cd "$(dirname "$0")/.."
. web/setup.sh

mkdir -p build
need_node
# shellcheck disable=SC2086 # lists of words
install_packages $BUILD_PACKAGES $TEST_PACKAGES
install_npm
say 'building'
configure
cmake --build build -- --quiet
get_data
make_colours
make_drawings
train_models test
train_families test true
say 'building the page'
build_site

failed=
check() { # name, then the command
    name=$1
    shift
    say "$name"
    "$@" || failed="$failed, $name"
}
formatted() {
    git ls-files -z '*.c' '*.h' | xargs -0 clang-format --dry-run -Werror
}
sanitized() {
    cmake --preset clang-sanitize >build/sanitize.log || { cat build/sanitize.log; return 1; }
    cmake --build build-clang -- --quiet || return 1
    # No leak check under a tracer; the C tests alone, the rest needs models.
    ctest --test-dir build-clang --tests-regex '^src/' --parallel 2 --output-on-failure \
        --no-tests=error
}
check 'formatting of C' formatted
check 'types of JavaScript' npm --prefix web run --silent types
check 'lint of JavaScript' npm --prefix web run --silent lint
check 'C tests with clang and its sanitizers' sanitized
check 'all tests' ctest --test-dir build --parallel 2 --output-on-failure --no-tests=error
[ -z "$failed" ] || die "failed: ${failed#, }"
