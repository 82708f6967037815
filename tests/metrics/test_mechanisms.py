"""A mechanism that was once offered and is gone shows as 0."""

from __future__ import annotations

from dataclasses import replace

from exporter.board import MECHANISMS, Board
from exporter.model import HEALTHY, Capabilities, Endpoint, Observation, Phase, ProbeResult, TlsMode
from tests.metrics.reading import samples_of

ENDPOINT = Endpoint(
    name="e", host="h", port=587, tls=TlsMode.STARTTLS, until=Phase.EHLO, interval=60.0, timeout=10.0
)


def offering(*mechanisms: str) -> Observation:
    """A healthy session that offers these mechanisms under TLS."""
    offer = Capabilities(keywords=("AUTH",), mechanisms=mechanisms)
    result = ProbeResult(endpoint=ENDPOINT, started=0.0, seconds=0.1, steps=(), after_tls=offer)
    return Observation(result=result, diagnosis=HEALTHY)


def shown(board: Board) -> dict[str, float]:
    """The mechanism series of the endpoint."""
    samples = samples_of(board).items()
    return {labels[0]: value for (name, labels), value in samples if name == "smtp_probe_auth_mechanism"}


def test_a_mechanism_once_seen_stays_at_zero() -> None:
    """What vanished from EHLO is 0; without an EHLO nothing is said at all."""
    board = Board()
    board.apply([ENDPOINT])
    board.record(offering("PLAIN", "LOGIN"))
    board.record(offering("LOGIN", "X-OUR-OWN"))
    assert shown(board) == {"LOGIN": 1, "PLAIN": 0}
    silent = replace(offering().result, after_tls=None)
    board.record(Observation(result=silent, diagnosis=HEALTHY))
    assert shown(board) == {}


def test_a_server_that_invents_mechanisms_fills_no_memory() -> None:
    """The memory of mechanisms is bounded."""
    board = Board()
    board.apply([ENDPOINT])
    for number in range(100):
        board.record(offering(*(f"X-{number}-{n}" for n in range(100))))
    assert len(board.entries["e"].mechanisms) <= 2 * MECHANISMS
