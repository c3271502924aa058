from __future__ import annotations

import importlib
import sys
from types import SimpleNamespace

from kir_headers import header_tables

try:
    importlib.import_module("kernbench._core")
except ImportError:
    sys.modules["kernbench._core"] = SimpleNamespace(kir_tables=header_tables)
