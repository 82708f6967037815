"""How many examples a property is tried with."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int, *, cost: int = 1) -> settings:
    """`count` examples in an ordinary run; what the profile says by `make fuzz`, a `cost`-th of it if one is dear."""
    is_long = settings.get_current_profile_name() == "fuzz"
    return settings(max_examples=max(1, settings().max_examples // cost) if is_long else count)
