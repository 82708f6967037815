"""Rendezvous hashing: what any names and any number of shards have in common."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Endpoint, Phase, TlsMode
from exporter.settings import Settings
from exporter.sharding import MOST_SHARDS, Shard, mine, shard_of
from tests.cli.commands import COMMAND

NAMES = st.text(min_size=1, max_size=30)
COUNTS = st.integers(1, 12)

# Worked out once: they pin the placement for every later version, process and Python.
PLACED = {
    ("gmail", 2): 0,
    ("gmail", 3): 0,
    ("gmail", 10): 7,
    ("smtp.example.com:465", 3): 2,
    ("smtp.example.com:465", 10): 6,
    ("Prüfstelle", 5): 4,
}


def endpoint(name: str) -> Endpoint:
    """An endpoint of that name."""
    return Endpoint(
        name=name,
        host="192.0.2.1",
        port=587,
        tls=TlsMode.STARTTLS,
        until=Phase.EHLO,
        interval=60.0,
        timeout=10.0,
    )


@given(st.lists(NAMES, unique=True, max_size=40), COUNTS)
def test_every_endpoint_is_probed_once(names: list[str], count: int) -> None:
    """The shares are disjoint, complete and in the order of the configuration."""
    endpoints = tuple(endpoint(name) for name in names)
    shares = [mine(endpoints, index, count) for index in range(count)]
    assert sorted(one.name for share in shares for one in share) == sorted(names)
    for share in shares:
        assert [names.index(one.name) for one in share] == sorted(names.index(one.name) for one in share)


@given(NAMES, COUNTS)
def test_a_further_shard_takes_and_moves_nothing_else(name: str, count: int) -> None:
    """From N to N + 1 an endpoint stays where it was or goes to the new shard."""
    assert shard_of(name, count + 1) in {shard_of(name, count), count}


@pytest.mark.parametrize("count", [1, 2, 3, 7, 20])
def test_one_nth_moves(count: int) -> None:
    """Of 4000 endpoints the share that moves is 1/(N + 1), within four standard deviations."""
    names = [f"host-{number}.example.com:587" for number in range(4000)]
    moved = sum(shard_of(name, count) != shard_of(name, count + 1) for name in names)
    expected = 4000 / (count + 1)
    spread = (4000 * count) ** 0.5 / (count + 1)
    assert abs(moved - expected) < 4 * spread


@pytest.mark.parametrize("count", [2, 5, 16])
def test_the_shares_are_even(count: int) -> None:
    """No shard of 4000 endpoints is off its part by more than four standard deviations."""
    sizes = [0] * count
    for number in range(4000):
        sizes[shard_of(f"host-{number}", count)] += 1
    spread = (4000 * (1 / count) * (1 - 1 / count)) ** 0.5
    assert max(abs(size - 4000 / count) for size in sizes) < 4 * spread


@pytest.mark.parametrize(("name", "count"), PLACED)
def test_the_placement_never_changes(name: str, count: int) -> None:
    """These endpoints lie where they always lay."""
    assert shard_of(name, count) == PLACED[name, count]


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_the_placement_is_the_same_in_every_process(seed: str) -> None:
    """Python's own hash seed plays no part."""
    program = "from exporter.sharding import shard_of; print([shard_of(f'host-{n}', 7) for n in range(50)])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == str([shard_of(f"host-{number}", 7) for number in range(50)])


@pytest.mark.parametrize(
    ("index", "count", "shard"),
    [
        (None, None, Shard(0, 1)),
        ("0", "1", Shard(0, 1)),
        ("2", "3", Shard(2, 3)),
        ("exporter-submission-12", "20", Shard(12, 20)),
        ("7-1", "2", Shard(1, 2)),
    ],
)
def test_numbers_and_pod_names_are_read(index: str | None, count: str | None, shard: Shard) -> None:
    """The index is a number, or the number at the end of a StatefulSet pod's name."""
    assert Shard.parse(index, count) == shard


@pytest.mark.parametrize(
    ("index", "count", "words"),
    [
        ("0", None, "without --shard.count"),
        (None, "2", "without --shard.index"),
        ("0", "0", "from 1"),
        ("0", "-3", "from 1"),
        ("0", "two", "from 1"),
        ("0", str(MOST_SHARDS + 1), str(MOST_SHARDS)),
        ("0", "²", "from 1"),
        ("2", "2", "last of 2 shards"),
        ("pod-5", "3", "count from 0"),
        ("-1x", "3", "write 0 for the first exporter and 2 for the last"),
        ("-1", "3", "neither"),
        ("--1", "3", "neither"),
        ("exporter", "3", "neither"),
        ("", "3", "neither"),
        ("1\n", "3", "neither"),
    ],
)
def test_a_bad_share_is_refused_with_a_remedy(index: str | None, count: str | None, words: str) -> None:
    """Every message names the option and says what to write."""
    with pytest.raises(ValueError, match="--shard") as caught:
        Shard.parse(index, count)
    assert words in str(caught.value)


@pytest.mark.parametrize("more", [["--shard.index", "3", "--shard.count", "3"], ["--shard.count", "3"]])
def test_serve_refuses_a_bad_share(more: list[str]) -> None:
    """Exit code 2 and one sentence, before the configuration is looked at."""
    done = subprocess.run(
        [*COMMAND, "serve", "--config.file", "missing.yml", *more],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("submission-exporter serve: --shard.")
    assert len(done.stderr.splitlines()) == 1


def test_one_shard_of_one_keeps_the_settings() -> None:
    """Without sharding the very same settings go on."""
    settings = Settings(file=Path("x"), endpoints=(endpoint("one"), endpoint("two")))
    assert Shard().share(settings) is settings
    assert len(Shard(0, 2).share(settings).endpoints) + len(Shard(1, 2).share(settings).endpoints) == 2
