"""Which endpoints are on one host, as far as that can be seen."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from exporter.model import Endpoint


def host_of(endpoint: Endpoint) -> str:
    """Return the configured name in its one spelling: names are equal in any case (RFC 4343), dot or no dot."""
    return endpoint.host.lower().removesuffix(".")


class Machines:
    """The hosts behind names with addresses: one name is one, and so are names with an address in common."""

    def __init__(self) -> None:
        # A forest: every name and address leads to the one that stands for its host.  No name is an address,
        # unless it is that very address.
        self._above: dict[str, str] = {}
        self.count = 0

    def add(self, name: str, addresses: AbstractSet[str]) -> None:
        """Take in a name with its addresses."""
        host = self._root(name)
        for address in addresses:
            other = self._root(address)
            if other != host:
                self._above[other] = host
                self.count -= 1

    def _root(self, word: str) -> str:
        if word not in self._above:
            self._above[word] = word
            self.count += 1
        while (parent := self._above[word]) != word:
            self._above[word] = self._above[parent]
            word = parent
        return word
