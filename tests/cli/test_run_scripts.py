"""`kernbench run` for scripts as they are: faces, ranks, modules per rank, clocks."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from command import kernbench

NEEDS_TORCH = pytest.mark.skipif(
    importlib.util.find_spec("kernbench.torch") is None, reason="there is no face for torch yet"
)
SIPS = ("--topology", "small", "--set", "system.sips=4")


@pytest.fixture
def script(tmp_path: Path):
    def write(text: str, name: str = "script.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


# --- faces ----------------------------------------------------------------------------------------

TRITON = """
import triton
import triton.language as tl
from triton.language.core import constexpr
from triton.language.extra import libdevice
import triton.language.extra.cuda.libdevice as older
from triton.language.standard import softmax
from triton.runtime.autotuner import Config
from triton.runtime.errors import OutOfResources
from triton.runtime.jit import JITFunction
from triton.tools.tensor_descriptor import TensorDescriptor
import kernbench as kb

@triton.jit
def root(x_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    tl.store(x_ptr + offs, libdevice.sqrt(tl.load(x_ptr + offs, mask=mask)), mask=mask)

x = kb.current_context().tensor([1.0, 4.0, 9.0])
root[(triton.cdiv(3, 2),)](x, 3, BLOCK=triton.next_power_of_2(2))
print("roots", x.tolist(), older is libdevice, tl.__name__)
print("ms", triton.testing.do_bench(lambda: root[(2,)](x, 3, BLOCK=2)) > 0)
print("same", constexpr is tl.constexpr, softmax is tl.softmax, Config is triton.Config,
      isinstance(root, JITFunction), TensorDescriptor.from_tensor(x, [4]).strides)
try:
    triton.no_such_thing(1)
except NotImplementedError as error:
    print(error)
"""


HOMES = """
import torch, torch.profiler, torch.nn.modules.batchnorm
from torch._C._distributed_c10d import ReduceOp
from torch.autograd import Variable
from torch.autograd.profiler import record_function
from torch.distributed._functional_collectives import all_reduce
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.nn.modules import Module
from torch.nn.modules.linear import Linear
from torch.nn.modules.loss import _Loss
from torch.nn.utils.clip_grad import clip_grad_norm_
from torch.optim.adamw import AdamW
from torch.serialization import load
from torch.utils.data._utils.collate import default_collate
from torch.utils.data.dataloader import DataLoader
from torch.utils.data.dataset import Dataset, TensorDataset
from torch.utils.data.sampler import SubsetRandomSampler

class Distance(_Loss):
    def forward(self, x, y):
        return (x - y).abs().mean() if self.reduction == "mean" else (x - y).abs()

@torch.compiler.disable(recursive=False)
def loss(x):
    with record_function("loss"), torch.profiler.record_function("again"):
        return Distance()(x, torch.zeros(2)).item()

x = Variable(torch.ones(2))
print("same", Linear is torch.nn.Linear, Module is torch.nn.Module, AdamW is torch.optim.AdamW,
      DataLoader is torch.utils.data.DataLoader, load is torch.load, isinstance(x, Variable),
      ReduceOp is torch.distributed.ReduceOp, torch.nn.modules.linear.Linear is Linear)
print("values", loss(x), default_collate([1, 2]).tolist(), torch.compiler.is_compiling(),
      isinstance(Linear(1, 1), torch.nn.modules.batchnorm._BatchNorm))
try:
    torch.profiler.profile()
except NotImplementedError as error:
    print(error)
"""


def test_names_are_found_where_torch_defines_them(script) -> None:
    ran = kernbench("run", *SIPS, script(HOMES))
    assert ran.code == 0, ran.err
    assert f"same{' True' * 8}\nvalues 1.0 [1, 2] False False\n" in ran.out
    assert "torch.profiler.profile is not implemented; `kernbench run` prints where" in ran.out


RENDEZVOUS = """
import torch.distributed as dist
import torch.distributed.rendezvous
from torch.distributed.rendezvous import rendezvous
print("function", dist.rendezvous is rendezvous)
store, rank, size = next(dist.rendezvous("tcp://127.0.0.1:29501?rank=0&world_size=1"))
print("met", rank, size)
"""


def test_a_module_leaves_the_function_of_its_name(script) -> None:
    ran = kernbench("run", *SIPS, script(RENDEZVOUS))
    assert ran.code == 0, ran.err
    assert "function True" in ran.out and "met 0 1" in ran.out


def test_triton_is_served_by_its_face(script) -> None:
    ran = kernbench("run", "--topology", "small", script(TRITON))
    assert ran.code == 0, ran.err
    assert "roots [1.0, 2.0, 3.0] True kernbench.language\nms True\n" in ran.out
    assert "same True True True True [1]\n" in ran.out
    assert "kernbench: triton.no_such_thing is not modelled" in ran.out


IMPORTS = """
import sys
import torch
import torch.distributed.launch
import torch.optim.lr_scheduler as schedules
from torch._utils import _flatten_dense_tensors, _unflatten_dense_tensors
from torch.autograd.function import Function
from torch.distributed.constants import default_pg_timeout
from torch.distributed.distributed_c10d import _get_default_group, _new_process_group_helper
from torch.distributed.run import main
from torch.futures import Future, collect_all, wait_all
from torch.nn.parallel.distributed import DistributedDataParallel
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import CosineAnnealingLR, StepLR
from torch.optim.optimizer import Optimizer

assert schedules.StepLR is StepLR and schedules is torch.optim.lr_scheduler
assert Function is torch.autograd.Function and Optimizer is torch.optim.Optimizer
assert DistributedDataParallel is torch.nn.parallel.DistributedDataParallel
assert Future is torch.futures.Future
xs = [torch.ones(2, 2), torch.zeros(3)]
print([x.tolist() for x in _unflatten_dense_tensors(_flatten_dense_tensors(xs), xs)])
for missing in (main, pad_sequence, _new_process_group_helper):
    try:
        missing()
    except NotImplementedError as error:
        print(error)
try:
    import torch.optim.no_such_module
except ModuleNotFoundError as error:
    print(error)
"""


def test_modules_that_scripts_import_from(script) -> None:
    ran = kernbench("run", "--topology", "small", script(IMPORTS))
    assert ran.code == 0, ran.err
    assert ran.out.splitlines()[:5] == [
        "[[[1.0, 1.0], [1.0, 1.0]], [0.0, 0.0, 0.0]]",
        "kernbench: torch.distributed.run.main is not implemented; use kernbench run --nproc N "
        "SCRIPT",
        "kernbench: torch.nn.utils.rnn.pad_sequence is not implemented",
        "kernbench: torch.distributed._new_process_group_helper is not implemented",
        "No module named 'torch.optim.no_such_module': kernbench stands in for torch here, and has "
        "no such module",
    ]


REPORT = """
import torch
import triton
import triton.language as tl
import triton.testing
from triton.runtime import driver

DEVICE = triton.runtime.driver.active.get_active_torch_device()

@triton.jit
def double(x_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(x_ptr + offs, 2 * tl.load(x_ptr + offs, mask=offs < n), mask=offs < n)

@triton.testing.perf_report(triton.testing.Benchmark(
    x_names=["n"], x_vals=[2**k for k in (8, 12)], line_arg="block", line_vals=[128, 256],
    line_names=["128", "256"], plot_name="double", args={}))
def measure(n, block):
    x = torch.ones(n, device=DEVICE)
    grid = lambda meta: (triton.cdiv(n, meta["BLOCK"]),)
    ms = triton.testing.do_bench(lambda: double[grid](x, n, BLOCK=block), quantiles=[.5, .2, .8])
    return tuple(2 * x.numel() * x.element_size() * 1e-9 / (each * 1e-3) for each in ms)

print(driver.active.get_current_target().backend, DEVICE)
measure.run(print_data=True)
"""


def test_a_script_with_a_performance_report(script) -> None:
    ran = kernbench("run", "--topology", "small", script(REPORT))
    assert ran.code == 0, ran.err
    assert "cuda cuda:0\ndouble:\n" in ran.out
    rows = ran.out.split("double:\n")[1].splitlines()
    assert rows[0].split() == ["n", "128", "256"]
    small, big = (row.split() for row in rows[1:3])
    assert small[0] == "256" and big[0] == "4096"
    assert 0 < float(small[1]) < float(big[1]), "more bytes per launch: nearer to the bandwidth"


def test_modules_that_a_face_lacks_say_whose_they_are(script) -> None:
    text = "try:\n    import triton.nothing\nexcept ModuleNotFoundError as e:\n    print(e, e.name)"
    ran = kernbench("run", "--topology", "small", script(text))
    assert "No module named 'triton.nothing': kernbench stands in for triton here" in ran.out
    assert "triton.nothing\n" in ran.out


@NEEDS_TORCH
def test_mp_is_served_as_torch_multiprocessing(script) -> None:
    text = "import torch.multiprocessing as mp\nmp.spawn(lambda r: print('rank', r), nprocs=2)"
    ran = kernbench("run", *SIPS, script(text))
    assert ran.code == 0, ran.err
    assert "rank 0\nrank 1\n" in ran.out


# --- one script per rank --------------------------------------------------------------------------

RANKS = """
import os, sys, helper
import json as standard
import kernbench as kb
assert __name__ == "__main__" and sys.modules["__main__"].__dict__ is globals()
helper.calls.append(int(os.environ["RANK"]))
kb.current_context().tensor([1.0])  # the other ranks run
standard.seen = getattr(standard, "seen", 0) + 1
import helper as again
assert again is helper and sys.modules["helper"] is helper
print("rank", os.environ["RANK"], "of", os.environ["WORLD_SIZE"], helper.calls, sys.argv[1:],
      kb.current_context().zeros(1).sip)
if os.environ["RANK"] == "3":
    print("shared", standard.seen)
"""


def test_nproc_gives_each_rank_modules_of_its_own(script) -> None:
    script("calls = []\n", "helper.py")
    ran = kernbench("run", *SIPS, "--nproc", "4", script(RANKS), "--flag", "x")
    assert ran.code == 0, ran.err
    for rank in range(4):
        assert f"rank {rank} of 4 [{rank}] ['--flag', 'x'] {rank}\n" in ran.out
    assert "shared 4\n" in ran.out


def test_packages_are_rank_local_when_named(script) -> None:
    text = "import json, os\njson.mine = getattr(json, 'mine', 0) + 1\nprint('mine', json.mine)\n"
    path = script(text)
    alone = kernbench("run", *SIPS, "--nproc", "2", "--rank-local", "json", path)
    shared = kernbench("run", *SIPS, "--nproc", "2", path)
    assert alone.out.count("mine 1\n") == 2 and shared.out.count("mine 2\n") == 1


def test_a_module_by_its_name(script, tmp_path: Path) -> None:
    script("", "pkg/__init__.py")
    script("value = []\n", "pkg/state.py")
    script(
        "import os, sys\nfrom . import state\nstate.value.append(1)\n"
        "print(__name__, __package__, state.value, sys.argv[1:])\n",
        "pkg/__main__.py",
    )
    for options in ((), ("--nproc", "2")):
        ran = kernbench("run", *SIPS, *options, "-m", "pkg", "-x", cwd=tmp_path)
        assert ran.code == 0, ran.err
        assert ran.out.count("__main__ pkg [1] ['-x']\n") == max(1, len(options))
    ran = kernbench("run", "-m", "no.such.module")
    assert ran.code == 2 and "expected a module" in ran.err


def test_a_rank_that_raises_is_reported_with_its_rank(script) -> None:
    text = "import os\nif os.environ['RANK'] == '1':\n    raise ValueError('one')\n"
    ran = kernbench("run", *SIPS, "--nproc", "3", script(text))
    assert ran.code == 1
    assert "Process 1 terminated with the following error" in ran.err
    assert ran.err.rstrip().endswith("ValueError: one") and "kernbench/runtime" not in ran.err


@pytest.mark.parametrize(("code", "status"), [("0", 0), ("3", 1)])
def test_ranks_that_exit(script, code: str, status: int) -> None:
    ran = kernbench("run", *SIPS, "--nproc", "2", script(f"import sys\nsys.exit({code})"))
    assert ran.code == status
    assert ("exit code 3" in ran.err) == (status == 1)


def test_os_exit_in_a_rank_is_told(script) -> None:
    text = "import os, torch\nos._exit(5) if os.environ['RANK'] == '1' else torch.ones(1).item()\n"
    ran = kernbench("run", *SIPS, "--nproc", "2", script(text))
    assert ran.code == 1 and "process 1 terminated with exit code 5" in ran.err


def test_the_environment_is_torchrun_s(script) -> None:
    text = (
        "import os, torch.distributed as dist, torch.multiprocessing as mp\n"
        "names = [n for n in os.environ if n.startswith('TORCHELASTIC_')]\n"
        "if os.environ.get('RANK', '0') == '0':\n"
        "    print(dist.is_torchelastic_launched(), sorted(names))\n"
        "if not names:\n"
        "    mp.spawn(lambda rank: print(dist.is_torchelastic_launched()), nprocs=1)\n"
    )
    ran = kernbench("run", *SIPS, "--nproc", "2", script(text))
    names = ["MAX_RESTARTS", "RESTART_COUNT", "RUN_ID", "USE_AGENT_STORE"]
    assert ran.out == f"True {[f'TORCHELASTIC_{name}' for name in names]}\n", ran.err
    assert kernbench("run", *SIPS, script(text)).out == "False []\nFalse\n"


@NEEDS_TORCH
def test_ranks_that_wait_for_ever_are_reported(script) -> None:
    text = "import torch.multiprocessing as mp\nmp.Queue().get()\n"
    ran = kernbench("run", *SIPS, "--nproc", "2", script(text))
    assert ran.code == 1
    assert "rank 1 waits for an item of a Queue, at script.py:2" in ran.err


@pytest.mark.parametrize("words", [("--nproc", "0"), ("--nproc", "x"), ("--nproc", "9")])
def test_bad_numbers_of_ranks_are_usage_errors(script, words: tuple[str, str]) -> None:
    ran = kernbench("run", *SIPS, *words, script("pass"))
    assert ran.code == 2
    assert "ranks" in ran.err or "--set system.sips=9" in ran.err


DISTRIBUTED = """
import os
import torch
import torch.distributed as dist

def main():
    dist.init_process_group("nccl")
    rank, size = dist.get_rank(), dist.get_world_size()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    x = torch.full((1000,), float(rank + 1), device=device)
    dist.all_reduce(x, op=dist.ReduceOp.SUM)
    print(f"rank {rank} of {size}: {x[0].item()} on {x.device}")
    dist.barrier()
    dist.destroy_process_group()

if __name__ == "__main__":
    main()
"""


@NEEDS_TORCH
def test_a_script_that_torchrun_starts(script) -> None:
    ran = kernbench("run", *SIPS, "--nproc", "4", script(DISTRIBUTED))
    assert ran.code == 0, ran.err
    for rank in range(4):
        assert f"rank {rank} of 4: 10.0 on cuda:{rank}\n" in ran.out


TUTORIAL = """
import os
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

def allreduce(send, recv):
    rank, size = dist.get_rank(), dist.get_world_size()
    send_buff, recv_buff, accum = send.clone(), send.clone(), send.clone()
    left, right = ((rank - 1) + size) % size, (rank + 1) % size
    for i in range(size - 1):
        if i % 2 == 0:
            send_req = dist.isend(send_buff, right)
            dist.recv(recv_buff, left)
            accum[:] += recv_buff[:]
        else:
            send_req = dist.isend(recv_buff, right)
            dist.recv(send_buff, left)
            accum[:] += send_buff[:]
        send_req.wait()
    recv[:] = accum[:]

def run(rank, size):
    x, total = torch.full((8,), float(rank)), torch.zeros(8)
    allreduce(x, total)
    print("Rank ", rank, " has data ", total[0])

def init_process(rank, size, fn, backend="gloo"):
    os.environ["MASTER_ADDR"], os.environ["MASTER_PORT"] = "127.0.0.1", "29500"
    dist.init_process_group(backend, rank=rank, world_size=size)
    fn(rank, size)

if __name__ == "__main__":
    mp.set_start_method("spawn")
    processes = [mp.Process(target=init_process, args=(rank, 3, run)) for rank in range(3)]
    for p in processes:
        p.start()
    for p in processes:
        p.join()
"""


@NEEDS_TORCH
def test_a_script_with_processes_and_a_run_of_its_own(script) -> None:
    ran = kernbench("run", *SIPS, script(TUTORIAL))
    assert ran.code == 0, ran.err
    for rank in range(3):
        assert f"Rank  {rank}  has data  tensor(3.)\n" in ran.out


@pytest.mark.parametrize("head", ["", "rank", "args, verbose=False", "*ranks"])
def test_a_run_that_takes_something_else_is_the_script_s_own(script, head: str) -> None:
    path = script(f"def run({head}):\n    print('called')\n\nprint('once')\n")
    ran = kernbench("run", path)
    assert ran.code == 0, ran.err
    assert "once" in ran.out and "called" not in ran.out


# --- clocks ---------------------------------------------------------------------------------------

CLOCKS = """
import time
import kernbench as kb
ctx = kb.current_context()
begin = time.perf_counter()
ctx.tensor([1.0])
assert round((time.perf_counter() - begin) * 1e15) == ctx.now_fs
assert time.monotonic_ns() == ctx.now_fs // 10**6
time.sleep(2.5)
assert time.time() - begin >= 2.5
stop, n = time.monotonic() + 1e-3, 0
while time.monotonic() < stop:
    n += 1
print("spins", n)
"""


def test_the_clocks_of_a_script_are_simulated(script) -> None:
    ran = kernbench("run", "--topology", "small", script(CLOCKS))
    assert ran.code == 0, ran.err
    assert ran.err.count("give simulated time to the script") == 1
    assert "spins 1498" in ran.out


def test_the_wall_clock_is_left_alone_when_asked(script) -> None:
    text = "import time\nbegin = time.time()\ntime.sleep(0.02)\nprint('wall', begin > 1e9)\n"
    ran = kernbench("run", "--wall-clock", "--topology", "small", script(text))
    assert ran.code == 0 and "wall True" in ran.out and "simulated time" not in ran.err


def test_ranks_have_clocks_of_their_own(script) -> None:
    text = (
        "import os, time\nimport kernbench as kb\nrank = int(os.environ['RANK'])\n"
        "time.sleep(rank)\nprint('clock', rank, time.time())\n"
    )
    ran = kernbench("run", *SIPS, "--nproc", "3", script(text))
    assert ran.code == 0, ran.err
    for rank in range(3):
        assert f"clock {rank} {float(rank)}\n" in ran.out
