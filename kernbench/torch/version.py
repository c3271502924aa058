"""``torch.version``: the version whose behaviour is followed."""

from __future__ import annotations

__all__ = ["cuda", "git_version", "hip", "xpu"]

__version__ = "2.13.0"
cuda = "12.8"
hip = None
xpu = None
git_version = "kernbench"
