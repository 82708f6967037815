"""Reading the configuration again: when asked, when a file changes, and without anybody noticing."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exporter import watch as watch_module
from exporter.configuration import UnusableError, read, read_aside
from exporter.joined import Joined
from exporter.service import Service
from exporter.settings import load
from exporter.sharding import Shard
from exporter.watch import Watch
from tests.servers.certificates import Workshop
from tests.servers.ports import free_ports
from tests.servers.submission import submission_server
from tests.web.exporting import Exporter, exporting, run, write
from tests.web.test_access import replace

QUICK = 0.05


def endpoint(name: str, **more: Any) -> dict[str, Any]:
    """An endpoint at a port where nobody listens, probed once an hour."""
    return {"name": name, "target": "127.0.0.1:1", "tls": "none", "interval": "1h", "timeout": "1s"} | more


def names(exporter: Exporter) -> list[str]:
    """The endpoints in force."""
    return [one.name for one in exporter.service.settings.endpoints]


def test_post_reloads_and_tells_every_problem(tmp_path: Path) -> None:
    """200 after a good file; 500 with every problem after a bad one, which changes nothing and is shown."""

    async def scenario() -> None:
        async with exporting(tmp_path, {"endpoints": [endpoint("old")]}) as exporter:
            write(tmp_path / "my.yml", {"endpoints": [endpoint("old"), endpoint("new")]})
            assert (await exporter.ask("/-/reload", "POST")).status == 200
            assert names(exporter) == ["old", "new"]
            (tmp_path / "my.yml").write_text("endpoints:\n  - {target: nowhere}\n  - {targt: 'a:1'}\n")
            answer = await exporter.ask("/-/reload", "POST")
            assert answer.status == 500
            assert "my.yml:2: endpoints[0].target" in answer.text
            assert "my.yml:3: endpoints[1]" in answer.text
            assert names(exporter) == ["old", "new"]
            metrics = await exporter.ask("/metrics")
            assert metrics.sample("submission_exporter_config_last_reload_successful") == 0
            for path in ("/", "/endpoint?name=old"):
                assert "endpoints[1]" in (await exporter.ask(path)).text
            write(tmp_path / "my.yml", {"endpoints": [endpoint("old")]})
            assert (await exporter.ask("/-/reload", "POST")).status == 200
            assert "was not loaded" not in (await exporter.ask("/")).text
            metrics = await exporter.ask("/metrics")
            assert metrics.sample("submission_exporter_config_last_reload_successful") == 1

    run(scenario())


FILES: dict[str, Callable[[Path, Workshop], None]] = {
    "password": lambda folder, _: replace(folder / "password", "new password"),
    "CA": lambda folder, shop: replace(folder / "ca.pem", Path(shop.ca_file).read_text() + "\n"),
    "rules": lambda folder, _: replace(folder / "rules.yml", "# mine\n[]\n"),
    "endpoint file": lambda folder, _: replace(folder / "endpoints.d" / "one.yml", "[]\n"),
    "new endpoint file": lambda folder, _: replace(
        folder / "endpoints.d" / "two.yml", json.dumps([endpoint("of two")])
    ),
    "endpoint file gone": lambda folder, _: (folder / "endpoints.d" / "one.yml").unlink(),
    "the file": lambda folder, _: replace(folder / "my.yml", (folder / "my.yml").read_text() + "\n"),
}


@pytest.mark.parametrize("what", FILES)
def test_change_of_any_file_is_seen(what: str, tmp_path: Path, workshop: Workshop) -> None:
    """The file, what it names and what its patterns match: each change is read within moments."""
    (tmp_path / "endpoints.d").mkdir()
    (tmp_path / "endpoints.d" / "one.yml").write_text(json.dumps([endpoint("of one")]))
    (tmp_path / "password").write_text("old password\n")
    (tmp_path / "ca.pem").write_text(Path(workshop.ca_file).read_text())
    (tmp_path / "rules.yml").write_text("[]\n")
    auth = {"username": "u", "password_file": "password"}
    configuration = {
        "global": {"rules_files": ["rules.yml"], "endpoint_files": ["endpoints.d/*.yml"]},
        "endpoints": [endpoint("a", tls="starttls", auth=auth, tls_config={"ca_file": "ca.pem"})],
    }

    async def scenario() -> None:
        async with exporting(tmp_path, configuration, look_every=QUICK) as exporter:
            before = exporter.service._configuration
            await asyncio.sleep(3 * QUICK)
            assert exporter.service._configuration is before  # nothing has changed
            FILES[what](tmp_path, workshop)
            await exporter.until(lambda: exporter.service._configuration is not before, "the reload")
            after = exporter.service._configuration
            if what == "password":
                assert after.settings.endpoints[0].auth.password.reveal() == "new password"  # type: ignore[union-attr]
            if "endpoint" in what:
                assert names(exporter) == (["a", "of one", "of two"] if "new" in what else ["a"])
            await asyncio.sleep(3 * QUICK)
            assert exporter.service._configuration is after  # one change, one reload

    run(scenario())


def test_volume_of_an_orchestrator_is_followed(tmp_path: Path) -> None:
    """Kubernetes exchanges a link to a folder; the files behind it are new although their names are not."""
    for turn in ("1", "2"):
        folder = tmp_path / f"..data-{turn}"
        folder.mkdir()
        write(folder / "my.yml", {"endpoints": [endpoint(f"of {turn}")]})
    (tmp_path / "..data").symlink_to("..data-1")
    (tmp_path / "my.yml").symlink_to("..data/my.yml")

    async def scenario() -> None:
        service = Service(
            load(tmp_path / "my.yml"),
            listen="127.0.0.1:0",
            config_file=tmp_path / "my.yml",
            look_every=QUICK,
        )
        await service.start()
        try:
            (tmp_path / "..data_tmp").symlink_to("..data-2")
            (tmp_path / "..data_tmp").rename(tmp_path / "..data")
            async with asyncio.timeout(20):
                while service.settings.endpoints[0].name != "of 2":  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0.01)
        finally:
            await service.stop()

    run(scenario())


def test_bad_file_is_read_once_and_mended_by_any_file(tmp_path: Path) -> None:
    """A bad change is told once; mending another file than the one that was changed ends the trouble."""
    secret = tmp_path / "password"

    def configuration(password_file: str) -> dict[str, Any]:
        auth = {"username": "u", "password_file": password_file, "allow_plaintext": True}
        return {"endpoints": [endpoint("a", auth=auth)]}

    async def scenario() -> None:
        secret.write_text("first")
        async with exporting(tmp_path, configuration("password"), look_every=QUICK) as exporter:
            write(tmp_path / "my.yml", configuration("other"))
            await exporter.until(lambda: exporter.service._problems, "the problem")
            problems = exporter.service._problems
            await asyncio.sleep(3 * QUICK)
            assert exporter.service._problems is problems  # not read again
            (tmp_path / "other").write_text("second")
            await exporter.until(lambda: not exporter.service._problems, "the end of the problem")
            assert exporter.service.settings.endpoints[0].auth.password.reveal() == "second"  # type: ignore[union-attr]

    run(scenario())


def test_watch_waits_until_files_rest(tmp_path: Path) -> None:
    """Files that are changed one after the other are read once, when the last of them is written."""
    file = tmp_path / "a"
    file.write_text("0")

    async def scenario() -> list[str]:
        seen: list[str] = []

        async def changed() -> None:
            before = watch.look()
            seen.append(file.read_text())
            watch.keep_to([file], [], before)

        watch = Watch(changed, every=0.02, settle=0.2)
        watch._settle = 0.2
        watch.keep_to([file], [], watch.look())
        watch.start()
        for number in range(1, 6):
            file.write_text(str(number))
            await asyncio.sleep(0.05)
        async with asyncio.timeout(10):
            while not seen:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        await watch.stop()
        await watch.stop()
        return seen

    assert run(scenario()) == ["5"]


def test_change_during_the_reading_counts(tmp_path: Path) -> None:
    """What changes between the look and the end of the reading is not taken for read."""
    known, new = tmp_path / "known", tmp_path / "new"
    for file in (known, new):
        file.write_text("before")

    async def never() -> None:
        raise AssertionError

    def differs_after(change: Callable[[], object]) -> bool:
        watch = Watch(never, every=1)
        watch.keep_to([known], [], watch.look())
        seen = watch.look()
        time.sleep(0.02)  # the clock of the file system is coarse
        change()
        watch.keep_to([known, new, tmp_path / "nowhere"], [], seen)
        now = watch.look()[1]
        return bool(now != watch._known)

    assert not differs_after(lambda: None)
    assert differs_after(lambda: known.write_text("during"))
    assert differs_after(lambda: new.write_text("during"))
    assert differs_after(lambda: os.utime(known, (0, 0)))


def test_bug_in_a_reload_does_not_end_the_watch(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An exception that nobody foresaw is logged, and the next change is seen all the same."""
    file = tmp_path / "a"
    file.write_text("0")

    async def scenario() -> int:
        calls = 0

        async def broken() -> None:
            nonlocal calls
            calls += 1
            watch.keep_to([file], [], watch.look())
            raise RuntimeError("bug")

        watch = Watch(broken, every=0.02)
        watch.keep_to([file], [], watch.look())
        watch.start()
        for number in range(2):
            file.write_text(f"change {number}")
            async with asyncio.timeout(10):
                while calls <= number:  # noqa: ASYNC110 - no event tells
                    await asyncio.sleep(0.01)
        await watch.stop()
        return calls

    assert run(scenario()) == 2
    assert "bug in the watch over files" in caplog.text


