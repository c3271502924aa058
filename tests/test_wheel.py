"""The wheel holds what the tree holds, and needs nothing else (ADR-0050)."""

from __future__ import annotations

import os
import subprocess
import sys
from email.parser import HeaderParser
from pathlib import Path
from zipfile import ZipFile

import pytest

import kernbench

ROOT = Path(__file__).resolve().parents[1]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    """Return a wheel of this tree, built once."""
    target = tmp_path_factory.mktemp("wheel")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "-m", "pip", "wheel", "--disable-pip-version-check"]
    command += ["--no-build-isolation", "--no-deps", "--no-index", "-w", str(target), str(ROOT)]
    done = subprocess.run(
        command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = target.glob("kernbench-*.whl")
    return ZipFile(built)


def metadata(wheel: ZipFile) -> dict[str, str]:
    """Return the wheel's METADATA, one value a key."""
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    return dict(HeaderParser().parsestr(wheel.read(name).decode()))


def test_the_wheel_holds_the_package_of_the_tree(wheel: ZipFile) -> None:
    """ADR-0050: every file of kernbench/, byte for byte, and the extension beside them."""
    package = ROOT / "kernbench"
    tree = {
        path.relative_to(ROOT).as_posix(): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"
    }
    held = [name for name in wheel.namelist() if ".dist-info/" not in name]
    extensions = [name for name in held if name.startswith("kernbench/_core.") and ".so" in name]
    assert len(extensions) == 1
    assert sorted(set(held) - set(extensions)) == sorted(tree)
    assert [name for name, data in tree.items() if wheel.read(name) != data] == []


def test_the_version_is_one(wheel: ZipFile) -> None:
    assert metadata(wheel)["Version"] == kernbench.__version__


def test_the_wheel_brings_its_licence_and_command(wheel: ZipFile) -> None:
    names = {name.partition(".dist-info/")[2]: name for name in wheel.namelist()}
    assert wheel.read(names["licenses/LICENSE"]) == (ROOT / "LICENSE").read_bytes()
    assert b"kernbench = kernbench.cli:main" in wheel.read(names["entry_points.txt"])


def test_the_extension_needs_no_libyaml(wheel: ZipFile) -> None:
    """A wheel runs where libyaml is not installed: it is linked statically."""
    (extension,) = [name for name in wheel.namelist() if name.startswith("kernbench/_core.cpython")]
    assert b"libyaml-0.so" not in wheel.read(extension)
    (built,) = (ROOT / "kernbench").glob("_core.cpython*.so")
    assert b"libyaml-0.so" in built.read_bytes(), "this test no longer sees a dynamic libyaml"
