"""Every query of every dashboard, asked of a real Prometheus that scrapes two running exporters."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from dashboards.source import DASHBOARDS
from dashboards.source.dashboard import RELOADS, Dashboard
from dashboards.source.panel import Query
from dashboards.source.promql import MANY, availability, fleet_availability
from tests.dashboards.rig import HEALTHY, PROBED, TROUBLED, TURN, Watched, watching

pytestmark = pytest.mark.servers

LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    """Prometheus after half a minute."""
    with watching() as found:
        yield found


def answered(watched: Watched, dashboard: Dashboard, query: Query, job: str) -> bool:
    """Whether the query gives a number; on the dashboard of one endpoint, for any endpoint."""
    one = any(variable.name == "endpoint" and not variable.body["multi"] for variable in dashboard.variables)
    names = watched.exporters.names(job) if one else [".+"]
    return any(
        watched.ask(query.expr, watched.variables(job, name), now=query.now or query.table) for name in names
    )


def all_queries() -> Iterator[tuple[str, Dashboard, Query]]:
    """Every query of every panel, and where it stands."""
    for dashboard in DASHBOARDS:
        for panel in dashboard.panels:
            for number, query in enumerate(panel.queries):
                yield f"{dashboard.file}, {panel.title}, {number}: {query.expr}", dashboard, query


def test_every_query_has_data_where_there_is_trouble(watched: Watched) -> None:
    """No query of any panel comes back empty from a fleet in which everything goes wrong."""
    empty = [
        where
        for where, dashboard, query in all_queries()
        if not answered(watched, dashboard, query, TROUBLED)
    ]
    assert empty == []


def test_without_trouble_nothing_is_empty_that_should_not_be(watched: Watched) -> None:
    """In a healthy fleet exactly those queries are empty whose source says so, and why."""
    wrong = [
        where
        for where, dashboard, query in all_queries()
        if answered(watched, dashboard, query, HEALTHY) == bool(query.empty_when)
    ]
    assert wrong == []


def test_targets_of_on_demand_probes_are_shown_too(watched: Watched) -> None:
    """Behind `/probe` the same panels have data, but for what only a schedule can give."""
    empty = [
        where
        for where, dashboard, query in all_queries()
        if dashboard.uid != "submission-exporter"  # the exporter's own metrics stand on /metrics
        and not (query.scheduled_only or query.empty_when)
        and not answered(watched, dashboard, query, PROBED)
    ]
    assert empty == []


def test_success_behind_on_demand_probes_is_counted_by_scrape(watched: Watched) -> None:
    """The bad target never succeeds, the good one nearly always, and together they are the mean of both."""
    variables = watched.variables(PROBED)
    (together,) = watched.ask(fleet_availability(MANY), variables, now=True)
    each = watched.ask(availability(MANY), variables, now=True)
    bad, good = sorted(float(one["value"][1]) for one in each)
    assert bad == 0
    assert good > 0.5  # the scrape leaves half a second, which a busy machine may exceed
    assert float(together["value"][1]) == pytest.approx(good / 2, abs=0.05)


def test_variables_have_values(watched: Watched) -> None:
    """Every variable that asks Prometheus finds something to choose from."""
    for variable in (one for dashboard in DASHBOARDS for one in dashboard.variables if one.query):
        asked = LABEL_VALUES.fullmatch(variable.query)
        assert asked is not None
        assert watched.label_values(asked[1], asked[2], watched.variables(TROUBLED)), variable.query


def test_reloads_are_annotated_at_their_time(watched: Watched) -> None:
    """The annotation's values are the times of the start and of the reload, in milliseconds."""
    (series,) = watched.ask(RELOADS.expr, watched.variables(HEALTHY), now=False)
    times = {float(value) / 1000 for _, value in series["values"]}
    assert len(times) == 2
    assert watched.start - 60 < min(times) < watched.start < max(times) < watched.end


def test_a_failure_shows_since_when(watched: Watched) -> None:
    """The endpoint that failed in the middle shows the time of its last success, and only it has one."""
    query = DASHBOARDS[0].panels[6].queries[2]
    found = watched.ask(query.expr, watched.variables(TROUBLED), now=True)
    assert [one["metric"]["smtp_endpoint"] for one in found] == [TURN]
    assert watched.start < float(found[0]["value"][1]) / 1000 < watched.end


def test_the_status_table_names_cause_and_owner(watched: Watched) -> None:
    """Each endpoint has one row: what is wrong and who is to act, or `none` twice."""
    query = DASHBOARDS[0].panels[6].queries[0]
    found = watched.ask(query.expr, watched.variables(TROUBLED), now=True)
    rows = {
        one["metric"]["smtp_endpoint"]: (one["metric"]["error_class"], one["metric"]["fault_domain"])
        for one in found
    }
    assert len(rows) == len(found) == len(watched.exporters.names(TROUBLED))
    assert rows["healthy-implicit"] == ("none", "none")
    assert rows["expired-certificate"] == ("cert_expired", "server")
    assert rows["rejected-password"] == ("credentials_rejected", "credentials")
