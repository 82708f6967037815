"""The status page: every endpoint with what is wrong, whose problem it is and what to do first."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import replace
from urllib.parse import parse_qsl

import aiohttp
import pytest

from exporter.board import Board
from exporter.metrics import pace
from exporter.model import ErrorClass, FaultDomain, Observation, Phase, Reply
from exporter.web.fleet import MOST_ROWS, Fleet
from exporter.web.query import Column, Query, State
from tests.metrics.synthetic import StillRuntime, endpoint, facts, failing, healthy
from tests.web.browsing import Page, browse, get


def now() -> float:
    """This moment; never that of the import, which may be minutes old."""
    return time.time()


DAY = 86_400.0


def recent(observation: Observation, ago: float) -> Observation:
    """The same probe, made so many seconds ago."""
    return replace(observation, result=replace(observation.result, started=now() - ago))


def fleet() -> Board:
    """Four endpoints: two failing, one healthy, one not probed yet."""
    board = Board()
    alpha = endpoint("alpha", labels=(("site", "fra1"), ("team", "mail")))
    bravo = endpoint("bravo", host="mx.bravo.example", labels=(("site", "ams2"),))
    charlie = endpoint("Charlie", labels=(("site", "fra1"),))
    delta = endpoint("delta")
    board.apply([alpha, bravo, charlie, delta])
    board.record(recent(healthy(alpha, seconds=0.2, tls=facts(not_after=now() + 60 * DAY)), 7200))
    board.record(
        recent(
            failing(
                Phase.AUTH,
                ErrorClass.CREDENTIALS_REJECTED,
                FaultDomain.CREDENTIALS,
                probed=bravo,
                seconds=0.1,
                tls=facts(not_before=now() - 80 * DAY, not_after=now() + 10.5 * DAY, earliest_not_after=None),
            ),
            300,
        )
    )
    board.record(recent(failing(Phase.CONNECT, ErrorClass.CONNECT_REFUSED, probed=charlie, seconds=3.0), 60))
    return board


def rows(board: Board, address: str = "/", runtime: StillRuntime | None = None) -> dict[str, str]:
    """The text of each row, in the order of the page."""
    return Page.read(get(board, address, runtime)).rows


def test_trouble_comes_first_and_the_newest_on_top() -> None:
    """What nobody looked at yet leads; then what is not probed yet; then the healthy, by name."""
    assert list(rows(fleet())) == ["Charlie", "bravo", "delta", "alpha"]


def test_failing_row_says_what_whose_and_what_to_do() -> None:
    """A failing endpoint's row can be acted on without opening anything."""
    row = rows(fleet())["bravo"]
    for words in (
        "failing",
        "mx.bravo.example:587",
        "Credentials rejected.",
        "It failed: credentials_rejected.",
        "Whose problem: our credentials.",
        "First: Do the first thing.",
        "100.0 ms",
        "10 d left",
    ):
        assert words in row
    assert re.search(r"5 min( \d+ s)? ago", row)
    assert "Then the second" not in row


def test_healthy_and_waiting_rows() -> None:
    """A healthy row says since when and how long the certificate lives; a waiting one when it is due."""
    runtime = StillRuntime()
    runtime.next_runs["delta"] = time.time() + 50
    found = rows(fleet(), runtime=runtime)
    assert "healthy" in found["alpha"]
    assert "2 h ago" in found["alpha"]
    assert re.search(r"Not probed yet; due in \d+ s\.", found["delta"])
    assert "Not probed yet." in rows(fleet())["delta"]


