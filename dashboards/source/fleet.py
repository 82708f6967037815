"""*Fleet*: is anything wrong, whose problem is it, and where to look next."""

from __future__ import annotations

from dashboards.source.dashboard import Dashboard, Row
from dashboards.source.panel import Override, Query, thresholds
from dashboards.source.promql import (
    MANY,
    NONE,
    OF_AN_ENDPOINT,
    availability,
    budget_left,
    failing,
    fleet_availability,
    seconds_left,
    since,
)
from dashboards.source.shared import (
    AVAILABILITY_COLUMN,
    BUDGET,
    CAUSE_COLUMN,
    DAYS,
    DAYS_COLUMN,
    DURATION_COLUMN,
    GOOD_ABOVE,
    NONE_IS_GOOD,
    OWNER_COLUMN,
    SERIES,
    SINCE_COLUMN,
    SLOW,
    STATE_COLUMN,
    endpoint_column,
    to_cause,
    to_endpoint,
    to_runbook,
    width,
)
from dashboards.source.variables import OF_A_FLEET
from dashboards.source.visuals import gauges, lines, stat, table, timeline
from dashboards.source.words import ENDED, GREEN, ORANGE, OVERSPENT, OWNERS, STATE, YELLOW

SUCCESS = MANY("smtp_probe_success")
FAILURE = MANY("smtp_probe_failure")

HEALTHY_TOO = (
    f"label_replace(label_replace(max by ({OF_AN_ENDPOINT}) ({SUCCESS} == 1), "
    f'"error_class", "none", "", ""), "fault_domain", "none", "", "")'
)
"""A row for an endpoint of which nothing is wrong."""

_NUMBERS = (
    stat(
        "Healthy",
        "Endpoints whose last probe reached the depth that was asked for.",
        Query(expr=f"sum({SUCCESS})", now=True),
        steps=thresholds((None, GREEN)),
    ),
    stat(
        "Failing",
        "Endpoints whose last probe failed. The table below says why, and who is to act.",
        Query(expr=f"sum({SUCCESS} == bool 0)", now=True),
        steps=NONE_IS_GOOD,
        filled=True,
        links=(to_runbook("MailSubmissionDown"),),
    ),
    stat(
        "Probes that succeeded",
        "Of all probes in the time shown, every endpoint together.",
        Query(expr=fleet_availability(MANY), now=True),
        unit="percentunit",
        decimals=2,
        steps=GOOD_ABOVE,
        links=(to_runbook("MailSubmissionErrorBudgetBurnSlow"),),
    ),
    stat(
        "Next certificate to end",
        "The fewest days that any certificate of any chain has left. Certificates count that were seen "
        "within the last hour, valid or not.",
        Query(expr=f"min({seconds_left(MANY)}) / 86400", now=True),
        decimals=0,
        no_value="none seen",
        mappings=(ENDED,),
        steps=DAYS,
        links=(to_runbook("MailSubmissionCertificateExpiringSoon"),),
    ),
    stat(
        "Held back",
        "Endpoints at which logins or whole probes are being held back, after a rejected login or when the "
        "server asked for less. Nothing is wrong with the exporter then.",
        Query(
            expr=f"count(max by ({OF_AN_ENDPOINT}) ({MANY('smtp_probe_backing_off')}) == 1) or vector(0)",
            now=True,
        ),
        steps=thresholds((None, GREEN), (1, YELLOW)),
        links=(to_runbook("MailSubmissionCredentialsRejected"),),
    ),
    stat(
        "Scrapes without answer",
        "Targets that Prometheus cannot scrape. While this is not 0 the endpoints behind them are not being "
        "watched, and what this dashboard says about them is old.",
        Query(expr=f"sum({NONE('up')} == bool 0)", now=True),
        steps=NONE_IS_GOOD,
        links=(to_runbook("SubmissionExporterTargetDown"),),
    ),
)

_STATUS = table(
    "Endpoints, failing first",
    "What every endpoint did at its last probe, why, who is to act, and since when. A click on a name leads "
    "to its dashboard or to the exporter's page; a click on a cause leads to its explanation.",
    Query(
        expr=f"max by ({OF_AN_ENDPOINT}, error_class, fault_domain) ({failing(MANY)}) or {HEALTHY_TOO}",
        table=True,
    ),
    Query(expr=f"max by ({OF_AN_ENDPOINT}) ({SUCCESS})", table=True),
    Query(
        expr=f"max by ({OF_AN_ENDPOINT}) ({since(MANY)})",
        table=True,
        empty_when="no state changed in the time shown",
    ),
    Query(expr=f"max by ({OF_AN_ENDPOINT}) ({availability(MANY)})", table=True),
    Query(expr=f"max by ({OF_AN_ENDPOINT}) ({MANY('smtp_probe_duration_seconds')})", table=True),
    Query(expr=f"min by ({OF_AN_ENDPOINT}) ({seconds_left(MANY)}) / 86400", table=True),
    Query(
        expr=f"max by ({OF_AN_ENDPOINT}, host, port, tls) ({MANY('smtp_probe_endpoint_info')})", table=True
    ),
    columns={
        "Value #B": "State",
        "smtp_endpoint": "Endpoint",
        "error_class": "Cause",
        "fault_domain": "Who is to act",
        "Value #C": "Since",
        "Value #D": "Succeeded",
        "Value #E": "Last probe",
        "Value #F": "Days left",
        "host": "Host",
        "port": "Port",
        "tls": "Encryption",
        "instance": "Seen by",
    },
    hidden=("Value #A", "Value #G", "job"),
    width=24,
    height=11,
    no_value="",
    sort=("State", False),
    points=300,
    overrides=(
        STATE_COLUMN,
        endpoint_column(),
        CAUSE_COLUMN,
        OWNER_COLUMN,
        SINCE_COLUMN,
        AVAILABILITY_COLUMN,
        DURATION_COLUMN,
        DAYS_COLUMN,
        Override(field="Port", properties=(width(70),)),
        Override(field="Encryption", properties=(width(95),)),
    ),
)

