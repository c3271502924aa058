"""The methods of :class:`~kernbench.runtime.tensor.Tensor` that are operations of the table.

``x.name(...)`` is ``call(name, x, ...)``.  Each name is torch's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.runtime.dispatch import call
from kernbench.runtime.words import words

__all__ = ["METHODS", "install"]

UNARY = words(
    """
    abs absolute acos acosh arccos arcsin arctan asin asinh atan atanh bitwise_not ceil conj cos
    cosh deg2rad digamma erf erfc exp exp2 expm1 fix floor frac i0 isfinite isinf isnan isneginf
    isposinf isreal lgamma log log10 log1p log2 logical_not logit neg negative positive rad2deg
    reciprocal relu round rsqrt sgn sigmoid sign signbit sin sinc sinh sqrt square tan tanh
    trunc arccosh arcsinh arctanh
    """
)
BINARY = words(
    """
    add arctan2 atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
    copysign div divide dot eq equal floor_divide fmax fmin fmod ge greater greater_equal gt
    heaviside hypot ldexp le less less_equal logaddexp logical_and logical_or logical_xor lt
    maximum minimum mul multiply ne nextafter not_equal outer pow remainder sub subtract
    true_divide xlogy
    """
)
OTHERS = words(
    """
    addbmm addcdiv addcmul addmm addmv all allclose amax amin aminmax any argmax argmin argsort
    as_strided baddbmm bernoulli bincount bmm broadcast_to bucketize char chunk clamp clamp_max
    clamp_min clip clone contiguous copy_ count_nonzero cpu cross cuda cummax cummin cumprod
    cumsum bfloat16 bool byte double float half int long short detach diag diag_embed diagonal
    diff dist dsplit expand expand_as flatten flip fliplr flipud gather hardshrink histc hsplit
    index_add index_copy index_fill index_put index_select inner isclose isin kthvalue lerp
    log_softmax logcumsumexp logsumexp masked_fill masked_scatter masked_select matmul max mean
    median min mm mode moveaxis movedim multinomial mv mvlgamma nan_to_num nanmean nanmedian
    nansum narrow new_empty new_full new_ones new_tensor new_zeros nonzero norm numpy_T permute
    prod put quantile ravel renorm repeat repeat_interleave reshape reshape_as roll rot90
    scatter scatter_add scatter_reduce select slice_scatter softmax sort split split_with_sizes
    squeeze std sum swapaxes swapdims t take take_along_dim tensor_split tile to topk trace
    transpose tril triu type type_as unbind unflatten unfold unique unique_consecutive unsqueeze
    var view view_as vsplit where argwhere erfinv float_power is_nonzero kron msort
    new_empty_strided
    """
)
NOT_INPLACE = words(
    """
    conj dot equal fmax fmin isfinite isinf isnan isneginf isposinf isreal logaddexp maximum
    minimum outer positive signbit
    """
)
INPLACE = tuple(f"{name}_" for name in (*UNARY, *BINARY) if name not in NOT_INPLACE) + words(
    """
    addbmm_ addcdiv_ addcmul_ addmm_ addmv_ baddbmm_ bernoulli_ clamp_ clamp_max_ clamp_min_
    clip_ cauchy_ cumprod_ cumsum_ detach_ exponential_ fill_ fill_diagonal_ geometric_
    index_add_ index_copy_ index_fill_ index_put_ lerp_ log_normal_ masked_fill_ masked_scatter_
    nan_to_num_ normal_ put_ random_ requires_grad_ resize_ scatter_ scatter_add_
    scatter_reduce_ set_ squeeze_ swapaxes_ swapdims_ t_ transpose_ tril_ triu_ uniform_
    unsqueeze_ zero_ as_strided_
    """
)
LATER = words(
    """
    backward register_hook register_post_accumulate_grad_hook retain_grad record_stream pin_memory
    is_pinned share_memory_ is_shared apply_ map_ map2_
    """
)
MISSING = words(
    """
    addr addr_ adjoint angle as_strided_scatter as_subclass ccol_indices cdouble cfloat chalf
    cholesky cholesky_inverse cholesky_solve coalesce col_indices conj_physical conj_physical_
    const_data_ptr corrcoef cov crow_indices dense_dim dequantize det diagflat diagonal_scatter
    dim_order eig erfinv_ float_power_ frexp gcd gcd_ geqrf ger hash_tensor histogram igamma
    igamma_ igammac igammac_ index_reduce index_reduce_ indices int_repr inverse ipu
    is_coalesced is_conj is_distributed is_inference is_neg is_same_size is_set_to istft lcm
    lcm_ logaddexp2 logdet lstsq lu lu_solve matrix_exp matrix_power module_load mtia mvlgamma_
    nanquantile narrow_copy new nonzero_static orgqr ormqr pinverse polygamma polygamma_ prelu
    q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qr
    qscheme reinforce renorm_ resize resize_as resize_as_ resize_as_sparse_ resolve_conj
    resolve_neg row_indices select_scatter slice_inverse slogdet smm solve sparse_dim
    sparse_mask sparse_resize_ sparse_resize_and_clear_ sspaddmm stft sum_to_size svd symeig
    to_dense to_mkldnn to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr to_sparse_coo
    to_sparse_csc to_sparse_csr triangular_solve unsafe_chunk unsafe_split
    unsafe_split_with_sizes values vdot xpu
    """
)
"""Methods that torch has: a NotImplementedError when they are called."""
METHODS = tuple(sorted({*UNARY, *BINARY, *OTHERS, *INPLACE, *LATER, *MISSING}))

OPERATORS = {
    "add": "add",
    "sub": "sub",
    "mul": "mul",
    "truediv": "div",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "matmul": "matmul",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
}
COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
PROPERTIES = {
    "T": "numpy_T",
    "mT": "matrix_T",
    "H": "matrix_H",
    "mH": "matrix_H",
    "real": "real",
    "imag": "imag",
}


def _method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(name, self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"Do ``torch``'s operation ``{name}``."
    return method


def _operator(name: str, reflected: bool = False) -> Callable[..., Any]:
    def operator(self: Any, other: Any) -> Any:
        if not isinstance(other, _OPERANDS) and not hasattr(other, "_dtype"):
            return NotImplemented
        return call(name, other, self) if reflected else call(name, self, other)

    operator.__doc__ = f"Do ``torch``'s operation ``{name}``."
    return operator


def _reflected_division(self: Any, other: Any) -> Any:
    """Divide a number by the elements."""
    return call("rdiv", self, other)


def _comparison(name: str) -> Callable[..., Any]:
    def comparison(self: Any, other: Any) -> Any:
        if not isinstance(other, _OPERANDS) and not hasattr(other, "_dtype"):
            return NotImplemented
        return call(name, self, other)

    comparison.__doc__ = f"Do ``torch``'s operation ``{name}``."
    return comparison


_OPERANDS = (bool, int, float, complex, np.generic, np.ndarray)


def install(cls: Any) -> None:
    """Give a class of tensors the methods, properties and operators."""
    for name in METHODS:
        if name not in cls.__dict__:
            setattr(cls, name, _method(name))
    for sign, name in OPERATORS.items():
        setattr(cls, f"__{sign}__", _operator(name))
        setattr(cls, f"__r{sign}__", _operator(name, reflected=True))
        setattr(cls, f"__i{sign}__", _operator(f"{name}_"))
    cls.__rtruediv__ = _reflected_division
    for name in COMPARISONS:
        setattr(cls, f"__{name}__", _comparison(name))
    for sign, name in {
        "neg": "neg",
        "invert": "invert",
        "abs": "abs",
        "pos": "positive",
    }.items():
        setattr(cls, f"__{sign}__", _method(name))
    cls.__getitem__ = _method("getitem")
    for name, operation in PROPERTIES.items():
        setattr(cls, name, property(_method(operation)))
    # Comparisons give tensors; a tensor is a key by its identity all the same.
    cls.__hash__ = lambda self: id(self)