def test_tally_counts_states_and_owners() -> None:
    """The top of the page answers how many are failing and who is to act."""
    text = Page.read(get(fleet(), "/")).text
    for words in ("2 failing", "1 waiting", "1 healthy", "1 for our credentials", "1 for the server"):
        assert words in text
    assert "for the network between" not in text


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?q=bravo", ["bravo"]),
        ("?q=FRA1", ["Charlie", "alpha"]),
        ("?q=fra1+refused", ["Charlie"]),
        ("?q=credentials", ["bravo"]),
        ("?q=nothing-like-it", [""]),
        ("?q=0x800ccc0e", ["Charlie", "bravo"]),
        ("?q=connect+refused", ["Charlie"]),
        ("?state=failing", ["Charlie", "bravo"]),
        ("?state=healthy", ["alpha"]),
        ("?state=waiting", ["delta"]),
        ("?state=nonsense&owner=nonsense&sort=nonsense", ["Charlie", "bravo", "delta", "alpha"]),
        ("?owner=credentials", ["bravo"]),
        ("?sort=name", ["alpha", "bravo", "Charlie", "delta"]),
        ("?sort=-name", ["delta", "Charlie", "bravo", "alpha"]),
        ("?sort=duration", ["bravo", "alpha", "Charlie", "delta"]),
        ("?sort=-duration", ["Charlie", "alpha", "bravo", "delta"]),
        ("?sort=certificate", ["bravo", "alpha", "Charlie", "delta"]),
        ("?sort=-certificate", ["alpha", "bravo", "Charlie", "delta"]),
        ("?sort=since", ["alpha", "bravo", "Charlie", "delta"]),
        ("?sort=owner", ["bravo", "Charlie", "alpha", "delta"]),
        ("?sort=-state", ["alpha", "delta", "bravo", "Charlie"]),
    ],
)
def test_view_is_chosen_by_the_address(query: str, names: list[str]) -> None:
    """Search, filter and order work without a script; what is unknown comes last in either direction."""
    assert list(rows(fleet(), "/" + query)) == names


def test_groups_have_a_heading_each() -> None:
    """Grouping by a label puts its members under its value, those without it first."""
    assert list(rows(fleet(), "/?group=site&sort=name")) == [
        *("group ", "delta"),
        *("group ams2", "bravo"),
        *("group fra1", "alpha", "Charlie"),
    ]
    found = rows(fleet(), "/?group=site")
    assert found["group fra1"] == "site=fra1 (2)"
    assert found["group "] == "without site (1)"


def test_one_group_says_that_it_is_all() -> None:
    """Where all belong to one group its heading says so."""
    assert rows(fleet(), "/?group=site&q=fra1")["group fra1"] == "site=fra1 (all 2)"
    assert rows(fleet(), "/?group=site&q=alpha")["group fra1"] == "site=fra1 (1)"


def test_label_that_nobody_has_makes_no_groups() -> None:
    """A group of an old address that no endpoint has any more is as if it were not asked for."""
    assert list(rows(fleet(), "/?group=gone&sort=name")) == ["alpha", "bravo", "Charlie", "delta"]


def test_choice_is_shown_in_the_form() -> None:
    """The form holds the view that is shown, so that changing one field keeps the others."""
    page = Page.read(get(fleet(), "/?q=a&state=failing&owner=server&sort=-name&group=site"))
    values = {field["name"]: field["value"] for field in page.all("input")}
    assert values == {"q": "a", "sort": "-name"}
    chosen = {option["value"] for option in page.all("option") if "selected" in option}
    assert chosen == {"failing", "server", "site"}


def test_headings_order_and_turn_round() -> None:
    """A heading's link keeps the filter, orders by its column, and turns the present order round."""
    page = Page.read(get(fleet(), "/?q=a&sort=name"))
    links = [link["href"] for link in page.all("a")]
    assert "?q=a&sort=-name" in links
    assert "?q=a&sort=duration" in links
    assert "?q=a" in links
    assert [heading.get("aria-sort") for heading in page.all("th") if "aria-sort" in heading] == ["ascending"]


def test_address_and_view_are_the_same() -> None:
    """Reading the address of a view gives the view."""
    view = Query(
        text="a b",
        state=State.FAILING,
        owner=FaultDomain.LOCAL,
        column=Column.SINCE,
        descending=True,
        group="team",
    )
    assert Query.read(dict(parse_qsl(view.address().removeprefix("?")))) == view
    assert Query().address() == "?"


def test_hostile_words_stay_words() -> None:
    """Names, labels and summaries that look like markup or control a terminal are only text."""
    evil = '"><script>alert(1)</script>\x1b[31m\u202e'
    board = Board()
    probed = endpoint(evil, host="evil.example", labels=(("site", evil),), module=evil)
    board.apply([probed])
    observation = failing(
        Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, probed=probed, evidence=Reply(535, (evil.encode(),))
    )
    board.record(
        replace(
            observation, diagnosis=replace(observation.diagnosis, summary=evil, remedy=(evil,), rule=evil)
        )
    )

    async def visit(client: aiohttp.ClientSession) -> list[str]:
        pages = []
        for path, query in (("/", {"q": evil}), ("/", {"group": "site"}), ("/endpoint", {"name": evil})):
            async with client.get(path, params=query) as response:
                assert response.status == 200
                pages.append(await response.text())
        return pages

    for html in browse(board, visit):
        assert "<script>" not in html
        assert "\x1b" not in html
        assert "\u202e" not in html
        page = Page.read(html)
        assert {script.get("src") for script in page.all("script")} == {"static/page.js"}


