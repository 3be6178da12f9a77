#!/bin/sh
# Builds everything and serves the page: sh web/demo.sh [--no-serve] [--port N] [--full]
# The page opens with two models, as soon as these are trained; the others join its list as they come.
# --full trains them as long as their figures need, which takes hours.
set -eu
cd "$(dirname "$0")/.."
. web/setup.sh

serve=yes port=8080 how=short
while [ $# -gt 0 ]; do
    case $1 in
    --no-serve) serve=no ;;
    --full) how=full ;;
    --port)
        port=${2-}
        [ $# -gt 1 ] && shift
        ;;
    --port=*) port=${1#*=} ;;
    *) die "usage: sh web/demo.sh [--no-serve] [--port N] [--full]" ;;
    esac
    shift
done
case $port in
'' | *[!0-9]*) die "--port needs a number" ;;
esac

mkdir -p build
need_node
# shellcheck disable=SC2086 # a list of words
install_packages $BUILD_PACKAGES
install_npm
say 'building the program and the WebAssembly module'
configure
cmake --build build --target likeness wasm -- --quiet
get_data
make_drawings
train_models
say 'building the page'
build_site
if [ "$serve" = yes ]; then
    (cd web && exec node node_modules/vite/bin/vite.js preview --port "$port" --strictPort \
        --logLevel warn) &
    server=$!
    trap 'kill $server 2>/dev/null' EXIT
    trap 'exit 130' INT TERM
    sleep 1
    kill -0 "$server" 2>/dev/null || die "the page cannot be served on port $port"
    say "open http://localhost:$port/ (Ctrl-C ends it); more models join its list as they come"
fi
make_colours
train_families "$how" list_models
say 'done: build/likeness, build/models, build/wasm and build/site'
[ "$serve" = no ] || wait "$server"
