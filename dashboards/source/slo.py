"""*SLO*: how much of the error budget is left, how fast it goes, and who spends it."""

from __future__ import annotations

from dashboards.source.dashboard import Dashboard, Row
from dashboards.source.panel import Override, Query, thresholds
from dashboards.source.promql import (
    MANY,
    OF_AN_ENDPOINT,
    availability,
    budget_left,
    burn_rate,
    fleet_availability,
)
from dashboards.source.shared import (
    AVAILABILITY_COLUMN,
    BUDGET,
    BUDGET_COLUMN,
    BURN,
    COLORED_TEXT,
    GOOD_ABOVE,
    SERIES,
    endpoint_column,
    to_cause,
    to_runbook,
    width,
)
from dashboards.source.variables import OF_A_FLEET
from dashboards.source.visuals import gauges, lines, stat, table
from dashboards.source.words import OVERSPENT, OWNERS, RED

SHORT, LONG, SLOW = "1h", "6h", "3d"
"""The windows of the burn rate alerts, so that a person sees what the alert saw."""

FAILURE = MANY("smtp_probe_failure")
SUCCESS = MANY("smtp_probe_success")
PROBES = f"scalar(sum(count_over_time({SUCCESS}[$__range])))"

_NUMBERS = (
    stat(
        "Probes that succeeded",
        "Of all probes in the time shown, every chosen endpoint together.",
        Query(expr=fleet_availability(MANY), now=True),
        unit="percentunit",
        decimals=3,
        steps=GOOD_ABOVE,
    ),
    stat(
        "Objective",
        "The share of probes that has to succeed, as chosen above.",
        Query(expr="vector($objective)", now=True),
        unit="percentunit",
        decimals=2,
    ),
    stat(
        "Error budget left",
        "How much of what may fail has not failed yet: 100 % untouched, 0 % spent.",
        Query(expr=budget_left(fleet_availability(MANY)), now=True),
        unit="percentunit",
        decimals=0,
        steps=BUDGET,
        mappings=(OVERSPENT,),
        filled=True,
        links=(to_runbook("MailSubmissionErrorBudgetBurnSlow"),),
    ),
    stat(
        "Endpoints below the objective",
        "Endpoints of which fewer probes succeeded than the objective asks for.",
        Query(
            expr=f"sum(max by ({OF_AN_ENDPOINT}) ({availability(MANY)}) < bool $objective)",
            now=True,
        ),
        steps=thresholds((None, "green"), (1, RED)),
    ),
    stat(
        "Budget burns, last hour",
        "How many times faster than allowed the budget was spent in the last hour. At 14.4 a month's budget "
        "lasts two days.",
        Query(expr=burn_rate(fleet_availability(MANY, SHORT)), now=True),
        decimals=1,
        steps=BURN,
        links=(to_runbook("MailSubmissionErrorBudgetBurnFast"),),
    ),
    stat(
        "Budget burns, last 6 hours",
        "How many times faster than allowed the budget was spent in the last six hours. At 6 a month's "
        "budget lasts five days.",
        Query(expr=burn_rate(fleet_availability(MANY, LONG)), now=True),
        decimals=1,
        steps=BURN,
        links=(to_runbook("MailSubmissionErrorBudgetBurnFast"),),
    ),
)

_BURN_COLUMN = (("decimals", 1), ("thresholds", BURN), COLORED_TEXT, width(115))

