"""Kernels of gradients: attention, norms, softmax, gated activations, losses."""

from __future__ import annotations

from public import floats, indices, numbers, public, room

ATTENTION_DELTA = """
@jit
def kernel(o_ptr, do_ptr, out_delta, n_ctx, BLOCK_M: tl.constexpr, D: tl.constexpr):
    off_m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    off_hz = tl.program_id(1)
    off_n = tl.arange(0, D)
    at = off_hz * D * n_ctx + off_m[:, None] * D + off_n[None, :]
    mask = (off_m < n_ctx)[:, None]
    o = tl.load(o_ptr + at, mask=mask, other=0.0)
    do = tl.load(do_ptr + at, mask=mask, other=0.0).to(tl.float32)
    tl.store(out_delta + off_hz * n_ctx + off_m, tl.sum(o * do, axis=1), mask=off_m < n_ctx)
"""
ATTENTION_GRADIENTS = """
@jit
def dk_dv(
    dk, dv, q_ptr, k, v, do_ptr, m_ptr, d_ptr, stride, start_n, start_m, num_steps,
    BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr, MASK: tl.constexpr,
):
    offs_m = start_m + tl.arange(0, BM)
    offs_n = start_n + tl.arange(0, BN)
    offs_k = tl.arange(0, D)
    qt_ptrs = q_ptr + offs_m[None, :] * stride + offs_k[:, None]
    do_ptrs = do_ptr + offs_m[:, None] * stride + offs_k[None, :]
    tl.static_assert(BN % BM == 0)
    curr_m = start_m
    step_m = BM
    for blk_idx in range(num_steps):
        qt = tl.load(qt_ptrs)
        offs_m = curr_m + tl.arange(0, BM)
        m = tl.load(m_ptr + offs_m)
        qkt = tl.dot(k, qt)
        pt = tl.math.exp2(qkt - m[None, :])
        if MASK:
            pt = tl.where(offs_m[None, :] >= offs_n[:, None], pt, 0.0)
        do = tl.load(do_ptrs)
        ppt = pt.to(tl.float16)
        dv += tl.dot(ppt, do)
        di = tl.load(d_ptr + offs_m)
        dpt = tl.dot(v, tl.trans(do)).to(tl.float32)
        dst = (pt * (dpt - di[None, :])).to(tl.float16)
        dk += tl.dot(dst, tl.trans(qt))
        curr_m += step_m
        qt_ptrs += step_m * stride
        do_ptrs += step_m * stride
    return dk, dv


@jit
def d_q(
    dq, q, k_ptr, v_ptr, do, m, d_ptr, stride, start_m, start_n, num_steps,
    BM: tl.constexpr, BN: tl.constexpr, D: tl.constexpr, MASK: tl.constexpr,
):
    offs_m = start_m + tl.arange(0, BM)
    offs_n = start_n + tl.arange(0, BN)
    offs_k = tl.arange(0, D)
    kt_ptrs = k_ptr + offs_n[None, :] * stride + offs_k[:, None]
    vt_ptrs = v_ptr + offs_n[None, :] * stride + offs_k[:, None]
    di = tl.load(d_ptr + offs_m)
    curr_n = start_n
    for blk_idx in range(num_steps):
        kt = tl.load(kt_ptrs)
        vt = tl.load(vt_ptrs)
        p = tl.math.exp2(tl.dot(q, kt) - m)
        if MASK:
            offs_n = curr_n + tl.arange(0, BN)
            p = tl.where(offs_m[:, None] >= offs_n[None, :], p, 0.0)
        dp = tl.dot(do, vt).to(tl.float32)
        ds = (p * (dp - di[:, None])).to(tl.float16)
        dq += tl.dot(ds, tl.trans(kt))
        curr_n += BN
        kt_ptrs += BN * stride
        vt_ptrs += BN * stride
    return dq


@jit
def kernel(
    Q, K, V, sm_scale, DO, out_dq, out_dk, out_dv, M, Delta, stride_h, stride_tok, N_CTX,
    BM1: tl.constexpr, BN1: tl.constexpr, BM2: tl.constexpr, BN2: tl.constexpr,
    SLICE: tl.constexpr, D: tl.constexpr,
):
    LN2: tl.constexpr = 0.6931471824645996
    bhid = tl.program_id(2)
    off_chz = (bhid * N_CTX).to(tl.int64)
    adj = (stride_h * bhid).to(tl.int64)
    pid = tl.program_id(0)
    Q += adj
    K += adj
    V += adj
    DO += adj
    out_dq += adj
    out_dk += adj
    out_dv += adj
    M += off_chz
    Delta += off_chz
    offs_k = tl.arange(0, D)
    start_n = pid * BN1
    MASK_M: tl.constexpr = BM1 // SLICE
    offs_n = start_n + tl.arange(0, BN1)
    at_n = offs_n[:, None] * stride_tok + offs_k[None, :]
    dv = tl.zeros([BN1, D], dtype=tl.float32)
    dk = tl.zeros([BN1, D], dtype=tl.float32)
    k = tl.load(K + at_n)
    v = tl.load(V + at_n)
    start_m = start_n
    steps = BN1 // MASK_M
    dk, dv = dk_dv(
        dk, dv, Q, k, v, DO, M, Delta, stride_tok, start_n, start_m, steps, MASK_M, BN1, D, True
    )
    start_m += steps * MASK_M
    steps = (N_CTX - start_m) // BM1
    dk, dv = dk_dv(
        dk, dv, Q, k, v, DO, M, Delta, stride_tok, start_n, start_m, steps, BM1, BN1, D, MASK=False
    )
    tl.store(out_dv + at_n, dv)
    dk *= sm_scale
    tl.store(out_dk + at_n, dk)

    start_m = pid * BM2
    end_n = start_m + BM2
    MASK_N: tl.constexpr = BN2 // SLICE
    offs_m = start_m + tl.arange(0, BM2)
    at_m = offs_m[:, None] * stride_tok + offs_k[None, :]
    q = tl.load(Q + at_m)
    dq = tl.zeros([BM2, D], dtype=tl.float32)
    do = tl.load(DO + at_m)
    m = tl.load(M + offs_m)
    m = m[:, None]
    steps = BM2 // MASK_N
    dq = d_q(
        dq, q, K, V, do, m, Delta, stride_tok, start_m, end_n - steps * MASK_N, steps,
        BM2, MASK_N, D, MASK=True,
    )
    end_n -= steps * MASK_N
    steps = end_n // BN2
    dq = d_q(
        dq, q, K, V, do, m, Delta, stride_tok, start_m, end_n - steps * BN2, steps, BM2, BN2, D,
        MASK=False,
    )
    dq *= LN2
    tl.store(out_dq + at_m, dq)
"""
RMS_NORM_BACKWARD = """
@jit
def kernel(
    dY, dY_stride, out_dx, X, X_stride, W, RSTD, out_dw, n_rows, n_cols, rows_per_program,
    offset: tl.constexpr, BLOCK: tl.constexpr,
):
    row_block_id = tl.program_id(0).to(tl.int64)
    row_start = row_block_id * rows_per_program
    row_end = min((row_block_id + 1) * rows_per_program, n_rows)
    col_offsets = tl.arange(0, BLOCK)
    mask = col_offsets < n_cols
    dw_row = tl.zeros((BLOCK,), dtype=tl.float32)
    dY += row_start * dY_stride
    X += row_start * X_stride
    RSTD += row_start
    W_row = tl.load(W + col_offsets, mask=mask, other=0.0) + offset
    for row_idx in range(row_start, row_end):
        dy = tl.load(dY + col_offsets, mask=mask, other=0.0)
        x = tl.load(X + col_offsets, mask=mask, other=0.0)
        rstd = tl.load(RSTD)
        x = x.to(tl.float32)
        m = (dy * W_row).to(tl.float32)
        dx = rstd * m
        dx += rstd * (-(1 / n_cols) * rstd * rstd * tl.sum(m * x, axis=0) * x)
        dw_row += dy * (x * rstd)
        tl.store(out_dx + row_idx * n_cols + col_offsets, dx.to(out_dx.dtype.element_ty), mask=mask)
        dY += dY_stride
        X += X_stride
        RSTD += 1
    tl.store(out_dw + row_block_id * n_cols + col_offsets, dw_row, mask=mask)
"""
SECOND_STAGE_OF_LAYER_NORM = """
@jit
def kernel(DW, DB, out_dw, out_db, M, N, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    pid = tl.program_id(0)
    cols = pid * BLOCK_N + tl.arange(0, BLOCK_N)
    dw = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    db = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for i in range(0, M, BLOCK_M):
        rows = i + tl.arange(0, BLOCK_M)
        mask = (rows[:, None] < M) & (cols[None, :] < N)
        offs = rows[:, None] * N + cols[None, :]
        dw += tl.load(DW + offs, mask=mask, other=0.0)
        db += tl.load(DB + offs, mask=mask, other=0.0)
    sum_dw = tl.sum(dw, axis=0)
    sum_db = tl.sum(db, axis=0)
    tl.store(out_dw + cols, sum_dw, mask=cols < N)
    tl.store(out_db + cols, sum_db, mask=cols < N)
"""
SOFTMAX_BACKWARD = """
@jit
def kernel(y_ptr, dy_ptr, out, M, N, TILE_M: tl.constexpr, TILE_N: tl.constexpr, ONE: tl.constexpr):
    rows = tl.program_id(0) * TILE_M + tl.arange(0, TILE_M)
    if ONE:
        cols = tl.arange(0, TILE_N)
        at = rows[:, None] * N + cols
        mask = (rows[:, None] < M) & (cols < N)
        y = tl.load(y_ptr + at, mask=mask, other=0)
        dy = tl.load(dy_ptr + at, mask=mask)
        scale = tl.sum(y * dy, 1)
        tl.store(out + at, y * (dy - scale[:, None]), mask=mask)
    else:
        scale = tl.zeros([TILE_M, TILE_N], dtype=tl.float32)
        cols = tl.arange(0, TILE_N)
        at = rows[:, None] * N + cols
        for _ in range(0, N, TILE_N):
            mask = (rows[:, None] < M) & (cols < N)
            y = tl.load(y_ptr + at, mask=mask, other=0.0, eviction_policy="evict_last")
            dy = tl.load(dy_ptr + at, mask=mask, other=0.0)
            scale += y * dy
            cols += TILE_N
            at += TILE_N
        total = tl.sum(scale, 1)
        cols = tl.arange(0, TILE_N)
        at = rows[:, None] * N + cols
        for _ in range(0, N, TILE_N):
            mask = (rows[:, None] < M) & (cols < N)
            y = tl.load(y_ptr + at, mask=mask, other=0.0, eviction_policy="evict_first")
            dy = tl.load(dy_ptr + at, mask=mask, other=0.0)
            tl.store(out + at, y * (dy - total[:, None]), mask=mask)
            cols += TILE_N
            at += TILE_N
"""
SWIGLU_BACKWARD = """
@jit
def silu(x):
    return x * tl.sigmoid(x)


@jit
def kernel(dc_ptr, out_a_ptr, out_b_ptr, stride, n_cols: tl.constexpr, BLOCK: tl.constexpr):
    program_id = tl.program_id(0).to(tl.int64)
    dc_ptr += program_id * stride
    out_a_ptr += program_id * stride
    out_b_ptr += program_id * stride
    col_offsets = tl.arange(0, BLOCK)
    mask = col_offsets < n_cols
    dc_row = tl.load(dc_ptr + col_offsets, mask=mask, other=0)
    a_row = tl.load(out_a_ptr + col_offsets, mask=mask, other=0).to(tl.float32)
    b_row = tl.load(out_b_ptr + col_offsets, mask=mask, other=0)
    sig_a = tl.sigmoid(a_row)
    silu_a = a_row * sig_a
    db_row = dc_row * silu_a
    da_row = dc_row * (silu_a * (1 - sig_a) + sig_a) * b_row
    tl.store(out_a_ptr + col_offsets, da_row, mask=mask)
    tl.store(out_b_ptr + col_offsets, db_row + 0 * silu(b_row), mask=mask)
"""
DIVERGENCE_WITH_GRADIENT = """
@jit
def kernel(
    X_ptr, X_stride, Y_ptr, Y_stride, out_loss, loss_stride, out_dx, dX_stride, label_ptr,
    beta: tl.constexpr, n_non_ignore: int, ignore_index: tl.constexpr, n_cols,
    BLOCK_SIZE: tl.constexpr, HAS_LABEL: tl.constexpr,
):
    pid = tl.program_id(0).to(tl.int64)
    X_ptr += pid * X_stride
    out_dx += pid * dX_stride
    Y_ptr += pid * Y_stride
    out_loss += pid * loss_stride
    label_ptr += pid
    if HAS_LABEL:
        label = tl.load(label_ptr)
        if label == ignore_index:
            for i in range(0, n_cols, BLOCK_SIZE):
                offsets = i + tl.arange(0, BLOCK_SIZE)
                tl.store(out_dx + offsets, 0.0, mask=offsets < n_cols)
            return
    for i in range(0, n_cols, BLOCK_SIZE):
        offsets = i + tl.arange(0, BLOCK_SIZE)
        mask = offsets < n_cols
        X = tl.load(X_ptr + offsets, mask=mask, other=float("-inf")).to(tl.float32)
        Y = tl.load(Y_ptr + offsets, mask=mask, other=float("-inf")).to(tl.float32)
        if beta == 0.0:
            Y_max = tl.max(Y, axis=0)
            Y_prob = tl.exp(Y - Y_max) * tl.exp(Y_max)
            loss = Y_prob * (Y - X)
            dX = -Y_prob
        else:
            max_val = tl.maximum(tl.max(X, axis=0), tl.max(Y, axis=0))
            exp_max = tl.exp(max_val)
            Q = tl.exp(X - max_val) * exp_max
            P = tl.exp(Y - max_val) * exp_max
            beta_P = beta * P
            one_minus_beta_Q = (1 - beta) * Q
            M = beta_P + one_minus_beta_Q
            log_M = tl.log(M)
            loss = beta_P * Y + one_minus_beta_Q * X - M * log_M
            dX = one_minus_beta_Q * (X - log_M)
        scale = 1.0 / n_non_ignore
        tl.store(out_loss + offsets, loss * scale, mask=mask)
        tl.store(out_dx + offsets, dX * scale, mask=mask)
"""
CROSS_ENTROPY_IN_PLACE_WITH_SOFTCAP = """
@jit
def tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@jit
def kernel(
    out_logits, stride, dloss_ptr, dloss_stride, lse_ptr, labels_ptr, VOCAB: tl.constexpr,
    BLOCK: tl.constexpr, DO_SOFTCAPPING: tl.constexpr, SOFTCAP: tl.constexpr,
    DO_SCALING: tl.constexpr, SCALE: tl.constexpr,
):
    row_idx = tl.program_id(0)
    block_idx = tl.program_id(1)
    out_logits += row_idx * stride.to(tl.int64)
    dloss_ptr += row_idx * dloss_stride
    col_offsets = block_idx * BLOCK + tl.arange(0, BLOCK)
    mask = col_offsets < VOCAB
    label_idx = tl.load(labels_ptr + row_idx).to(tl.int32)
    if label_idx != -100:
        dloss = tl.load(dloss_ptr)
    else:
        dloss = 0.0
    x = tl.load(out_logits + col_offsets, mask=mask, other=-float("inf"))
    if DO_SCALING:
        x = x * SCALE
    partial = x
    if DO_SOFTCAPPING:
        partial = tanh(x / SOFTCAP)
        x = SOFTCAP * partial
    logsumexp = tl.load(lse_ptr + row_idx)
    y = tl.exp(x.to(tl.float32) - logsumexp)
    y = tl.where(col_offsets == label_idx, y - 1.0, y)
    if DO_SCALING:
        y = y * SCALE
    if DO_SOFTCAPPING:
        y = y * (1.0 - partial * partial)
    tl.store(out_logits + col_offsets, dloss * y, mask=mask)
"""
DROPOUT_OF_ONE_SEED_BOTH_WAYS = """
@jit
def kernel(x_ptr, dy_ptr, out_y, out_dx, n, p, seed, BLOCK: tl.constexpr):
    offsets = tl.program_id(axis=0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    r0, r1, r2, r3 = tl.rand4x(seed, offsets)
    keep = (r0 > p) & (r3 > p * 0.1)
    tl.store(out_y + offsets, tl.where(keep, x / (1 - p), 0.0), mask=mask)
    dy = tl.load(dy_ptr + offsets, mask=mask)
    again = (tl.rand(seed, offsets) > p) & keep
    tl.store(out_dx + offsets, tl.where(again, dy / (1 - p), 0.0), mask=mask)
"""

