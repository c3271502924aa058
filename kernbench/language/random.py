"""Random numbers of ``tl``, written in ``tl``: Philox 4x32, with Triton's numbers.

The number at an offset depends on the seed and the offset alone, so that every run, and every way
to divide the offsets among programs, draws the same ones.  A round is some dozen operations of the
MATH engine, which has no product of 32 x 32 bits: it multiplies 64.
"""

from __future__ import annotations

from kernbench.language.builtin import BUILTINS
from kernbench.language.dtypes import constexpr, int32, int64, uint32, uint64
from kernbench.language.jit import jit

_cos = BUILTINS["cos"]
_log = BUILTINS["log"]
_maximum = BUILTINS["maximum"]
_sin = BUILTINS["sin"]
_sqrt = BUILTINS["sqrt"]
_static_assert = BUILTINS["static_assert"]
_static_range = BUILTINS["static_range"]
_to_tensor = BUILTINS["to_tensor"]
_where = BUILTINS["where"]

_N_ROUNDS = constexpr(10)


@jit
def umulhi(x, y):  # type: ignore[no-untyped-def]
    """Return the upper half of the product of 32-bit integers, taken as unsigned ones.

    Parameters
    ----------
    x, y : tensor of integers
        Of 32 bits and one shape.

    Returns
    -------
    tensor
        Of the type of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.umulhi(offs << 30, offs << 30))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [          0   268435456  1073741824 -1879048192]
    """
    wide = x.to(uint32).to(uint64) * y.to(uint32).to(uint64)
    return (wide >> 32).to(x.dtype)


