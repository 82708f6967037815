"""`healthcheck`: one HTTP request to a running exporter, for images that hold no other client."""

from __future__ import annotations

import http.client
import sys


def run(listen: str) -> int:
    """Return 0 when the exporter at `listen` answers that it is alive, else 1."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - what it listens on, asked for on this host
        host = "127.0.0.1"
    if not port.isdigit():
        print(f"healthcheck: {listen!r} is not host:port", file=sys.stderr)
        return 2
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        connection.request("GET", "/-/healthy")
        status = connection.getresponse().status
    except OSError as error:
        print(f"healthcheck: no answer from {host}:{port}: {error}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if status != 200:
        print(f"healthcheck: {host}:{port} answered {status}", file=sys.stderr)
        return 1
    return 0