@pytest.mark.parametrize("path", ["/", "/endpoint?name=bravo"])
def test_pages_obey_their_own_policy(path: str) -> None:
    """No inline style, no inline script, no handler in an attribute: the policy would refuse them."""
    page = Page.read(get(fleet(), path))
    for name, attributes in page.elements:
        assert name != "style"
        assert "style" not in attributes
        assert not [attribute for attribute in attributes if attribute.startswith("on")]
    assert all(script.get("src") for script in page.all("script"))


def test_failed_reload_is_on_the_page() -> None:
    """A configuration that was refused is told where people look, with the time of the one in force."""
    runtime = StillRuntime()
    assert "problems" not in Page.read(get(fleet(), "/", runtime)).text
    runtime.config_reload_ok = False
    for path in ("/", "/endpoint?name=alpha"):
        text = Page.read(get(fleet(), path, runtime)).text
        assert "The configuration has problems and was not loaded" in text
        assert "2027-01-15 07:58:20 UTC" in text


def test_every_problem_is_on_the_page() -> None:
    """What is wrong with the file stands there, escaped; of very many the first, and how many more."""
    problems = [f"my.yml:{line}: <b>wrong</b>" for line in range(1, 80)]
    html = get(fleet(), "/", problems=lambda: problems)
    assert html.count("&lt;b&gt;wrong&lt;/b&gt;") == 50
    assert "29 more are in the log" in html


def test_class_leads_to_its_explanation() -> None:
    """Where there is a page that explains the classes, the name of the problem links to its anchor."""
    page = Page.read(get(fleet(), "/", help_url="errors.html"))
    assert "errors.html#connect_refused" in [link["href"] for link in page.all("a")]


def test_ended_certificate_is_urgent() -> None:
    """An expired certificate says how long ago it ended; one near its end by its own life is marked."""
    board = Board()
    probed = endpoint("mail")
    board.apply([probed])
    board.record(healthy(probed, tls=facts(not_after=now() - 3 * DAY, earliest_not_after=None)))
    assert "ended 3 d ago" in rows(board)["mail"]
    short = facts(not_before=now() - 5 * DAY, not_after=now() + 0.9 * DAY, earliest_not_after=None)
    board.record(healthy(probed, tls=short))
    html = get(board, "/")
    assert re.search('class="urgent">2[01] h left', html)
    board.record(healthy(probed, tls=replace(short, not_before=None)))
    assert "urgent" not in get(board, "/")


def test_empty_fleet_says_what_to_do() -> None:
    """Without endpoints the page stands, and says where they are configured."""
    page = Page.read(get(Board(), "/"))
    assert "0 shown" in page.text
    assert page.rows == {
        "": "No endpoint is configured. Put some under endpoints in the configuration file, "
        "or let Prometheus name the targets at /probe."
    }
    assert "Clear the filter" not in page.text


def test_view_without_endpoints_says_why_and_leads_out() -> None:
    """A view that nobody belongs to names what narrows it; its links keep the order and the groups."""
    page = Page.read(get(fleet(), "/?q=<b>&state=failing&owner=server&sort=name&group=site"))
    assert "0 of 4 shown" in page.text
    assert (
        page.rows[""] == "No endpoint fits this view (“<b>”, failing, a problem for the server). Show all 4."
    )
    assert [link["href"] for link in page.all("a")].count("?sort=name&group=site") == 2
    assert "Clear the filter" in page.text


def test_a_narrowed_view_leads_back() -> None:
    """Where something is left out the page says so, and has a link to everything; else it has none."""
    narrowed = Page.read(get(fleet(), "/?state=failing"))
    assert "2 of 4 shown" in narrowed.text
    assert "Clear the filter" in narrowed.text
    whole = Page.read(get(fleet(), "/?sort=name&group=site"))
    assert "4 shown" in whole.text
    assert "Clear the filter" not in whole.text


def test_tally_keeps_the_order_and_marks_the_present_view() -> None:
    """A state's link keeps order and groups, and the one that is shown says that it is."""
    page = Page.read(get(fleet(), "/?state=failing&sort=name&group=site"))
    views = {link["href"]: link.get("aria-current") for link in page.all("a")}
    assert views["?state=failing&sort=name&group=site"] == "true"
    assert views["?state=healthy&sort=name&group=site"] is None


