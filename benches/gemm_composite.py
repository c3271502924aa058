"""Composites against single commands: `kernbench run benches/gemm_composite.py`.

A batch of products relu(A @ B + bias), one for each program, in the memory beside its PE.  Both
kernels compute the same tiles in the same order, and the same bits.  The first issues a command for
each load, product, epilogue and store; the second one composite for all tiles of its program, which
PE_SCHED cuts up.  What the op log says of the two is printed side by side: how often PE_CPU had to
act, and how much of the time the engines of a PE were busy.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import kernbench as kb
import kernbench.language as tl


@kb.jit
def bias_relu(tile, bias):
    return tl.maximum(tile + bias, 0.0)


@kb.jit
def single(
    a_ptr, b_ptr, bias_ptr, c_ptr, M, N, K,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BUFFERS: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0)
    a = tl.make_tensor_descriptor(a_ptr + i * M * K, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr + i * K * N, [K, N], [N, 1], [BK, BN])
    c = tl.make_tensor_descriptor(c_ptr + i * M * N, [M, N], [N, 1], [BM, BN])
    bias = tl.make_tensor_descriptor(bias_ptr, [N], [1], [BN])
    for m in range(0, M, BM):
        for n in range(0, N, BN):
            total = tl.zeros((BM, BN), dtype=tl.float32)
            for k in range(0, K, BK):
                total = tl.dot(a.load([m, k]), b.load([k, n]), total)
            c.store([m, n], bias_relu(total, bias.load([n])).to(c_ptr.dtype.element_ty))


@kb.jit
def composed(
    a_ptr, b_ptr, bias_ptr, c_ptr, M, N, K,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, BUFFERS: tl.constexpr,
):  # fmt: skip
    i = tl.program_id(0)
    a = tl.make_tensor_descriptor(a_ptr + i * M * K, [M, K], [K, 1], [BM, BK])
    b = tl.make_tensor_descriptor(b_ptr + i * K * N, [K, N], [N, 1], [BK, BN])
    c = tl.make_tensor_descriptor(c_ptr + i * M * N, [M, N], [N, 1], [BM, BN])
    bias = tl.make_tensor_descriptor(bias_ptr, [N], [1], [BN])
    done = tl.composite((a, b), out=c, epilogues=tl.epilogue(bias_relu, bias), buffers=BUFFERS)
    tl.wait(done)


def row_of_table(torch: Any, name: str, launch: Any) -> list[str]:
    """Say what one PE's op log says of a launch."""
    log = torch.oplog
    own = log.launch == launch.launch
    pe = log.pe[own & (log.kind == log.kinds.index("program"))].min()
    own &= log.pe == pe
    program = own & (log.kind == log.kinds.index("program"))
    lasted_fs = int(log.end_fs[program].max() - log.start_fs[program].min())

    def busy(*kinds: str) -> str:
        chosen = own & np.isin(log.kind, [log.kinds.index(kind) for kind in kinds])
        return f"{(log.end_fs[chosen] - log.start_fs[chosen]).sum() / lasted_fs:.0%}"

    commands = np.unique(log.sequence[own & ~program]).size
    return [
        name,
        f"{launch.latency_fs / 1e6:,.0f}",
        f"{commands:,}",
        f"{int(log.work[program].sum()):,}",
        busy("gemm"),
        busy("math"),
    ]


def run(torch: Any) -> None:
    parser = argparse.ArgumentParser(prog="gemm_composite.py", description="relu(A @ B + bias)")
    for name in ("--m", "--n", "--k"):
        parser.add_argument(name, type=int, default=128, help="default 128")
    parser.add_argument("--batch", type=int, help="default: one for each PE of a SIP")
    parser.add_argument("--tile", metavar="MxNxK", default="32x32x32", help="default 32x32x32")
    parser.add_argument("--buffers", type=int, default=8, help="steps in flight, default 8")
    args = parser.parse_args()
    system = torch.topology.system
    batch = args.batch or system["cubes_x"] * system["cubes_y"] * system["n_pes"]
    m, n, k = args.m, args.n, args.k
    if min(batch, m, n, k) < 1:
        parser.error("expected --batch, --m, --n and --k of at least 1")
    try:
        tile_m, tile_n, tile_k = map(int, args.tile.split("x"))
    except ValueError:
        parser.error(f"--tile: expected MxNxK, such as 32x32x32; got {args.tile!r}")

    rng = np.random.default_rng(torch.seed)

    def host(*shape: int) -> np.ndarray:
        if not torch.data:
            return np.broadcast_to(np.float16(0), shape)
        return rng.standard_normal(shape, dtype=np.float32).astype(np.float16)

    host_a, host_b, host_bias = host(batch, m, k), host(batch, k, n), host(n)
    a = torch.tensor(host_a, placement=kb.Blocked())
    b = torch.tensor(host_b, placement=kb.Blocked())
    bias = torch.tensor(host_bias, placement=kb.Replicated())
    lines, results = [], []
    for kernel in (single, composed):
        c = torch.empty((batch, m, n), dtype=kb.float16, placement=kb.Blocked())
        launch = kernel[(batch,)](
            a, b, bias, c, m, n, k, BM=tile_m, BN=tile_n, BK=tile_k, BUFFERS=args.buffers
        )
        torch.wait(launch)
        lines.append(row_of_table(torch, kernel.__name__, launch))
        results.append(c.numpy() if torch.data else None)

    print(f"{batch} products of {m} x {n} x {k} fp16, tile {args.tile}, {args.buffers} buffers")
    titles = ["kernel", "ns", "commands of a PE", "its instructions", "GEMM busy", "MATH busy"]
    widths = [max(len(line[i]) for line in [titles, *lines]) for i in range(len(titles))]
    for line in [titles, *lines]:
        print("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)))
    if torch.data:
        if results[0].tobytes() != results[1].tobytes():
            raise SystemExit("gemm_composite: the two kernels differ")
        wide = host_a.astype(np.float32) @ host_b.astype(np.float32) + host_bias
        error = np.abs(results[1] - np.maximum(wide, 0)).max()
        print(f"equal bits; max error {error:.3g} against NumPy's float32")
        if error > 0.001 * (1 + np.abs(wide).max()):
            raise SystemExit("gemm_composite: the numbers differ from NumPy's")
