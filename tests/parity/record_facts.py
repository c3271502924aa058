"""Records what torch says of a choice of the tensor cases, for the tests that run without torch.

``python tests/parity/record_facts.py tests/tensors/facts.txt``, with a Python that has torch.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import torch
from torch_case import evaluate
from torch_cases_fixed import fact_cases


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    lines = [
        "# What torch 2.13.0 says on CPU, seeded by the expression; tests/parity/record_facts.py"
    ]
    for expression in fact_cases():
        lines.append(f"{expression}\n    {evaluate(expression, torch)}")
    Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
