"""Which endpoints are on one host, as far as that can be seen."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from exporter.model import Endpoint


def host_of(endpoint: Endpoint) -> str:
    """Return the configured name in its one spelling: names are equal in any case (RFC 4343), dot or no dot."""
    return endpoint.host.lower().removesuffix(".")


def count_machines(places: Iterable[tuple[str, AbstractSet[str]]]) -> int:
    """Count the hosts among names with their addresses: one name is one, and so are names with an address in common."""
    groups: list[set[str]] = []
    for name, addresses in places:
        # A name never equals an address, unless it is that address.
        group = {name, *addresses}
        apart = []
        for other in groups:
            if other.isdisjoint(group):
                apart.append(other)
            else:
                group |= other
        groups = [*apart, group]
    return len(groups)
