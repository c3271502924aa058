"""``einsum``: sums of products over named dimensions, as products of matrices."""

from __future__ import annotations

import math
from typing import Any

from kernbench.runtime.dispatch import call

__all__ = ["contract"]


def contract(equation: str, operands: list[Any]) -> Any:
    """Do what an equation such as ``"bij,bjk->bik"`` says, two operands at a time."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise RuntimeError(
            f"einsum(): {'more' if len(operands) > len(terms) else 'fewer'} operands were provided "
            "than specified in the equation"
        )
    terms, output = _named(terms, operands, output, bool(arrow))
    parts = [_diagonal(term, each) for term, each in zip(terms, operands, strict=True)]
    names, found = parts[0]
    for place, (term, each) in enumerate(parts[1:], 1):
        later = set(output).union(*(name for name, _ in parts[place + 1 :]))
        names, found = _pair(names, found, term, each, later)
    gone = [d for d, name in enumerate(names) if name not in output]
    if gone:
        found = call("sum", found, gone, dtype=found._dtype)
        names = "".join(name for name in names if name in output)
    return call("permute", found, tuple(names.index(name) for name in output))


def _named(
    terms: list[str], operands: list[Any], output: str, given: bool
) -> tuple[list[str], str]:
    """Give the dimensions of ``...`` capital names, and find an output that was left out."""
    widest = max(
        each.ndim - len(term.replace("...", "")) for term, each in zip(terms, operands, strict=True)
    )
    spare = [chr(0x100 + i) for i in range(widest)]
    named: list[str] = []
    for term, each in zip(terms, operands, strict=True):
        count = each.ndim - len(term.replace("...", ""))
        if count and "..." not in term:
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({len(term)}) does not match "
                f"the number of dimensions ({each.ndim}) for operand {len(named)} and no ellipsis "
                "was given"
            )
        named.append(term.replace("...", "".join(spare[widest - count :])))
    if not given:
        everything = "".join(named)
        letters = sorted({n for n in everything if everything.count(n) == 1 and n < "\x80"})
        return named, "".join(spare) + "".join(letters)
    return named, output.replace("...", "".join(spare))


def _diagonal(term: str, tensor: Any) -> tuple[str, Any]:
    """Take the diagonal of a dimension that is named twice."""
    for name in dict.fromkeys(term):
        while term.count(name) > 1:
            first = term.index(name)
            second = term.index(name, first + 1)
            tensor = call("diagonal", tensor, 0, first, second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + name
    return term, tensor


def _pair(left: str, a: Any, right: str, b: Any, later: set[str]) -> tuple[str, Any]:
    """Multiply two operands, and sum over what neither the output nor a later one names."""
    shared = [n for n in left if n in right]
    batch = [n for n in shared if n in later]
    folded = [n for n in shared if n not in later]
    for side, other in ((left, right), (right, left)):
        lone = [n for n in side if n not in other and n not in later]
        if lone:  # summed alone, before
            dims = [side.index(n) for n in lone]
            kept = "".join(n for n in side if n not in lone)
            if side == left:
                a, left = call("sum", a, dims, dtype=a._dtype), kept
            else:
                b, right = call("sum", b, dims, dtype=b._dtype), kept
    rows = [n for n in left if n not in shared]
    cols = [n for n in right if n not in shared]
    sizes = dict(zip(left, a._shape, strict=True))
    for name, size in zip(right, b._shape, strict=True):
        sizes[name] = size if sizes.get(name, 1) == 1 else sizes[name]
    x = call("permute", a, tuple(left.index(n) for n in (*batch, *rows, *folded)))
    y = call("permute", b, tuple(right.index(n) for n in (*batch, *folded, *cols)))

    def count(names: list[str]) -> int:
        return math.prod(sizes[n] for n in names)

    x = call("expand", x, tuple(sizes[n] for n in (*batch, *rows, *folded)))
    y = call("expand", y, tuple(sizes[n] for n in (*batch, *folded, *cols)))
    x = call("reshape", x, (count(batch), count(rows), count(folded)))
    y = call("reshape", y, (count(batch), count(folded), count(cols)))
    found = call("bmm", x, y)
    names = [*batch, *rows, *cols]
    return "".join(names), call("reshape", found, tuple(sizes[n] for n in names))
