# mypy: ignore-errors
# ruff: noqa: D103
"""What element-wise operations compute, in ``tl``, for the machine.

Each takes values (all of one dtype, float32 where torch computes bf16, fp16 and fp8 in float32) and
returns one.  Those that the machine has an instruction for are that instruction.
"""

from __future__ import annotations

import kernbench.language as tl
from kernbench.language import jit

PI = tl.constexpr(3.141592653589793)
LN2 = tl.constexpr(0.6931471805599453)
LOG10_2 = tl.constexpr(0.3010299956639812)
SQRT_HALF = tl.constexpr(0.7071067811865476)
INVERSE_SQRT_PI2 = tl.constexpr(0.7978845608028654)


# --- one operand ----------------------------------------------------------------------------------


@jit
def move(x):
    return x


@jit
def absolute(x):
    return tl.abs(x)


@jit
def neg(x):
    return -x


@jit
def exp(x):
    return tl.exp(x)


@jit
def exp2(x):
    return tl.exp2(x)


@jit
def expm1(x):
    # Kahan's way: exact where exp(x) - 1 would lose digits.
    e = tl.exp(x)
    d = e - 1.0
    near = tl.where(e == 1.0, x, d * x / tl.log(tl.where(e <= 0.0, 1.0, e)))
    return tl.where(tl.abs(x) < 0.5, near, d)


@jit
def log(x):
    return tl.log(x)


@jit
def log2(x):
    return tl.log2(x)


@jit
def log10(x):
    return tl.log2(x) * LOG10_2


@jit
def log1p(x):
    u = 1.0 + x
    d = u - 1.0
    near = tl.where(d == 0.0, x, tl.log(u) * x / tl.where(d == 0.0, 1.0, d))
    return tl.where(u == float("inf"), u, near)


@jit
def sqrt(x):
    return tl.sqrt(x)


@jit
def rsqrt(x):
    return tl.rsqrt(x)


@jit
def reciprocal(x):
    return 1.0 / x


@jit
def sin(x):
    return tl.sin(x)


@jit
def cos(x):
    return tl.cos(x)


@jit
def tan(x):
    return tl.sin(x) / tl.cos(x)


@jit
def tanh(x):
    return tl.tanh(x)


@jit
def sinh(x):
    e = tl.exp(tl.abs(x))
    wide = 0.5 * (e - 1.0 / e)
    small = tl.abs(x) * (1.0 + x * x / 6.0 * (1.0 + x * x / 20.0 * (1.0 + x * x / 42.0)))
    size = tl.where(tl.abs(x) < 0.3, small, wide)
    return tl.where(x < 0.0, -size, size)


@jit
def cosh(x):
    e = tl.exp(tl.abs(x))
    return 0.5 * (e + 1.0 / e)


@jit
def erf(x):
    return tl.erf(x)


@jit
def erfc(x):
    return 1.0 - tl.erf(x)


@jit
def sigmoid(x):
    return tl.sigmoid(x)


@jit
def relu(x):
    return tl.where(x != x, x, tl.maximum(x, 0))


@jit
def silu(x):
    return x * tl.sigmoid(x)


@jit
def gelu(x):
    return 0.5 * x * (1.0 + tl.erf(x * SQRT_HALF))


@jit
def gelu_tanh(x):
    return 0.5 * x * (1.0 + tl.tanh(INVERSE_SQRT_PI2 * (x + 0.044715 * x * x * x)))


@jit
def softplus(x):
    return tl.where(x > 20.0, x, log1p(tl.exp(tl.minimum(x, 20.0))))


@jit
def floor(x):
    return tl.floor(x)


@jit
def ceil(x):
    return tl.ceil(x)


@jit
def trunc(x):
    return tl.where(x < 0.0, tl.ceil(x), tl.floor(x))


@jit
def round_even(x):
    low = tl.floor(x)
    rest = x - low
    half = low * 0.5
    odd = tl.floor(half) != half
    up = (rest > 0.5) | ((rest == 0.5) & odd)
    near = tl.where(up, low + 1.0, low)
    return tl.where((near == 0.0) & (x < 0.0), -0.0, near)


@jit
def frac(x):
    return x - trunc(x)


@jit
def sign(x):
    return (x > 0).to(x.dtype) - (x < 0).to(x.dtype)


@jit
def square(x):
    return x * x


