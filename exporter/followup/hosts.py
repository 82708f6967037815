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
    # A forest: every name and address leads to the one that stands for its host.  No name is an address,
    # unless it is that very address.
    above: dict[str, str] = {}

    def root(word: str) -> str:
        while (parent := above.setdefault(word, word)) != word:
            above[word] = above[parent]
            word = parent
        return word

    for name, addresses in places:
        for address in addresses:
            above[root(address)] = root(name)
        root(name)
    return sum(word == parent for word, parent in above.items())
