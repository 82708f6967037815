"""What the kernel of this host says of its own interfaces and routes (Linux; elsewhere nothing is known)."""

from __future__ import annotations

from pathlib import Path

from exporter.model import ErrorClass, FollowUp

INTERFACES = Path("/sys/class/net")
ROUTES = Path("/proc/net")

_UP = 0x1  # IFF_UP of linux/if.h, and RTF_UP of linux/route.h
_LOOPBACK = 0x8  # IFF_LOOPBACK
_REJECT = 0x200  # RTF_REJECT of linux/route.h
_WORKING = frozenset({"up", "unknown"})  # RFC 2863 ifOperStatus; virtual interfaces do not know theirs


def without_interface(classes: Path = INTERFACES) -> FollowUp | None:
    """Return the finding that no interface beside loopback is up; None when one is, or nobody knows."""
    try:
        folders = [folder for folder in classes.iterdir() if folder.is_dir()]
        if not folders or any(map(_is_working, folders)):  # a host of containers has hundreds
            return None
    except (OSError, ValueError):
        return None
    return _offline("look at the network interfaces", "none but loopback is up")


def _is_working(folder: Path) -> bool:
    flags = int((folder / "flags").read_text(), 16)
    state = folder / "operstate"
    carrier = not state.exists() or state.read_text().strip() in _WORKING
    return bool(flags & _UP) and not flags & _LOOPBACK and carrier


def no_default_route(tables: Path = ROUTES) -> FollowUp | None:
    """Return the finding that neither IPv4 nor IPv6 has a default route; None when one has, or nobody knows."""
    try:
        if _default_route4(tables / "route") or _default_route6(tables / "ipv6_route"):
            return None
    except (OSError, ValueError, IndexError):
        return None
    return _offline("look at the routes", "none leads to the outside")


def _default_route4(table: Path) -> bool:
    """Read the main table: Iface Destination Gateway Flags RefCnt Use Metric Mask, in hexadecimal."""
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    # Some tunnels cover everything with two halves instead of one default route.
    return any(
        int(row[3], 16) & _UP and not int(row[3], 16) & _REJECT and int(row[7], 16).bit_count() <= 1
        for row in rows
    )


def _default_route6(table: Path) -> bool:
    """Read destination, its length, …, flags and interface; a kernel without IPv6 has no such file."""
    if not table.exists():
        return False
    rows = [line.split() for line in table.read_text().splitlines()]
    return any(
        int(row[1], 16) <= 1 and row[9] != "lo" and not int(row[8], 16) & _REJECT and int(row[8], 16) & _UP
        for row in rows
    )


def _offline(experiment: str, outcome: str) -> FollowUp:
    return FollowUp(
        experiment=experiment,
        target="this host",
        outcome=outcome,
        seconds=0.0,
        decides=ErrorClass.EXPORTER_OFFLINE,
    )