@jit
def isnan(x):
    return x != x


@jit
def isinf(x):
    return tl.abs(x) == float("inf")


@jit
def isfinite(x):
    return tl.abs(x) < float("inf")


@jit
def isposinf(x):
    return x == float("inf")


@jit
def isneginf(x):
    return x == float("-inf")


@jit
def false(x):
    return x != x


@jit
def true(x):
    return x == x


@jit
def logical_not(x):
    return x == 0


@jit
def bitwise_not(x):
    return ~x


# --- two operands ---------------------------------------------------------------------------------


@jit
def add(x, y):
    return x + y


@jit
def second(x, y):
    return y


@jit
def add_scaled(x, y, alpha):
    return x + alpha * y


@jit
def sub(x, y):
    return x - y


@jit
def mul(x, y):
    return x * y


@jit
def div(x, y):
    return x / y


@jit
def div_trunc(x, y):
    return trunc(x / y)


@jit
def int_div_trunc(x, y):
    return x // y


@jit
def floor_div(x, y):
    # As Python divides floats: from the remainder, which is exact.
    rest = fmod(x, y)
    quotient = (x - rest) / y
    quotient = tl.where((rest != 0.0) & ((y < 0.0) != (rest < 0.0)), quotient - 1.0, quotient)
    near = tl.floor(quotient)
    near = tl.where(quotient - near > 0.5, near + 1.0, near)
    return tl.where(y == 0.0, x / y, near)


@jit
def int_floor_div(x, y):
    quotient = x // y
    rest = x - quotient * y
    return tl.where((rest != 0) & ((rest < 0) != (y < 0)), quotient - 1, quotient)


@jit
def fmod(x, y):
    return x % y


@jit
def remainder(x, y):
    rest = x % y
    return tl.where((rest != 0) & ((rest < 0) != (y < 0)), rest + y, rest)


@jit
def power(x, y):
    return tl.pow(x, y)


@jit
def maximum(x, y):
    return tl.where(x != x, x, tl.where(y != y, y, tl.maximum(x, y)))


@jit
def minimum(x, y):
    return tl.where(x != x, x, tl.where(y != y, y, tl.minimum(x, y)))


@jit
def fmax(x, y):
    return tl.maximum(x, y)


@jit
def fmin(x, y):
    return tl.minimum(x, y)


@jit
def eq(x, y):
    return x == y


@jit
def ne(x, y):
    return x != y


@jit
def lt(x, y):
    return x < y


@jit
def le(x, y):
    return x <= y


@jit
def gt(x, y):
    return x > y


@jit
def ge(x, y):
    return x >= y


@jit
def logical_and(x, y):
    return (x != 0) & (y != 0)


@jit
def logical_or(x, y):
    return (x != 0) | (y != 0)


@jit
def logical_xor(x, y):
    return (x != 0) ^ (y != 0)


@jit
def bitwise_and(x, y):
    return x & y


@jit
def bitwise_or(x, y):
    return x | y


@jit
def bitwise_xor(x, y):
    return x ^ y


@jit
def left_shift(x, y):
    return x << y


@jit
def right_shift(x, y):
    return x >> y


@jit
def hypot(x, y):
    return tl.sqrt(x * x + y * y)


# --- three operands -------------------------------------------------------------------------------


@jit
def where(test, x, y):
    return tl.where(test != 0, x, y)


@jit
def clamp(x, low, high):
    return tl.where(x != x, x, tl.minimum(tl.maximum(x, low), high))


@jit
def lerp(x, y, weight):
    return tl.where(tl.abs(weight) < 0.5, x + weight * (y - x), y - (y - x) * (1.0 - weight))


@jit
def mul_add(x, y, z):
    return x + y * z


@jit
def div_add(x, y, z):
    return x + y / z


# --- inverse functions ----------------------------------------------------------------------------


