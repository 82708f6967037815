"""`healthcheck`: one HTTP request to a running exporter, for images that hold no other client."""

from __future__ import annotations

import http.client
import ssl
import sys
from pathlib import Path


def run(listen: str, web_config: Path | None = None) -> int:
    """Return 0 when the exporter at `listen` answers that it is alive, else 1.

    `web_config` is the exporter's own: it says whether it speaks TLS.  Without one TLS is tried where a request in the
    clear is hung up on.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if host in {"", "0.0.0.0", "::"}:  # noqa: S104 - what it listens on, asked for on this host
        host = "127.0.0.1"
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        print(f"healthcheck: {listen!r} is not host:port", file=sys.stderr)
        return 2
    try:
        tls = _tls(web_config)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"healthcheck: {web_config}: {reason}", file=sys.stderr)
        return 2
    try:
        try:
            status = _status(host, int(port), encrypted=tls is not None)
        except ConnectionResetError:  # http.client's RemoteDisconnected is one too
            if web_config is not None:
                raise
            status = _status(host, int(port), encrypted=True)
    except (OSError, http.client.HTTPException) as error:
        hung = isinstance(error, TimeoutError | ConnectionRefusedError)
        if tls is not None and str(tls.get("client_auth_type")).startswith("Require") and not hung:
            # It has turned us away for want of a certificate: somebody is there to do so.
            return 0
        told = error if isinstance(error, OSError) else "what answers does not speak HTTP"
        print(f"healthcheck: no answer from {host}:{port}: {told}", file=sys.stderr)
        return 1
    if status != 200:
        print(f"healthcheck: {host}:{port} answered {status}", file=sys.stderr)
        return 1
    return 0


def _tls(web_config: Path | None) -> dict[str, object] | None:
    """What a web configuration says about TLS; None when it asks for none."""
    if web_config is None:
        return None
    import yaml  # noqa: PLC0415 - a check in the clear does without

    try:
        content = yaml.safe_load(web_config.read_bytes()) or {}
        tls = content.get("tls_server_config")
    except (yaml.YAMLError, AttributeError):
        raise ValueError("this is not a web configuration") from None
    return tls if isinstance(tls, dict) else None


def _status(host: str, port: int, *, encrypted: bool) -> int:
    """The status of the answer; raises OSError or HTTPException where there is none."""
    connection = _connection(host, port, encrypted=encrypted)
    try:
        connection.request("GET", "/-/healthy")
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(host: str, port: int, *, encrypted: bool) -> http.client.HTTPConnection:
    if not encrypted:
        return http.client.HTTPConnection(host, port, timeout=5)
    # Nothing secret is sent, and the name on the certificate is not the one of this host.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=5, context=context)
