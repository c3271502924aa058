"""What to use instead of names that scripts often ask for and kernbench has not."""

from __future__ import annotations

import re

__all__ = ["advice"]

_ADVICE = (
    ("lazy.*", "give the sizes: the module without Lazy"),
    ("(.*_)?conv.*", "unfold the windows by Tensor.unfold, and multiply"),
    (".*max_?(un)?pool.*", "unfold the windows by Tensor.unfold, and take amax of each"),
    (".*(avg|lp)_?pool.*", "unfold the windows by Tensor.unfold, and take mean of each"),
    ("(sync)?batch_?norm.*|instance_?norm.*|group_?norm", "use LayerNorm, or mean and var"),
    ("(rnn|lstm|gru).*", "write the step with nn.Linear, and loop over it"),
    ("multi_?head.*|transformer.*", "use functional.scaled_dot_product_attention and nn.Linear"),
    ("dataparallel", "use nn.parallel.DistributedDataParallel, one rank for each SIP"),
    (".*autocast.*", "nothing is cast: cast tensors and modules by .to(dtype)"),
    ("bceloss|binary_cross_entropy", "use functional.binary_cross_entropy_with_logits"),
    ("bcewithlogitsloss", "use functional.binary_cross_entropy_with_logits"),
    ("smoothl1loss", "use functional.smooth_l1_loss"),
    ("hardtanh|hardsigmoid|logsigmoid|relu6|softmin", "use the function in nn.functional"),
    (".*pad[123]d", "use functional.pad"),
    ("onnx|export|fx", "a script runs as it is: there is no graph to export"),
)


def advice(name: str) -> str:
    """Return what to use instead of a name of ``torch`` or ``torch.nn``; "" when nothing is known.

    Examples
    --------
    >>> advice("BatchNorm1d")
    'use LayerNorm, or mean and var'
    >>> advice("svd")
    ''
    """
    return next((text for kind, text in _ADVICE if re.fullmatch(kind, name.lower())), "")