@jit
def atan(x):
    # Two halvings of the angle bring the argument below tan(pi / 16); the series does the rest.
    size = tl.abs(x)
    flipped = size > 1.0
    t = tl.where(flipped, 1.0 / size, size)
    t = t / (1.0 + tl.sqrt(1.0 + t * t))
    t = t / (1.0 + tl.sqrt(1.0 + t * t))
    u = t * t
    s = 1.0 / 23.0 - u / 25.0
    s = 1.0 / 21.0 - u * s
    s = 1.0 / 19.0 - u * s
    s = 1.0 / 17.0 - u * s
    s = 1.0 / 15.0 - u * s
    s = 1.0 / 13.0 - u * s
    s = 1.0 / 11.0 - u * s
    s = 1.0 / 9.0 - u * s
    s = 1.0 / 7.0 - u * s
    s = 1.0 / 5.0 - u * s
    s = 1.0 / 3.0 - u * s
    angle = 4.0 * (t - t * u * s)
    angle = tl.where(flipped, PI / 2 - angle, angle)
    return tl.where(x < 0.0, -angle, tl.where(x == 0.0, x, angle))


@jit
def asin(x):
    rest = (1.0 - x) * (1.0 + x)
    angle = atan(x / tl.sqrt(rest))
    return tl.where(x == 1.0, PI / 2, tl.where(x == -1.0, -PI / 2, angle))


@jit
def acos(x):
    half = atan(tl.sqrt((1.0 - x) / (1.0 + x)))
    return tl.where(x == -1.0, PI, 2.0 * half)


@jit
def atan2(y, x):
    both = (tl.abs(x) == float("inf")) & (tl.abs(y) == float("inf"))
    ratio = tl.where(both, 1.0, tl.abs(y) / tl.abs(x))
    ratio = tl.where((x == 0.0) & (y == 0.0), 0.0, ratio)
    angle = atan(ratio)
    left = (x < 0.0) | ((x == 0.0) & (1.0 / x < 0.0))
    angle = tl.where(left, PI - angle, angle)
    down = (y < 0.0) | ((y == 0.0) & (1.0 / y < 0.0))
    angle = tl.where(down, -angle, angle)
    return tl.where((x != x) | (y != y), float("nan"), angle)


@jit
def asinh(x):
    size = tl.abs(x)
    found = log1p(size + size * size / (1.0 + tl.sqrt(size * size + 1.0)))
    found = tl.where(size > 1e9, tl.log(size) + LN2, found)
    return tl.where(x < 0.0, -found, tl.where(x == 0.0, x, found))


@jit
def acosh(x):
    t = x - 1.0
    found = log1p(t + tl.sqrt(2.0 * t + t * t))
    return tl.where(x > 1e9, tl.log(x) + LN2, found)


@jit
def atanh(x):
    size = tl.abs(x)
    found = 0.5 * log1p(2.0 * size / (1.0 - size))
    found = tl.where(size == 1.0, float("inf"), found)
    return tl.where(x < 0.0, -found, tl.where(x == 0.0, x, found))


@jit
def signbit(x):
    return (x < 0.0) | ((x == 0.0) & (1.0 / x < 0.0))


@jit
def negative(x):
    return x < 0


@jit
def copysign(x, y):
    size = tl.abs(x)
    return tl.where((y < 0.0) | ((y == 0.0) & (1.0 / y < 0.0)), -size, size)


@jit
def logaddexp(x, y):
    top = tl.maximum(x, y)
    apart = tl.minimum(x, y) - top
    found = top + log1p(tl.exp(apart))
    return tl.where(x == y, x + LN2, tl.where((x != x) | (y != y), float("nan"), found))


@jit
def xlogy(x, y):
    return tl.where(y != y, y, tl.where(x == 0.0, 0.0, x * tl.log(y)))


@jit
def deg2rad(x):
    return x * (PI / 180.0)


@jit
def rad2deg(x):
    return x * (180.0 / PI)


# --- gradients ------------------------------------------------------------------------------------


@jit
def relu_grad(grad, y):
    return tl.where(y > 0, grad, 0.0)


@jit
def sigmoid_grad(grad, y):
    return grad * y * (1.0 - y)


@jit
def tanh_grad(grad, y):
    return grad * (1.0 - y * y)


# --- conversions ----------------------------------------------------------------------------------


@jit
def truth(x):
    return x != 0


@jit
def whole(x):
    # To narrow integers by way of a wide one, so that what does not fit wraps, as on hosts.
    return x.to(tl.int64)


@jit
def saturate(x):
    # torch's e4m3fn has no infinity: what is too large is its greatest number.
    y = x.to(tl.float32)
    return tl.where(y != y, y, tl.minimum(tl.maximum(y, -448.0), 448.0))


@jit
def cube(x):
    return x * x * x