@jit
def philox(seed, c0, c1, c2, c3, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of random uint32 of a 64-bit `seed` and four 32-bit counters.

    Parameters
    ----------
    seed : int or scalar
        The key.
    c0, c1, c2, c3 : tensor of int32 or uint32
        The counters, of one shape.
    n_rounds : int
        10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of that shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.philox(7, offs, 0 * offs, 0 * offs, 0 * offs)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    seed = _to_tensor(seed)
    _static_assert(seed.dtype.is_int(), "seed of random numbers: expected an integer")
    _static_assert(c0.dtype.primitive_bitwidth == 32, "philox: expected counters of 32 bits")
    key = seed.to(uint64)
    k0 = (key & 0xFFFFFFFF).to(uint32)
    k1 = (key >> 32).to(uint32)
    c0 = c0.to(uint32)
    c1 = c1.to(uint32)
    c2 = c2.to(uint32)
    c3 = c3.to(uint32)
    return philox_impl(c0, c1, c2, c3, k0, k1, n_rounds)


@jit
def philox_impl(c0, c1, c2, c3, k0, k1, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return the four counters, all blocks of uint32, after `n_rounds` with a key of two halves.

    Parameters
    ----------
    c0, c1, c2, c3 : tensor of uint32
        The counters, of one shape.
    k0, k1 : tensor or scalar of uint32
        Lower and upper half of the key.
    n_rounds : int
        10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of that shape.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     c, zero = offs.to(tl.uint32), tl.zeros((4,), tl.uint32)
    ...     tl.store(out_ptr + offs, tl.philox_impl(c, zero, zero, zero, zero + 7, zero)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    for _ in _static_range(n_rounds):
        wide0 = c0.to(uint64) * 0xD2511F53
        wide2 = c2.to(uint64) * 0xCD9E8D57
        c0 = (wide2 >> 32).to(uint32) ^ c1 ^ k0
        c2 = (wide0 >> 32).to(uint32) ^ c3 ^ k1
        c1 = wide2.to(uint32)
        c3 = wide0.to(uint32)
        k0 += 0x9E3779B9
        k1 += 0xBB67AE85
    return c0, c1, c2, c3


@jit
def randint4x(seed, offset, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of random uint32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randint4x(7, offs)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    low = offset.to(uint32)
    zero = low * 0
    high = (offset >> 32).to(uint32) if offset.dtype.primitive_bitwidth > 32 else zero
    return philox(seed, low, high, zero, zero, n_rounds)


@jit
def randint(seed, offset, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return a block of random uint32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tensor
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randint(7, offs))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy())
    [4099963437 1747881627   26092480 1675892246]
    """
    first, _, _, _ = randint4x(seed, offset, n_rounds)
    return first


@jit
def uint_to_uniform_float(x):  # type: ignore[no-untyped-def]
    """Return floats from 0 to below 1 of random integers of 32 or 64 bits.

    Parameters
    ----------
    x : tensor of integers
        Of 32 or 64 bits.

    Returns
    -------
    tensor of fp32
        Of the shape of `x`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.uint_to_uniform_float(offs.to(tl.uint32) << 29))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [0.   0.25 0.5  0.75]
    """
    narrow = x.dtype.primitive_bitwidth == 32
    x = x.to(int32 if narrow else int64, bitcast=True)
    return _where(x < 0, -x - 1, x) * (4.6566127342e-10 if narrow else 1.0842020432385337e-19)


@jit
def rand4x(seed, offsets, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of random float32 from 0 to below 1, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offsets : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of the shape of `offsets`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.rand4x(7, offs)[3])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [0.171 0.084 0.303 0.278]
    """
    i0, i1, i2, i3 = randint4x(seed, offsets, n_rounds)
    return (
        uint_to_uniform_float(i0),
        uint_to_uniform_float(i1),
        uint_to_uniform_float(i2),
        uint_to_uniform_float(i3),
    )


@jit
def rand(seed, offset, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return a block of random float32 from 0 to below 1, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tensor
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.rand(7, offs))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [0.091 0.814 0.012 0.78 ]
    """
    return uint_to_uniform_float(randint(seed, offset, n_rounds))


@jit
def pair_uniform_to_normal(u1, u2):  # type: ignore[no-untyped-def]
    """Return two blocks of normal numbers of two uniform ones (Box and Muller).

    Parameters
    ----------
    u1, u2 : tensor of fp32
        From 0 to below 1.

    Returns
    -------
    tuple of 2 tensors
        Of the shape of `u1`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.pair_uniform_to_normal(offs / 4.0, offs / 4.0)[0])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [ 5.678 -0.    -1.177  0.   ]
    """
    angle = 6.283185307179586 * u2
    radius = _sqrt(-2.0 * _log(_maximum(1.0e-7, u1)))
    return radius * _cos(angle), radius * _sin(angle)


@jit
def randn4x(seed, offset, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return four blocks of normal float32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tuple of 4 tensors
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randn4x(7, offs)[3])
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [1.513 0.738 1.307 1.537]
    """
    u0, u1, u2, u3 = rand4x(seed, offset, n_rounds)
    n0, n1 = pair_uniform_to_normal(u0, u1)
    n2, n3 = pair_uniform_to_normal(u2, u3)
    return n0, n1, n2, n3


@jit
def randn(seed, offset, n_rounds: constexpr = _N_ROUNDS):  # type: ignore[no-untyped-def]
    """Return a block of normal float32, for the offsets.

    Parameters
    ----------
    seed : int or scalar
        Of 64 bits.
    offset : tensor of integers
        Equal offsets give equal numbers, in whatever program.
    n_rounds : int
        Of Philox; 10 as in Triton.

    Returns
    -------
    tensor
        Of the shape of `offset`.

    Examples
    --------
    >>> import kernbench as kb, kernbench.language as tl
    >>> @kb.jit
    ... def kernel(out_ptr):
    ...     offs = tl.arange(0, 4)
    ...     tl.store(out_ptr + offs, tl.randn(7, offs))
    >>> with kb.Context("small") as ctx:
    ...     out = ctx.tensor([0.0] * 4)
    ...     _ = kernel[(1,)](out)
    ...     print(out.numpy().round(3))
    [-2.19  -0.541  2.953 -0.704]
    """
    i0, i1, _, _ = randint4x(seed, offset, n_rounds)
    first, _ = pair_uniform_to_normal(uint_to_uniform_float(i0), uint_to_uniform_float(i1))
    return first
