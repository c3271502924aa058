#!/bin/sh
# Installs Debian packages when it may (as root, with apt-get), else names them in one line and fails.
#     tools/need_packages.sh PACKAGE...
set -eu
[ $# -gt 0 ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "kernbench: these packages are missing, please install them: apt-get install $*" >&2
    exit 1
fi
echo "kernbench: apt-get install $*" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2 </dev/null
apt-get install -y -qq --no-install-recommends "$@" >&2 </dev/null
