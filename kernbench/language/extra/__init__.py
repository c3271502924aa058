"""``tl.extra``: where scripts look for ``libdevice``, and for what is NVIDIA's."""

from __future__ import annotations

from kernbench.language import libdevice
from kernbench.language.extra import cuda

__all__ = ["cuda", "libdevice"]