_WORST = (
    gauges(
        "Who is to act",
        "Endpoints that fail now, by whose problem it is.",
        *(
            Query(
                expr=f"""count({failing(MANY, fault_domain=domain)}) or vector(0)""",
                legend=who,
                now=True,
            )
            for domain, (who, _) in OWNERS.items()
        ),
        decimals=0,
        overrides=tuple(
            Override(
                field=who,
                properties=(("thresholds", thresholds((None, "text"), (1, color))),),
            )
            for who, color in OWNERS.values()
        ),
    ),
    gauges(
        "Certificates that end next",
        "Days that the first certificate of the chain to end has left; the ten that end first.",
        Query(
            expr=f"sort(bottomk(10, min by ({OF_AN_ENDPOINT}) ({seconds_left(MANY)}) / 86400))",
            legend="{{smtp_endpoint}}",
            now=True,
        ),
        decimals=0,
        high=90,
        no_value="no certificate seen",
        steps=DAYS,
        mappings=(ENDED,),
        links=(to_endpoint(SERIES),),
    ),
    gauges(
        "Slowest",
        "The time within which 95 of 100 probes ended, failed ones included; the ten slowest endpoints.",
        Query(
            expr=f"sort_desc(topk(10, max by ({OF_AN_ENDPOINT}) "
            f"(quantile_over_time(0.95, {MANY('smtp_probe_duration_seconds')}[$__range]))))",
            legend="{{smtp_endpoint}}",
            now=True,
        ),
        unit="s",
        steps=SLOW,
        links=(to_endpoint(SERIES),),
    ),
    gauges(
        "Error budget left",
        "How much of what may fail has not failed yet, for the objective chosen above and the time shown; "
        "the ten with the least.",
        Query(
            expr=f"sort(bottomk(10, max by ({OF_AN_ENDPOINT}) ({budget_left(availability(MANY))})))",
            legend="{{smtp_endpoint}}",
            now=True,
        ),
        unit="percentunit",
        decimals=0,
        high=1,
        steps=BUDGET,
        mappings=(OVERSPENT,),
        links=(to_endpoint(SERIES),),
    ),
)

_OVER_TIME = (
    lines(
        "Failing endpoints, by who is to act",
        "How many endpoints failed at each time.",
        *(
            Query(
                expr=f"""count({failing(MANY, fault_domain=domain)}) or vector(0)""",
                legend=who,
            )
            for domain, (who, _) in OWNERS.items()
        ),
        stacked=True,
        low=0,
        decimals=0,
        overrides=tuple(
            Override(field=who, properties=(("color", {"mode": "fixed", "fixedColor": color}),))
            for who, color in OWNERS.values()
        ),
    ),
    lines(
        "Failing endpoints, by cause",
        "How many endpoints failed for each cause; a click on a curve leads to its explanation.",
        Query(
            expr=f"count by (error_class) ({failing(MANY)})",
            legend="{{error_class}}",
            empty_when="nothing fails",
        ),
        no_value="nothing failed",
        stacked=True,
        low=0,
        decimals=0,
        links=(to_cause(SERIES),),
    ),
    timeline(
        "When endpoints failed",
        "The thirty endpoints that failed most in the time shown.",
        Query(
            expr=f"max by (smtp_endpoint) ({SUCCESS}) and "
            f"topk(30, max by (smtp_endpoint) (1 - avg_over_time({SUCCESS}[$__range] @ end())) > 0)",
            legend="{{smtp_endpoint}}",
            empty_when="nothing failed in the time shown",
        ),
        width=24,
        height=10,
        no_value="nothing failed",
        mappings=(STATE,),
    ),
    lines(
        "Duration of a probe",
        "Half, nineteen of twenty and all endpoints took at most so long for their last probe.",
        *(
            Query(expr=f"quantile({q}, {MANY('smtp_probe_duration_seconds')})", legend=legend)
            for q, legend in ((0.5, "half"), (0.95, "nineteen of twenty"), (1, "slowest"))
        ),
        unit="s",
        low=0,
    ),
    lines(
        "Probes a second",
        "Probes that ended, by success. A fleet on a steady schedule draws a flat line.",
        Query(
            expr=f"sum(rate({MANY('smtp_probe_successes_total')}[$__rate_interval]))",
            legend="succeeded",
            scheduled_only=True,
        ),
        Query(
            expr=f"sum(rate({MANY('smtp_probe_attempts_total')}[$__rate_interval])) "
            f"- sum(rate({MANY('smtp_probe_successes_total')}[$__rate_interval]))",
            legend="failed",
            scheduled_only=True,
        ),
        unit="ops",
        stacked=True,
        low=0,
        min_interval="1m",
        overrides=(
            Override(field="succeeded", properties=(("color", {"mode": "fixed", "fixedColor": GREEN}),)),
            Override(field="failed", properties=(("color", {"mode": "fixed", "fixedColor": ORANGE}),)),
        ),
    ),
)

FLEET = Dashboard(
    uid="submission-fleet",
    title="Mail submission / Fleet",
    description="Every probed submission endpoint: what fails, why, whose problem it is, and since when.",
    file="fleet.json",
    variables=OF_A_FLEET,
    rows=(Row("", (*_NUMBERS, _STATUS, *_WORST)), Row("Over time", _OVER_TIME)),
)
