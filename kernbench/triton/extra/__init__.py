"""``triton.language.extra``: where scripts look for ``libdevice``."""

from __future__ import annotations

from kernbench.language import libdevice

__all__ = ["libdevice"]
