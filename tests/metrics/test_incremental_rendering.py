"""The incremental renderer writes what prometheus_client writes, and only what changed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.utils import floatToGoString

from exporter.board import Board
from exporter.metrics import BackingOff, Exposition, Renderer, full_registry, line
from exporter.metrics import render as render_module
from exporter.metrics.number import number
from exporter.model import Endpoint, ErrorClass, FaultDomain, Phase, TlsMode
from tests.metrics.reading import board_of, parsed, rendered
from tests.metrics.synthetic import START, StillRuntime, endpoint, facts, failing, healthy


def without_process(text: bytes) -> list[bytes]:
    """The lines that two scrapes of an idle exporter have in common."""
    return [line for line in text.splitlines() if not line.startswith(b"process_")]


def fleet(size: int = 40) -> tuple[Board, StillRuntime]:
    """A board with endpoints of every kind and state."""
    board, runtime = Board(phase_latency=True), StillRuntime()
    kinds = (
        endpoint("starttls", labels=(("site", "fra1"), ("zone", "z"), ("a_first", "1"))),
        endpoint("implicit", port=465, tls=TlsMode.IMPLICIT),
        endpoint("plain", tls=TlsMode.NONE, until=Phase.EHLO, auth=None),
        endpoint("never probed"),
    )
    more = tuple(endpoint(f"more {n}", labels=(("site", f"s{n % 3}"),)) for n in range(size))
    board.apply((*kinds, *more))
    for probed in (*kinds[:3], *more):
        board.record(healthy(probed))
    board.record(failing(Phase.GREETING, ErrorClass.GREETING_TIMEOUT, probed=kinds[1], number=1))
    board.record(
        failing(Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, FaultDomain.CREDENTIALS, probed=kinds[0])
    )
    board.schedule_lag.observe(0.003)
    board.loop_lag.observe(0.0001)
    board.count_skipped("overlap")
    runtime.next_runs["starttls"] = START + 60
    runtime.held["starttls"] = BackingOff(auth=True, endpoint=False)
    runtime.tokens["implicit"] = START + 1234.5
    return board, runtime


@pytest.mark.parametrize("exposition", Exposition)
def test_bytes_are_those_of_prometheus_client(exposition: Exposition) -> None:
    """In both formats every line equals what generate_latest writes of the same board."""
    board, runtime = fleet()
    ours = rendered(Renderer(board, runtime), exposition)
    assert without_process(ours) == without_process(exposition.whole(full_registry(board, runtime)))


def test_samples_are_those_of_prometheus_client() -> None:
    """Read back by prometheus_client's own parser, both texts hold the same samples."""
    board, runtime = fleet()
    ours, theirs = rendered(Renderer(board, runtime)), Exposition.TEXT.whole(full_registry(board, runtime))
    left, right = parsed(ours), parsed(theirs)
    moving = {key for key in left if key[0].startswith("process_")}
    assert left.keys() == right.keys()
    assert {key: repr(value) for key, value in left.items() if key not in moving} == {
        key: repr(value) for key, value in right.items() if key not in moving
    }


def test_openmetrics_is_valid() -> None:
    """The strict OpenMetrics parser accepts the text, its end included."""
    board, runtime = fleet()
    text = rendered(Renderer(board, runtime), Exposition.OPENMETRICS).decode()
    assert text.endswith("# EOF\n")
    assert {family.name for family in read_openmetrics(text)} >= {"smtp_probe_success", "smtp_probe_attempts"}


def test_no_created_series() -> None:
    """Neither format has `_created` series, which would double the counters."""
    board, runtime = fleet()
    for exposition in Exposition:
        assert b"_created" not in rendered(Renderer(board, runtime), exposition)


odd_text = st.text(max_size=20) | st.sampled_from(['"', "\\", "\n", "\\n", "{0}", "%s", "%", "{", "}", "a\\"])


@given(name=odd_text, value=odd_text, subject=odd_text, module=odd_text)
def test_any_label_value_is_escaped_as_prometheus_client_does(
    name: str, value: str, subject: str, module: str
) -> None:
    """Quotes, backslashes, newlines and format characters in names and labels change nothing."""
    probed = endpoint(name or "x", labels=(("site", value),), module=module)
    board = board_of(healthy(probed, tls=facts(subject=subject)))
    ours = rendered(Renderer(board, StillRuntime()))
    assert without_process(ours) == without_process(
        Exposition.TEXT.whole(full_registry(board, StillRuntime()))
    )


@given(st.floats() | st.integers(-(10**20), 10**20))
def test_number_is_written_as_prometheus_client_does(value: float) -> None:
    """Every float and integer is spelt as Go spells it."""
    assert number(value) == floatToGoString(value)


