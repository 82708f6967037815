"""Regular expressions that are compiled when they are first used: of a hundred, one text needs a handful."""

from __future__ import annotations

import re
from typing import Any, AnyStr, Generic, cast


def pattern(written: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` returns, without its cost for one that is never asked."""
    return cast("re.Pattern[AnyStr]", _Pattern(written, flags))


class _Pattern(Generic[AnyStr]):
    def __init__(self, written: AnyStr, flags: int) -> None:
        self._written: tuple[AnyStr, int] = written, flags

    def __getattr__(self, name: str) -> Any:
        """A method or a property of the compiled pattern; from then on it is found here at once."""
        found = getattr(re.compile(*self._written), name)
        setattr(self, name, found)
        return found
