#!/bin/sh
# Measures Likeness, and with --peers what others make of the same work on the same machine:
#
#     sh tests/bench/run.sh [--peers] [--rounds N] [WORK...]
#
# README.md beside this has the works and what their rows mean. Builds, fetches the data and installs
# the peers first; LIKENESS_BUILD names a folder built already, where nothing is.
set -eu
cd "$(dirname "$0")/../.."
. web/setup.sh

export LIKENESS_BUILD="${LIKENESS_BUILD:-build}"
if [ "$LIKENESS_BUILD" = build ]; then
    mkdir -p build
    need_node
    # shellcheck disable=SC2086 # a list of words
    install_packages $BUILD_PACKAGES
    configure
    cmake --build build -- --quiet
    get_data
fi
export LIKENESS_DATA="${LIKENESS_DATA:-$PWD/build/data}"

case " $* " in *' --peers '*)
    peers='python3-torch python3-faiss libopenblas0-openmp'
    # shellcheck disable=SC2086 # a list of words
    dpkg -s $peers >/dev/null 2>&1 || apt install -y --no-install-recommends $peers ;;
esac

exec node tests/bench/bench.mjs "$@"