def test_lone_surrogate_takes_nobody_down() -> None:
    """A label that has no bytes is shown with a question mark; the others are as ever."""
    board = Board()
    board.apply([endpoint("\ud800"), endpoint("good")])
    text = rendered(Renderer(board, StillRuntime()))
    assert b'smtp_endpoint="?"' in text
    assert b'smtp_endpoint="good"' in text


def test_removed_endpoint_is_gone_at_the_next_scrape() -> None:
    """A reload that drops an endpoint drops its series and what is kept of its text."""
    board, runtime = fleet()
    renderer = Renderer(board, runtime)
    assert b'smtp_endpoint="plain"' in rendered(renderer)
    board.apply([entry.endpoint for name, entry in board.entries.items() if name != "plain"])
    assert b'smtp_endpoint="plain"' not in rendered(renderer)
    assert "plain" not in renderer._texts


def test_only_what_changed_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second scrape renders the endpoints that were probed or planned anew, and no other."""
    board, runtime = fleet()
    renderer = Renderer(board, runtime)
    written: list[str] = []
    real = line.endpoint_text

    def counting(probed: Endpoint, samples: object) -> tuple[bytes, ...]:
        written.append(probed.name)
        return real(probed, samples)  # type: ignore[arg-type]

    monkeypatch.setattr(render_module, "endpoint_text", counting)
    rendered(renderer)
    assert len(written) == len(board.entries)
    written.clear()
    board.record(healthy(board.entries["more 1"].endpoint, number=2))
    runtime.next_runs["more 2"] = START + 99
    runtime.held["more 3"] = BackingOff(auth=False, endpoint=True)
    runtime.tokens["more 4"] = START
    rendered(renderer)
    assert written == ["more 1", "more 2", "more 3", "more 4"]
    written.clear()
    rendered(renderer, Exposition.OPENMETRICS)
    assert written == []


def test_changed_endpoint_is_not_served_from_memory() -> None:
    """An endpoint of the same name that is probed otherwise shows its new self."""
    board, runtime = board_of(healthy()), StillRuntime()
    renderer = Renderer(board, runtime)
    assert b'until="auth"' in rendered(renderer)
    board.apply([endpoint(until=Phase.EHLO, auth=None)])
    assert b'until="auth"' not in rendered(renderer)


def test_two_scrapes_at_once_agree() -> None:
    """Scrapes that overlap share the work and say the same."""
    board, runtime = fleet(200)
    renderer = Renderer(board, runtime)

    async def both() -> tuple[bytes, bytes]:
        async def scrape() -> bytes:
            return b"".join([piece async for piece in renderer.chunks(Exposition.TEXT)])

        return await asyncio.gather(scrape(), scrape())

    one, other = asyncio.run(both())
    assert without_process(one) == without_process(other)


def test_scrape_is_of_one_moment_for_each_endpoint() -> None:
    """What is recorded while a scrape is being sent does not tear an endpoint's series apart."""
    board, runtime = fleet(60)
    renderer = Renderer(board, runtime)

    async def scrape() -> bytes:
        text = b""
        async for piece in renderer.chunks(Exposition.TEXT):
            text += piece
            for entry in board.entries.values():
                board.record(healthy(entry.endpoint, number=entry.attempts + 1))
        return text

    samples = parsed(asyncio.run(scrape()))
    for (name, labels), attempts in samples.items():
        if name == "smtp_probe_attempts_total":
            buckets = dict(labels) | {"le": "+Inf"}
            connected = samples["smtp_probe_connect_latency_seconds_bucket", tuple(sorted(buckets.items()))]
            assert attempts == connected


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generation of every collection that is begun, none of them by the interpreter itself."""
    found: list[int] = []

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            found.append(about["generation"])

    before = gc.get_threshold()
    gc.set_threshold(0)
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)
    gc.set_threshold(*before)


def test_what_is_written_anew_is_looked_at_in_doses(collections: list[int]) -> None:
    """Thousands of texts at once would hold up the loop in the next collection; unchanged ones cost none."""
    board, runtime = fleet(600)
    renderer = Renderer(board, runtime)
    rendered(renderer)
    assert collections == [0, 0]
    rendered(renderer)
    assert collections == [0, 0]


def test_pieces_are_small_and_others_run_between_them() -> None:
    """A large scrape is never one piece, and leaves the loop free in between."""
    board, runtime = fleet(600)
    renderer = Renderer(board, runtime)

    async def scrape() -> tuple[list[int], int]:
        turns = 0
        done = False

        async def somebody_else() -> None:
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(somebody_else())
        sizes = [len(piece) async for piece in renderer.chunks(Exposition.TEXT)]
        done = True
        await other
        return sizes, turns

    sizes, turns = asyncio.run(scrape())
    assert sum(sizes) > 2_000_000
    assert max(sizes) < 200_000
    assert turns > 20
