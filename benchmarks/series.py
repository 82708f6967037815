"""How many series one endpoint has: a healthy one, and one that has failed in eight ways.

    python -m benchmarks.series

The healthy one is counted in the `/metrics` of a running exporter after a probe of a real server: STARTTLS, a login,
default settings.  The other is probed in this process, by a server that errs in another way each time.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from benchmarks import command
from benchmarks.figures import Figure
from benchmarks.stand import PASSWORD, SERVER_NAME, Ours, Papers, Submission, configuration, issue, papers
from benchmarks.traffic import Connection
from exporter.board import Board
from exporter.demo.certificates import server_context
from exporter.demo.server import SubmissionServer
from exporter.demo.service import GREETING, Service
from exporter.diagnosis import load_rules
from exporter.metrics import Exposition, full_registry
from exporter.model import Auth, Endpoint, Phase, Secret, TlsConfig, TlsMode
from exporter.observe import Observer
from exporter.probe.prober import Prober
from exporter.probe.resolver import Resolver
from tests.metrics.synthetic import START, StillRuntime

HEALTHY_LIMIT, WORST_LIMIT = 70, 95
_NAME = re.compile(r"^(smtp_probe_\w+?)(?:_bucket|_count|_sum)?\{(?=.*smtp_endpoint=)", re.MULTILINE)

FAULTS = (
    (GREETING, "554 5.7.1 Service unavailable; client host blocked using a list"),
    (GREETING, "HTTP/1.1 400 Bad Request"),
    ("EHLO", "501 5.5.4 Invalid domain name in EHLO command"),
    ("EHLO", "250 mail.bench.example"),
    ("STARTTLS", "454 4.7.0 TLS not available due to a local problem"),
    ("AUTH", "535 5.7.8 Error: authentication failed"),
    ("AUTH", "454 4.7.0 Temporary authentication failure"),
    ("AUTH", "534 5.7.9 Application-specific password required"),
)
"""Replies that come in place of the right ones: as many kinds of failure as an endpoint shows at once."""


async def measure(directory: Path, brief: bool) -> tuple[Figure, ...]:  # noqa: ARG001 - it is brief
    """Count both."""
    documents = papers(directory)
    healthy = await healthy_series(directory, documents)
    return (
        Figure(what="series, healthy", unit="", ours=(float(sum(healthy.values())),), at_most=HEALTHY_LIMIT),
        Figure(
            what="series after 8 kinds of failure",
            unit="",
            ours=(float(sum((await _worst_series(documents)).values())),),
            at_most=WORST_LIMIT,
        ),
    )


async def healthy_series(directory: Path, documents: Papers) -> Counter[str]:
    """Return how many series each family of one healthy endpoint has, in the order of `/metrics`."""
    with Submission(directory, documents.identity) as server:
        settings = configuration(server.port, documents, endpoints=1, interval=60)
        with Ours(directory, settings) as exporter:
            connection = Connection(exporter.url)
            try:
                while "\nsmtp_probe_success{" not in (
                    text := (await connection.get("/metrics")).body.decode()
                ):
                    pass
            finally:
                await connection.close()
    return families(text)


def families(text: str) -> Counter[str]:
    """Return how many series of endpoints each family has in an exposition; a histogram is one family."""
    return Counter(_NAME.findall(text))


async def _worst_series(documents: Papers) -> Counter[str]:
    identity = issue()
    documents.ca.write_bytes(identity.root.certificate_pem)
    replies: dict[str, str] = {}
    service = Service(
        context=server_context(identity.server),
        credentials={"probe": PASSWORD},
        replies=replies,
        mechanisms=("PLAIN", "LOGIN"),
    )
    server, resolver = SubmissionServer(service), Resolver()
    await server.start()
    endpoint = Endpoint(
        name="e0",
        host="127.0.0.1",
        port=server.port,
        tls=TlsMode.STARTTLS,
        until=Phase.AUTH,
        interval=60,
        timeout=10,
        tls_config=TlsConfig(ca_file=str(documents.ca), server_name=SERVER_NAME),
        auth=Auth(username="probe", password=Secret(PASSWORD)),
    )
    board = Board()
    board.apply([endpoint])
    rules = load_rules(())
    try:
        for fault in (None, *FAULTS, None):
            replies.clear()
            replies.update([fault] if fault is not None else [])
            # A new observer each time: one that remembers a rejected login would not log in again.
            board.record(await Observer(Prober(resolver), rules).observe(endpoint))
    finally:
        resolver.close()
        await server.stop()
    runtime = StillRuntime()
    runtime.next_runs["e0"] = START + 60
    runtime.tokens["e0"] = START + 60
    found = families(Exposition.TEXT.whole(full_registry(board, runtime)).decode())
    if found["smtp_probe_failure"] < len(FAULTS):
        raise RuntimeError(f"only {found['smtp_probe_failure']} of {len(FAULTS)} faults were told apart")
    return found


if __name__ == "__main__":
    command.run("series", __doc__, measure)
