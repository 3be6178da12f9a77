#!/bin/sh
# Builds everything and serves the page: sh web/demo.sh [--no-serve] [--port N]
set -eu
cd "$(dirname "$0")/.."
. web/setup.sh

serve=yes port=8080
while [ $# -gt 0 ]; do
    case $1 in
    --no-serve) serve=no ;;
    --port)
        port=${2-}
        [ $# -gt 1 ] && shift
        ;;
    --port=*) port=${1#*=} ;;
    *) die "usage: sh web/demo.sh [--no-serve] [--port N]" ;;
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
train_models
say 'building the page'
build_site
say 'done: build/likeness, build/models, build/wasm and build/site'
[ "$serve" = yes ] || exit 0
say "open http://localhost:$port/ (Ctrl-C ends it)"
cd web
exec node node_modules/vite/bin/vite.js preview --port "$port" --strictPort --logLevel warn
