"""What an expression of a kernel can be while it is compiled (ADR-0040).

=========  ==============================================================
`Const`    known at compile time: numbers, dtypes, None, functions, modules
`Pack`     a tuple or list of values
`Value`    in a register of the kernel: a scalar, an index or pointer block, or a tile
=========  ==============================================================
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from kernbench.language.advice import nearest
from kernbench.language.dtypes import DTYPES, pointer_type, to_dtype
from kernbench.language.dtypes import dtype as scalar_dtype


class Refusal(Exception):
    """What the compiler does not accept; the walker adds file, line and column to it."""


class StaticAssertRefusal(Refusal):
    """A ``tl.static_assert`` that does not hold."""


class Kind(enum.IntEnum):
    """Who knows a value, and when; the numbers are those of kb_kind."""

    SCALAR = 0
    BLOCK = 1
    TILE = 2


@dataclass(frozen=True, slots=True)
class Type:
    """The type of a register."""

    kind: Kind
    dtype: scalar_dtype | pointer_type
    shape: tuple[int, ...] = ()

    def __str__(self) -> str:
        where = {Kind.SCALAR: "scalar", Kind.BLOCK: "block", Kind.TILE: "tile"}[self.kind]
        if self.kind is Kind.BLOCK and self.is_pointer:
            where = "pointer block"
        return f"{where} {self.dtype}{list(self.shape) if self.shape else ''}"

    @property
    def is_pointer(self) -> bool:
        """Whether the values are addresses."""
        return isinstance(self.dtype, pointer_type)

    @property
    def rank(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def element(self) -> scalar_dtype:
        """The dtype of a value that is no pointer."""
        if isinstance(self.dtype, pointer_type):
            raise Refusal(f"expected a number, got a pointer ({self.dtype})")
        return self.dtype


@dataclass(frozen=True, slots=True)
class Value:
    """A register and its type."""

    reg: int
    type: Type

    def __str__(self) -> str:
        return str(self.type)


@dataclass(frozen=True, slots=True)
class Const:
    """A Python object known at compile time.

    A number without `dtype` is bare, as in ``x * 2``: it takes the other operand's type where it
    can.  A number that was assigned to a name has the dtype that Triton gives it then.
    """

    value: object
    dtype: scalar_dtype | None = None

    def __str__(self) -> str:
        return f"constexpr {self.value!r}"


class TypesAsText(str):
    """A text in which types stand for values that only the running kernel knows."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PackKind:
    """What a pack is that is no tuple: a compile-time object, its first item.

    So control flow joins two packs only where these are equal, and joins the rest item by item.
    """


@dataclass(frozen=True, slots=True)
class Named(PackKind):
    """What a pack is whose items have names: of a class made by ``typing.NamedTuple``."""

    cls: type

    def __str__(self) -> str:
        return self.cls.__name__

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the items."""
        return tuple(self.cls._fields)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Pack:
    """A tuple or list of operands; or an object that is made of several, as its `kind` says."""

    items: tuple[Operand, ...]

    @property
    def kind(self) -> PackKind | None:
        """What it is when it is no tuple."""
        first = self.items[0] if self.items else None
        found = first.value if isinstance(first, Const) else None
        return found if isinstance(found, PackKind) else None

    @property
    def listed(self) -> tuple[Operand, ...]:
        """Its items, where a tuple is asked for."""
        if self.kind is None:
            return self.items
        if not isinstance(self.kind, Named):
            raise Refusal(f"expected a tuple, got a {self}")
        return self.items[1:]

    def __str__(self) -> str:
        return f"tuple of {len(self.items)}" if self.kind is None else str(self.kind)


Operand = Value | Const | Pack


NONE, TRUE, FALSE, EMPTY = Const(None), Const(True), Const(False), Const("")
"""Arguments that are left out often."""


def is_number(operand: Operand) -> bool:
    """Whether it is a compile-time bool, int or float."""
    return isinstance(operand, Const) and isinstance(operand.value, (bool, int, float))


def as_python(operand: Operand) -> object:
    """Return the Python object of a compile-time operand.

    Raises
    ------
    Refusal
        When some part of it is known only when the kernel runs.
    """
    if isinstance(operand, Const):
        return operand.value
    if isinstance(operand, Pack):
        items = tuple(as_python(item) for item in operand.listed)
        return operand.kind.cls(*items) if isinstance(operand.kind, Named) else items
    raise _unknown("a value", "", operand)


def _unknown(expected: str, what: str, operand: Operand) -> Refusal:
    """Return the error of a value that is known only when the kernel runs."""
    advice = ""
    if isinstance(operand, Value) and operand.type.kind is Kind.SCALAR:
        advice = "; if it is a parameter, annotate that: `n: tl.constexpr`"
    return Refusal(
        f"expected {expected} known at compile time (tl.constexpr){what}, got a {operand}{advice}"
    )


def as_int(operand: Operand, what: str) -> int:
    """Return the int of a compile-time operand."""
    if isinstance(operand, Value):
        raise _unknown("an integer", f" for {what}", operand)
    value = as_python(operand)
    if not isinstance(value, int):
        raise Refusal(f"expected an integer known at compile time for {what}, got {value!r}")
    return int(value)


def as_bool(operand: Operand, what: str) -> bool:
    """Return the bool of a compile-time operand."""
    value = as_python(operand)
    if not isinstance(value, (bool, int)):
        raise Refusal(f"expected True or False for {what}, got {value!r}")
    return bool(value)


def as_dtype(operand: Operand, what: str) -> scalar_dtype:
    """Return the dtype of a compile-time operand."""
    value = as_python(operand)
    if not isinstance(value, scalar_dtype):
        raise no_dtype(value, f" for {what}")
    return value


def no_dtype(value: object, what: str = "") -> Refusal:
    """Return the error of what should be a dtype."""
    name = value if isinstance(value, str) else getattr(value, "__name__", "")
    try:
        advice = f"; write tl.{to_dtype(name).kir_name}"
    except TypeError:
        advice = nearest(name, (each.kir_name for each in DTYPES), "tl.")
    return Refusal(f"expected a dtype such as tl.float32{what}, got {value!r}{advice}")


def as_shape(operand: Operand) -> tuple[int, ...]:
    """Return the shape that an int, or a tuple or list of ints, stands for."""
    value = as_python(operand)
    sizes = value if isinstance(value, tuple) else (value,)
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise Refusal(f"expected a shape of integers of at least 1, got {value!r}")
    return tuple(int(size) for size in sizes)