CASES = [
    public(
        "attention delta",
        ATTENTION_DELTA,
        lambda rng: {
            "o_ptr": numbers((2, 40, 16), rng, "float16"),
            "do_ptr": numbers((2, 40, 16), rng, "float16"),
            "out_delta": room((2, 40)),
            "n_ctx": 40,
            "BLOCK_M": 16,
            "D": 16,
        },
        grid=(3, 2),
    ),
    public(
        "attention gradients",
        ATTENTION_GRADIENTS,
        lambda rng: {
            "Q": floats((2, 64, 16), rng, "float16"),
            "K": floats((2, 64, 16), rng, "float16"),
            "V": floats((2, 64, 16), rng, "float16"),
            "sm_scale": 0.25,
            "DO": floats((2, 64, 16), rng, "float16"),
            "out_dq": room((2, 64, 16)),
            "out_dk": room((2, 64, 16)),
            "out_dv": room((2, 64, 16)),
            "M": floats((2, 64), rng, "float32", 3, 4),
            "Delta": floats((2, 64), rng),
            "stride_h": 64 * 16,
            "stride_tok": 16,
            "N_CTX": 64,
            "BM1": 16,
            "BN1": 32,
            "BM2": 32,
            "BN2": 16,
            "SLICE": 1,
            "D": 16,
        },
        grid=(2, 1, 2),
        ulps=4096,
        scale=1.0,
    ),
    public(
        "rms norm backward",
        RMS_NORM_BACKWARD,
        lambda rng: {
            "dY": floats((10, 50), rng),
            "dY_stride": 50,
            "out_dx": room((10, 50)),
            "X": floats((10, 50), rng),
            "X_stride": 50,
            "W": floats(50, rng),
            "RSTD": floats(10, rng),
            "out_dw": room((3, 50)),
            "n_rows": 10,
            "n_cols": 50,
            "rows_per_program": 4,
            "offset": 1.0,
            "BLOCK": 64,
        },
        grid=(3,),
        ulps=64,
        scale=0.5,
    ),
    public(
        "second stage of layer norm's gradients",
        SECOND_STAGE_OF_LAYER_NORM,
        lambda rng: {
            "DW": numbers((20, 40), rng),
            "DB": numbers((20, 40), rng),
            "out_dw": room(40),
            "out_db": room(40),
            "M": 20,
            "N": 40,
            "BLOCK_M": 8,
            "BLOCK_N": 16,
        },
        grid=(3,),
    ),
    *(
        public(
            f"softmax backward, one tile {one}",
            SOFTMAX_BACKWARD,
            lambda rng, one=one, tile=tile: {
                "y_ptr": numbers((10, 50), rng),
                "dy_ptr": numbers((10, 50), rng),
                "out": room((10, 50)),
                "M": 10,
                "N": 50,
                "TILE_M": 4,
                "TILE_N": tile,
                "ONE": one,
            },
            grid=(3,),
        )
        for one, tile in ((True, 64), (False, 16))
    ),
    public(
        "swiglu backward",
        SWIGLU_BACKWARD,
        lambda rng: {
            "dc_ptr": floats((5, 50), rng),
            "out_a_ptr": floats((5, 50), rng),
            "out_b_ptr": floats((5, 50), rng),
            "stride": 50,
            "n_cols": 50,
            "BLOCK": 64,
        },
        grid=(5,),
        ulps=64,
        scale=0.1,
    ),
    *(
        public(
            f"divergence with gradient, beta {beta}",
            DIVERGENCE_WITH_GRADIENT,
            lambda rng, beta=beta: {
                "X_ptr": floats((4, 50), rng, "float32", -3, -1),
                "X_stride": 50,
                "Y_ptr": floats((4, 50), rng, "float32", -3, -1),
                "Y_stride": 50,
                "out_loss": room((4, 50)),
                "loss_stride": 50,
                "out_dx": room((4, 50)),
                "dX_stride": 50,
                "label_ptr": indices([3, -100, 7, 9], "int64"),
                "beta": beta,
                "n_non_ignore": 3,
                "ignore_index": -100,
                "n_cols": 50,
                "BLOCK_SIZE": 16,
                "HAS_LABEL": True,
            },
            grid=(4,),
            ulps=64,
            scale=0.1,
        )
        for beta in (0.0, 0.5)
    ),
    public(
        "cross entropy in place with softcap",
        CROSS_ENTROPY_IN_PLACE_WITH_SOFTCAP,
        lambda rng: {
            "out_logits": floats((4, 50), rng, "float32", -5, 5),
            "stride": 50,
            "dloss_ptr": floats(4, rng),
            "dloss_stride": 1,
            "lse_ptr": floats(4, rng, "float32", 4, 6),
            "labels_ptr": indices([3, -100, 7, 49], "int64"),
            "VOCAB": 50,
            "BLOCK": 32,
            "DO_SOFTCAPPING": True,
            "SOFTCAP": 30.0,
            "DO_SCALING": True,
            "SCALE": 0.5,
        },
        grid=(4, 2),
        ulps=64,
        scale=0.01,
    ),
    public(
        "dropout of one seed both ways",
        DROPOUT_OF_ONE_SEED_BOTH_WAYS,
        lambda rng: {
            "x_ptr": numbers(100, rng),
            "dy_ptr": numbers(100, rng),
            "out_y": room(100),
            "out_dx": room(100),
            "n": 100,
            "p": 0.5,
            "seed": 123456789,
            "BLOCK": 32,
        },
        grid=(4,),
    ),
]
