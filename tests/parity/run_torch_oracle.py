"""Runs the tensor cases under torch: ``python run_torch_oracle.py RESULTS.pickle``."""

from __future__ import annotations

import pickle
import sys
import warnings
from pathlib import Path

import torch
from torch_cases import all_tensor_cases


def main() -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    results = {case.name: case.run(torch) for case in all_tensor_cases()}
    Path(sys.argv[1]).write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main()