def test_code_in_words_is_code() -> None:
    """Backticks of remedies and problems are shown as code, and never as they are."""
    board = Board()
    probed = endpoint("mail")
    board.apply([probed])
    failure = failing(Phase.AUTH, ErrorClass.CREDENTIALS_REJECTED, probed=probed)
    remedies = ("Log in as `apikey`.", "Set `a<b`.")
    board.record(replace(failure, diagnosis=replace(failure.diagnosis, remedy=remedies)))
    assert "First: Log in as <code>apikey</code>." in get(board, "/")
    html = get(board, "/endpoint?name=mail", problems=lambda: ["rules.yml:1: `id` is missing"])
    assert "<li>Log in as <code>apikey</code>.</li><li>Set <code>a&lt;b</code>.</li>" in html
    assert "<code>id</code> is missing" in html
    assert "`" not in get(board, "/errors")


def test_large_fleet_is_sent_whole() -> None:
    """A page of many rows is written with rests in between, and has every row once."""
    board = Board()
    board.apply([endpoint(f"mail {n:04d}", labels=(("site", f"s{n % 7}"),)) for n in range(1500)])
    for entry in board.entries.values():
        board.record(healthy(entry.endpoint))
    whole = [f"mail {n:04d}" for n in range(1500)]
    assert list(rows(board, "/?rows=all")) == whole
    assert list(rows(board)) == [*whole[:MOST_ROWS], ""]
    assert rows(board)[""] == "1400 more are not shown: search, filter, or show all 1500."


@pytest.mark.parametrize("sort", ["duration", "-duration"])
def test_order_holds_across_a_large_fleet(sort: str) -> None:
    """Thousands are in one order either way, and those without a value stand last by name."""
    board = Board()
    numbers = [n * 7 % 1000 for n in range(1000)]
    board.apply([endpoint(f"mail {n:04d}") for n in numbers])
    for n in numbers:
        if n % 10:
            board.record(healthy(board.entries[f"mail {n:04d}"].endpoint, seconds=n / 1000))
    probed = [f"mail {n:04d}" for n in range(1000) if n % 10]
    waiting = [f"mail {n:04d}" for n in range(0, 1000, 10)]
    wanted = (probed[::-1] if sort.startswith("-") else probed) + waiting
    assert list(rows(board, f"/?sort={sort}&rows=all")) == wanted
    assert list(rows(board, f"/?sort={sort}"))[:MOST_ROWS] == wanted[:MOST_ROWS]


def test_groups_are_sorted_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A label of a value for each endpoint makes as many groups, and sorting them holds up nobody else."""
    monkeypatch.setattr(pace, "BUDGET", 0.0)
    compared = most = 0

    class Value(str):
        __slots__ = ()

        def __lt__(self, other: str) -> bool:
            nonlocal compared
            compared += 1
            return str.__lt__(self, other)

    board = Board()
    board.apply(
        [endpoint(f"mail {n}", labels=(("customer", Value(f"c{n * 7 % 2000:04d}")),)) for n in range(2000)]
    )

    async def page() -> bytes:
        async def watch() -> None:
            nonlocal compared, most
            while True:
                compared = 0
                await asyncio.sleep(0)
                most = max(most, compared)

        watching = asyncio.create_task(watch())
        pieces = Fleet(board, StillRuntime()).pieces(Query(group="customer"))
        text = b"".join([piece async for piece in pieces])
        watching.cancel()
        return text

    shown = Page.read(asyncio.run(page()).decode()).rows
    assert [key for key in shown if key.startswith("group")] == [f"group c{n:04d}" for n in range(MOST_ROWS)]
    assert most < 4000


def test_long_view_shows_its_beginning_and_leads_to_the_rest() -> None:
    """Of many the first are shown; the page says so, the link to all keeps the view, and groups are cut alike."""
    board = Board()
    board.apply([endpoint(f"mail {n:04d}", labels=(("site", f"s{n % 2}"),)) for n in range(300)])
    page = Page.read(get(board, "/?group=site&sort=name&q=mail"))
    assert "the first 100 of 300 shown" in page.text
    assert list(page.rows) == ["group s0", *(f"mail {n:04d}" for n in range(0, 200, 2)), ""]
    assert "?q=mail&sort=name&group=site&rows=all" in [link["href"] for link in page.all("a")]
    page = Page.read(get(board, "/?group=site&sort=name&q=mail&rows=all"))
    assert len(page.rows) == 302
    assert "300 shown" in page.text
    assert {"type": "hidden", "name": "rows", "value": "all"} in page.all("input")
    assert len(rows(board, "/?q=000")) == 10
