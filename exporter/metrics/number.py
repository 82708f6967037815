"""Values as Go writes them, which is how both formats write them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import cast

from prometheus_client.utils import floatToGoString

# Half of all values are flags and small counts.  Zero is not in it: it equals -0.0, which is written otherwise.
_OFTEN = {float(value): repr(float(value)) for value in range(1, 1000)}


def numbers(values: Iterable[float]) -> list[str]:
    """Return each of `values` as text."""
    often = _OFTEN.get
    # Python's own spelling is the same between these bounds; NaN is not between them.
    return [often(value) or (repr(float(value)) if -1e6 < value < 1e6 else _large(value)) for value in values]


def number(value: float) -> str:
    """Return `value` as text."""
    return numbers((value,))[0]


@lru_cache(maxsize=4096)  # when certificates begin and end
def _large(value: float) -> str:
    return cast("str", floatToGoString(value))  # type: ignore[no-untyped-call]
