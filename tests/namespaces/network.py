"""Two network namespaces with a cable between them: a client's host, and the world that it looks at.

Everything has addresses of RFC 5737 and RFC 3849 and is gone after the block, rules and routes included.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

Result = TypeVar("Result")

CLIENT = ("192.0.2.1/24", "2001:db8::1/64")
ROUTER = ("192.0.2.254", "2001:db8::fe")
UPLINK = "wan0"
DOWNLINK = "lan0"

READY_SECONDS = 15.0

_CLONE_NEWNET = 0x40000000  # sched.h
_NUMBERS = itertools.count()


def require_namespaces() -> None:
    """Fail the test, saying what to do, unless namespaces and firewall rules can be made here."""
    missing = [program for program in ("ip", "nft") if shutil.which(program) is None]
    if missing:
        pytest.fail(f"{' and '.join(missing)} not found: run `make packages` as root", pytrace=False)
    if os.geteuid() != 0:
        pytest.fail(
            "network namespaces are made by root: run `sudo make test`, "
            "or leave these tests out with `make unit ARGS='-m \"not servers\"'`",
            pytrace=False,
        )


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace."""

    name: str

    def ip(self, *arguments: str) -> None:
        """Run `ip` on it."""
        _run("ip", "-n", self.name, *arguments)

    def rules(self, *rules: str) -> None:
        """Let these rules, and no others, decide about what comes in."""
        chain = ["flush ruleset"]
        if rules:
            chain += ["table inet firewall {", " chain input {", "  type filter hook input priority 0"]
            chain += [*(f"  {rule}" for rule in rules), " }", "}"]
        _run("ip", "netns", "exec", self.name, "nft", "-f", "-", given="\n".join(chain))

    def command(self, *words: str) -> list[str]:
        """A command line that runs in it."""
        return ["ip", "netns", "exec", self.name, *words]

    def enter(self) -> None:
        """Move the thread that calls: the sockets that it makes from now on belong here."""
        libc = ctypes.CDLL(None, use_errno=True)
        with Path("/run/netns", self.name).open("rb") as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns into {self.name}")

    def call(self, function: Callable[[], Result]) -> Result:
        """Call `function` on a thread that lives here, and so do the threads that it starts."""
        results: list[Result] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self.enter()
                results.append(function())
            except BaseException as error:  # noqa: BLE001 - it is raised again below
                errors.append(error)

        thread = threading.Thread(target=run, name=f"in {self.name}")
        thread.start()
        thread.join()
        for error in errors:
            raise error
        return results[0]


@contextmanager
def namespace(role: str) -> Iterator[Namespace]:
    """A namespace of its own with nothing but loopback; gone after the block, come what may."""
    created = Namespace(f"sx-{os.getpid()}-{next(_NUMBERS)}-{role}")
    try:
        _run("ip", "netns", "add", created.name)
    except subprocess.CalledProcessError as error:
        pytest.fail(
            "this root may not make network namespaces (CAP_SYS_ADMIN and CAP_NET_ADMIN are needed; "
            f"for a container that is --privileged): {error.stderr.strip()}",
            pytrace=False,
        )
    try:
        created.ip("link", "set", "lo", "up")
        yield created
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):  # whatever the test did to it
            _run("ip", "netns", "del", created.name)


@contextmanager
def connected(*addresses: str) -> Iterator[tuple[Namespace, Namespace]]:
    """A client and the world, which has all of `addresses`; the client routes everything there."""
    with namespace("client") as client, namespace("world") as world:
        client.ip("link", "add", UPLINK, "type", "veth", "peer", "name", DOWNLINK, "netns", world.name)
        for address in CLIENT:
            client.ip("address", "add", address, "dev", UPLINK, *_at_once(address))
        for address in ROUTER:
            length = "64" if ":" in address else "24"
            world.ip("address", "add", f"{address}/{length}", "dev", DOWNLINK, *_at_once(address))
        client.ip("link", "set", UPLINK, "up")
        world.ip("link", "set", DOWNLINK, "up")
        for address in addresses:
            length = "128" if ":" in address else "32"
            world.ip("address", "add", f"{address}/{length}", "dev", "lo", *_at_once(address))
        client.ip("route", "add", "default", "via", ROUTER[0])
        client.ip("-6", "route", "add", "default", "via", ROUTER[1])
        for address in (*ROUTER, *addresses):
            client.call(partial(_wait_until_reached, address))
        yield client, world


def _wait_until_reached(address: str) -> None:
    """Wait for the kernel to have noticed that the cable is plugged in."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    deadline = time.monotonic() + READY_SECONDS
    while True:
        with socket.socket(family) as sock:
            sock.settimeout(0.1)
            try:
                sock.connect((address, 9))
            except ConnectionRefusedError:  # nobody listens there, and that is an answer
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"{address} is not reached through the cable: {error}") from error
                time.sleep(0.02)


def _at_once(address: str) -> tuple[str, ...]:
    """An IPv6 address is not to wait for the end of its duplicate detection (RFC 4862 5.4)."""
    return ("nodad",) if ":" in address else ()


def _run(*command: str, given: str = "") -> None:
    subprocess.run(command, input=given, check=True, capture_output=True, text=True, timeout=30)
