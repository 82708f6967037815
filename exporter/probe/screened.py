"""Look-ups for a target that a stranger named: an address that may not be probed never comes back."""

from __future__ import annotations

from collections.abc import Callable

from exporter.model import IpProtocol
from exporter.probe.address import Address
from exporter.probe.resolver import Resolver

Permits = Callable[[Address], bool]


class AddressRefusedError(Exception):
    """The name has addresses, and none of them may be probed; no connection was made."""

    def __init__(self, addresses: tuple[Address, ...]) -> None:
        super().__init__("no address may be probed")
        self.addresses = addresses


class ScreenedResolver(Resolver):
    """Gives of another resolver's addresses those that `permits` lets through.

    The probe connects to these very addresses, so an answer that changes between check and use
    (DNS rebinding) changes nothing.  AddressRefusedError when none is left.
    """

    def __init__(self, resolver: Resolver, permits: Permits) -> None:
        super().__init__()
        self._resolver = resolver
        self._permits = permits

    async def resolve(
        self, host: str, port: int, protocol: IpProtocol = IpProtocol.ANY
    ) -> tuple[Address, ...]:
        """Return the permitted addresses of `host`, in the order of the other resolver."""
        found = await self._resolver.resolve(host, port, protocol)
        permitted = tuple(address for address in found if self._permits(address))
        if not permitted:
            raise AddressRefusedError(found)
        return permitted
