"""``torch.distributed``: the face of :mod:`kernbench.distributed`."""

from __future__ import annotations

from kernbench.distributed import *  # noqa: F403 - a face: its list is there
from kernbench.distributed import (
    __all__ as __all__,
)
from kernbench.distributed import (
    _all_gather_base as _all_gather_base,
)
from kernbench.distributed import (
    _coalescing_manager as _coalescing_manager,
)
from kernbench.distributed import (
    _get_default_group as _get_default_group,
)
from kernbench.distributed import (
    _get_default_store as _get_default_store,
)
from kernbench.distributed import (
    _reduce_scatter_base as _reduce_scatter_base,
)
