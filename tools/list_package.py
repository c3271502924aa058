"""Print the files of the Python package that a wheel carries, one a line, for meson.build."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = {".py", ".pyi", ".yaml"}


def package_files(root: Path) -> list[str]:
    """Return the package's own files, as sorted POSIX paths relative to `root`."""
    files = (path for path in (root / "kernbench").rglob("*") if path.is_file())
    wanted = (path for path in files if path.suffix in SUFFIXES or path.name == "py.typed")
    return sorted(path.relative_to(root).as_posix() for path in wanted)


if __name__ == "__main__":
    print("\n".join(package_files(Path(__file__).resolve().parent.parent)))
