"""Which of several exporters with one configuration probes an endpoint: rendezvous hashing.

Every exporter works this out alone, from names and numbers, so there is nothing to agree on.  Each
shard draws a lot for each endpoint and the highest lot has it; a further shard can only win
endpoints, never move them between the others, so going from N to N + 1 moves 1/(N + 1) of them.
(Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998.)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from exporter.model import Endpoint
from exporter.settings import Settings

MOST_SHARDS = 1000
"""More would only cost time: each shard draws a lot for each endpoint."""

_ORDINAL = re.compile(r"(?:[^-].*-)?([0-9]{1,9})", re.DOTALL)


def shard_of(name: str, count: int) -> int:
    """The shard, from 0, of `count` that probes the endpoint called `name`."""
    encoded = name.encode("utf-8", "surrogatepass")
    return max(range(count), key=lambda shard: _lot(encoded, shard))


def mine(endpoints: Iterable[Endpoint], index: int, count: int) -> tuple[Endpoint, ...]:
    """The endpoints that shard `index` of `count` probes, in their order."""
    return tuple(endpoint for endpoint in endpoints if shard_of(endpoint.name, count) == index)


def _lot(name: bytes, shard: int) -> bytes:
    # hash() differs from process to process; this is the same everywhere, and must stay so: a change
    # moves endpoints between exporters of two versions.
    return hashlib.blake2b(name, digest_size=8, salt=shard.to_bytes(16, "big")).digest()


@dataclass(frozen=True, slots=True)
class Shard:
    """One exporter's share of the endpoints; the default is all of them."""

    index: int = 0
    """From 0."""
    count: int = 1

    @classmethod
    def parse(cls, index: str | None, count: str | None) -> Shard:
        """Read `--shard.index` and `--shard.count`.  ValueError says which is wrong and what to do.

        The index may also be a name that ends in it, as that of a StatefulSet's pod does: `exporter-2`.
        """
        if index is None and count is None:
            return cls()
        if index is None or count is None:
            here, missing = (
                ("--shard.count", "--shard.index") if index is None else ("--shard.index", "--shard.count")
            )
            raise ValueError(f"{here} is given without {missing}; give both or neither")
        if not re.fullmatch(r"[0-9]{1,9}", count) or not 1 <= int(count) <= MOST_SHARDS:
            raise ValueError(
                f"--shard.count {count!r} is not a whole number from 1 to {MOST_SHARDS}; "
                "write how many exporters share the endpoints"
            )
        ordinal = _ORDINAL.fullmatch(index)
        if ordinal is None:
            raise ValueError(
                f"--shard.index {index!r} is neither a whole number nor a name that ends in -NUMBER; "
                f"write 0 for the first exporter and {int(count) - 1} for the last of {int(count)}"
            )
        if int(ordinal[1]) >= int(count):
            raise ValueError(
                f"--shard.index {index!r} lies beyond the last of {int(count)} shards, which has number "
                f"{int(count) - 1}; count from 0, or raise --shard.count in every exporter"
            )
        return cls(int(ordinal[1]), int(count))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def share(self, settings: Settings) -> Settings:
        """The settings with this share of their endpoints only."""
        if self.count == 1:
            return settings
        return replace(settings, endpoints=mine(settings.endpoints, self.index, self.count))