def test_restless_files_are_read_in_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that never comes to rest does not put the reading off for ever."""
    monkeypatch.setattr(watch_module, "_MOST_ROUNDS", 3)
    stamps = iter(range(100))
    monkeypatch.setattr(watch_module, "_stamps", lambda *_: {"a": next(stamps)})

    async def scenario() -> bool:
        async def never() -> None:
            raise AssertionError

        watch = Watch(never, every=0.01)
        return await watch._differs()

    assert run(scenario())


def test_many_reloads_are_two() -> None:
    """Whoever asks while a reload waits shares it; each gets a result of work that began after the asking."""

    async def scenario() -> tuple[list[int], int]:
        begun = 0
        gate = asyncio.Event()

        async def work() -> int:
            nonlocal begun
            begun += 1
            mine = begun
            await gate.wait()
            return mine

        joined = Joined(work)
        calls = [asyncio.ensure_future(joined())]
        await asyncio.sleep(0.01)
        calls += [asyncio.ensure_future(joined()) for _ in range(50)]
        await asyncio.sleep(0.01)
        calls[1].cancel()
        gate.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results.pop(1), asyncio.CancelledError)
        return results, begun  # type: ignore[return-value]

    results, begun = run(scenario())
    assert results == [1] + [2] * 49
    assert begun == 2


def many(count: int, turn: int) -> dict[str, Any]:
    """A large configuration, every tenth endpoint of which changes from turn to turn."""
    return {
        "modules": {"m": {"tls": "none", "timeout": "1s"}},
        "endpoints": [
            {
                "name": f"endpoint {number}",
                "target": "127.0.0.1:1",
                "module": "m",
                "interval": "1h",
                "labels": {"team": "mail", "turn": str(turn if number % 10 == 0 else 0)},
            }
            for number in range(count)
        ],
    }


def test_reading_aside_restores_what_it_changes(tmp_path: Path) -> None:
    """The switch interval and the collector are as before, after a good file and after a bad one."""
    file = tmp_path / "my.yml"
    write(file, many(10, 0))
    interval = sys.getswitchinterval()

    async def scenario() -> None:
        assert len((await read_aside(file, Shard())).settings.endpoints) == 10
        file.write_text("[")
        with pytest.raises(UnusableError) as raised:
            await read_aside(file, Shard())
        assert raised.value.watched_files == (file,)

    run(scenario())
    assert sys.getswitchinterval() == interval
    assert gc.isenabled()


def test_rules_with_faults_are_told_like_settings(tmp_path: Path) -> None:
    """A rules file that cannot be used is a problem of the configuration, and changing it may mend it."""
    write(tmp_path / "my.yml", {"global": {"rules_files": ["rules.yml"]}})
    (tmp_path / "rules.yml").write_text("- {id: x}\n")
    with pytest.raises(UnusableError) as raised:
        read(tmp_path / "my.yml", Shard())
    assert "rules.yml" in str(raised.value)
    assert tmp_path / "rules.yml" in raised.value.watched_files


def test_shards_know_the_targets_of_all(tmp_path: Path) -> None:
    """A target is a configured endpoint for every shard, whoever probes it."""
    write(tmp_path / "my.yml", many(20, 0))
    both = [read(tmp_path / "my.yml", Shard(index, 2)) for index in (0, 1)]
    assert both[0].targets == both[1].targets
    assert sum(len(one.settings.endpoints) for one in both) == 20


def test_nothing_is_lost_when_reloads_meet_probes(tmp_path: Path) -> None:
    """Reloads under load lose no probe, no series and no socket: counters go on, every endpoint stays on time."""
    (dead,) = free_ports(1)
    every = {"interval": "500ms", "timeout": "500ms"}

    def configuration(port: int, turn: int) -> dict[str, Any]:
        steady = [
            endpoint(f"steady {n}", target=f"127.0.0.1:{port if n % 5 else dead}", **every) for n in range(20)
        ]
        return {"endpoints": [*steady, endpoint(f"turn {turn}", target=f"127.0.0.1:{port}", **every)]}

    async def scenario() -> None:
        async with (
            submission_server() as server,
            exporting(tmp_path, configuration(server.port, 0)) as exporter,
        ):
            before = attempts(await exporter.ask("/metrics"))
            began = asyncio.get_running_loop().time()
            for turn in range(1, 9):
                write(tmp_path / "my.yml", configuration(server.port, turn))
                assert await exporter.service.reload_all()
                now = attempts(await exporter.ask("/metrics"))
                assert [name for name in now if name.startswith("turn")] == [f"turn {turn}"]
                assert all(now[name] >= count for name, count in before.items() if "steady" in name)
                before = now
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.6)
            took = asyncio.get_running_loop().time() - began
            metrics = await exporter.ask("/metrics")
            counts = [count for name, count in attempts(metrics).items() if "steady" in name]
            assert len(counts) == 20
            # What the machine itself was too slow for is counted; nothing else may be missing.
            skipped = sum(exporter.service._board.skipped.values())
            assert min(counts) >= took / 0.5 - 2 - skipped
            assert metrics.sample("submission_exporter_bugs_total") == 0

    before = descriptors()
    run(scenario())
    assert descriptors() <= before


def attempts(answer: Any) -> dict[str, float]:
    """The attempts of every endpoint, 0 before the first."""
    found: dict[str, float] = {}
    for line in answer.text.splitlines():
        if line.startswith("smtp_probe_endpoint_info{"):
            found.setdefault(name_in(line), 0.0)
        if line.startswith("smtp_probe_attempts_total{"):
            found[name_in(line)] = float(line.rpartition(" ")[2])
    return found


def name_in(line: str) -> str:
    """The endpoint of a sample."""
    return line.partition('smtp_endpoint="')[2].partition('"')[0]


def descriptors() -> int:
    """How many sockets this process holds."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found += str(entry.readlink()).startswith("socket:")
    return found
