#!/bin/sh
# Makes .venv: an interpreter (>= 3.11, $PYTHON first if set) with the tools of pyproject.toml's group
# `dev`, which sees this tree's kernbench.  Installs or names the system packages that are missing.
set -eu
here=$(dirname "$0")
root=$(cd "$here/.." && pwd)
cd "$root"
# The Makefile puts .venv first, but the interpreter to find is not the one that is being made.
while [ "${PATH#"$root/.venv/bin:"}" != "$PATH" ]; do PATH=${PATH#"$root/.venv/bin:"}; done

# Prints the Debian packages that the interpreter $1 lacks; fails if it is none or too old.
lacks() {
    "$1" - <<'PROBE' 2>/dev/null
import importlib.util, os, sys, sysconfig
if sys.version_info < (3, 11) or sys.implementation.name != "cpython":
    sys.exit(1)
if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
    print("python3-venv")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    print("python3-dev")
PROBE
}

# Sets `python` to the first interpreter that lacks nothing.
find_python() {
    for python in ${PYTHON:-python3 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        missing=$(lacks "$python") && [ -z "$missing" ] && return
    done
    python=
    return 1
}

packages=
if ! find_python; then
    if [ -n "${PYTHON:-}" ]; then
        echo "kernbench: PYTHON=$PYTHON: expected a CPython >= 3.11 with venv and headers" >&2
        exit 1
    fi
    packages=$(lacks /usr/bin/python3) || packages="python3 python3-venv python3-dev"
fi
command -v cc >/dev/null || packages="$packages gcc"
echo '#include <stdio.h>' | cc -E - >/dev/null 2>&1 || packages="$packages libc6-dev"
command -v pkg-config >/dev/null || packages="$packages pkg-config"
pkg-config --exists yaml-0.1 2>/dev/null || packages="$packages libyaml-dev"
# shellcheck disable=SC2086  # a list of words
"$here/need_packages.sh" $packages
if ! find_python; then
    echo "kernbench: expected a CPython >= 3.11 with venv and headers, found none;" \
        "install one and name it: make PYTHON=/path/to/python3" >&2
    exit 1
fi

echo "kernbench: .venv from $("$python" -c 'import sys; print(sys.executable, sys.version.split()[0])')" >&2
[ "$(cat .venv/ready 2>/dev/null)" = "$root" ] && .venv/bin/python -c '' ||
    "$python" -m venv --clear .venv
rm -f .venv/ready
.venv/bin/python -m pip install -q --disable-pip-version-check --upgrade 'pip >= 25.1'
.venv/bin/python -m pip install -q --disable-pip-version-check --group dev

site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$root" >"$site/kernbench-tree.pth"
cat >.venv/bin/kernbench <<SCRIPT
#!$root/.venv/bin/python
import sys

from kernbench.cli import main

sys.exit(main())
SCRIPT
chmod +x .venv/bin/kernbench
rm -f kernbench/_core*.so # of the interpreter before
echo "$root" >.venv/ready