_ENDPOINTS = (
    table(
        "Endpoints, the least budget at the top",
        "Availability and error budget of each endpoint in the time shown, and how fast it spends the budget.",
        Query(expr=f"max by ({OF_AN_ENDPOINT}) ({availability(MANY)})", table=True),
        Query(expr=f"max by ({OF_AN_ENDPOINT}) ({budget_left(availability(MANY))})", table=True),
        *(
            Query(expr=f"max by ({OF_AN_ENDPOINT}) ({burn_rate(availability(MANY, window))})", table=True)
            for window in (SHORT, LONG, SLOW)
        ),
        Query(
            expr=f"max by ({OF_AN_ENDPOINT}) (increase({MANY('smtp_probe_attempts_total')}[$__range]))",
            table=True,
            scheduled_only=True,
        ),
        columns={
            "smtp_endpoint": "Endpoint",
            "Value #A": "Succeeded",
            "Value #B": "Budget left",
            "Value #C": "Burns, 1 hour",
            "Value #D": "Burns, 6 hours",
            "Value #E": "Burns, 3 days",
            "Value #F": "Probes",
            "instance": "Seen by",
        },
        hidden=("job",),
        width=14,
        height=10,
        no_value="",
        sort=("Budget left", False),
        overrides=(
            endpoint_column(),
            AVAILABILITY_COLUMN,
            BUDGET_COLUMN,
            *(
                Override(field=field, properties=_BURN_COLUMN)
                for field in ("Burns, 1 hour", "Burns, 6 hours", "Burns, 3 days")
            ),
            Override(field="Probes", properties=(("decimals", 0), ("unit", "short"), width(80))),
        ),
    ),
    gauges(
        "Who spent the budget",
        "Share of all the time shown, over all endpoints, in which a probe failed, by whose problem it was.",
        *(
            Query(
                expr=f"""sum(sum_over_time({MANY("smtp_probe_failure", fault_domain=domain)}[$__range])) """
                f"/ {PROBES} or vector(0)",
                legend=who,
                now=True,
            )
            for domain, (who, _) in OWNERS.items()
        ),
        width=10,
        height=5,
        unit="percentunit",
        decimals=2,
        overrides=tuple(
            Override(field=who, properties=(("color", {"mode": "fixed", "fixedColor": color}),))
            for who, color in OWNERS.values()
        ),
    ),
    gauges(
        "What spent the budget",
        "Share of all the time shown, over all endpoints, in which a probe failed, by cause; the worst eight.",
        Query(
            expr=f"sort_desc(topk(8, sum by (error_class) (sum_over_time({FAILURE}[$__range])) / {PROBES} > 0))",
            legend="{{error_class}}",
            now=True,
            empty_when="nothing failed in the time shown",
        ),
        width=10,
        height=5,
        unit="percentunit",
        decimals=2,
        no_value="nothing failed",
        links=(to_cause(SERIES),),
    ),
)

_OVER_TIME = (
    lines(
        "Budget left in a sliding window",
        "At each time, what was left of the budget of a window as long as the time shown, every endpoint "
        "together. Below 0 it was overspent; worse than -100 % is drawn as -100 %.",
        Query(expr=f"clamp_min({budget_left(fleet_availability(MANY))}, -1)", legend="error budget left"),
        unit="percentunit",
        low=-1,
        high=1,
        steps=thresholds((None, RED), (0, "text")),
        threshold_lines=True,
    ),
    lines(
        "How fast the budget burns",
        "1 spends the budget in exactly its own time. The dashed lines are the rates at which the usual "
        "alerts go off: 6 and 14.4.",
        Query(expr=burn_rate(fleet_availability(MANY, SHORT)), legend="over 1 hour"),
        Query(expr=burn_rate(fleet_availability(MANY, LONG)), legend="over 6 hours"),
        decimals=1,
        low=0,
        steps=BURN,
        threshold_lines=True,
    ),
    lines(
        "Availability of the worst endpoints",
        "The five endpoints that succeeded least in the time shown, an hour at a time.",
        Query(
            expr=f"max by (smtp_endpoint) ({availability(MANY, SHORT)}) and "
            f"bottomk(5, max by (smtp_endpoint) (avg_over_time({SUCCESS}[$__range] @ end())))",
            legend="{{smtp_endpoint}}",
        ),
        unit="percentunit",
        low=0,
        high=1,
    ),
    lines(
        "Failed probes, by who is to act",
        "Failed probes a second. A spike of one colour is one team's.",
        Query(
            expr=f"sum by (fault_domain) (rate({MANY('smtp_probe_failures_total')}[$__rate_interval]))",
            legend="{{fault_domain}}",
            empty_when="nothing fails",
            scheduled_only=True,
        ),
        unit="ops",
        no_value="nothing failed",
        stacked=True,
        low=0,
        min_interval="1m",
        overrides=tuple(
            Override(
                field=domain.value,
                properties=(
                    ("color", {"mode": "fixed", "fixedColor": color}),
                    ("displayName", who),
                ),
            )
            for domain, (who, color) in OWNERS.items()
        ),
    ),
)

SLO = Dashboard(
    uid="submission-slo",
    title="Mail submission / SLO",
    description="Availability against an objective: what is left of the error budget, how fast it goes, and who spends it.",
    file="slo.json",
    variables=OF_A_FLEET,
    rows=(Row("", (*_NUMBERS, *_ENDPOINTS)), Row("Over time", _OVER_TIME)),
    shown="now-7d",
)
