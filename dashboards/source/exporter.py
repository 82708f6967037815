"""*Exporter health*: whether the exporter itself can be believed."""

from __future__ import annotations

from dashboards.source.dashboard import Dashboard, Row
from dashboards.source.panel import Override, Query, thresholds
from dashboards.source.promql import NONE, quantile
from dashboards.source.shared import COLORED_CELL, NONE_IS_GOOD, to_runbook, width
from dashboards.source.variables import DATASOURCE, EXPORTER_METRIC, EXPORTER_URL, instance, job
from dashboards.source.visuals import lines, stat, table, timeline
from dashboards.source.words import GREEN, ORANGE, REACHED, RED, RELOAD, YELLOW
from exporter.places import MOST_ASIDE

OWN = "submission_exporter_"
NOT_ON_PURPOSE = 'reason!="backoff"'

_NUMBERS = (
    stat(
        "Answering",
        "Exporters that answer Prometheus.",
        Query(expr=f"sum({NONE('up')})", now=True),
        steps=thresholds((None, RED), (1, GREEN)),
    ),
    stat(
        "Without answer",
        "Exporters that Prometheus cannot scrape. What they watch is not being watched.",
        Query(expr=f"sum({NONE('up')} == bool 0)", now=True),
        steps=NONE_IS_GOOD,
        filled=True,
        links=(to_runbook("SubmissionExporterTargetDown"),),
    ),
    stat(
        "Configuration",
        "Whether the last attempt to load the configuration succeeded everywhere. When refused, the one "
        "before stays in force and the log names every problem.",
        Query(expr=f"min({NONE(OWN + 'config_last_reload_successful')})", now=True),
        mappings=(RELOAD,),
        steps=thresholds((None, RED), (1, GREEN)),
        links=(to_runbook("SubmissionExporterReloadFailed"),),
    ),
    stat(
        "Endpoints",
        "Endpoints that are configured, over all exporters.",
        Query(expr=f"count({NONE('smtp_probe_endpoint_info')})", now=True),
    ),
    stat(
        "Probes skipped",
        "Probes that were due and not started in the time shown: the one before still ran, or there were "
        "too many at once. Those held back on purpose do not count.",
        Query(
            expr=f"sum(increase({NONE(OWN + 'probes_skipped_total', NOT_ON_PURPOSE)}[$__range]))", now=True
        ),
        decimals=0,
        steps=thresholds((None, GREEN), (1, ORANGE)),
        links=(to_runbook("SubmissionExporterProbesLate"),),
    ),
    stat(
        "Bugs",
        "Exceptions of the exporter itself that nobody foresaw, in the time shown. The log has them; please "
        "report them.",
        Query(expr=f"sum(increase({NONE(OWN + 'bugs_total')}[$__range]))", now=True),
        decimals=0,
        steps=NONE_IS_GOOD,
        links=(to_runbook("SubmissionExporterBugs"),),
    ),
)

_EXPORTERS = (
    table(
        "Every exporter",
        "Whether each answers, its version, and when it last loaded its configuration.",
        Query(
            expr=f"max by (job, instance, version, python_version) ({NONE(OWN + 'build_info')})", table=True
        ),
        Query(expr=f"max by (job, instance) ({NONE('up')})", table=True),
        Query(
            expr=f"1000 * max by (job, instance) ({NONE(OWN + 'config_last_reload_success_timestamp_seconds')})",
            table=True,
        ),
        Query(expr=f"min by (job, instance) ({NONE(OWN + 'config_last_reload_successful')})", table=True),
        Query(expr=f"count by (job, instance) ({NONE('smtp_probe_endpoint_info')})", table=True),
        Query(expr=f"max by (job, instance) ({NONE('scrape_samples_scraped')})", table=True),
        Query(expr=f"max by (job, instance) ({NONE('scrape_duration_seconds')})", table=True),
        columns={
            "Value #B": "State",
            "instance": "Instance",
            "job": "Job",
            "version": "Version",
            "python_version": "Python",
            "Value #D": "Last load",
            "Value #C": "Loaded",
            "Value #E": "Endpoints",
            "Value #F": "Series",
            "Value #G": "Scrape takes",
        },
        hidden=("Value #A",),
        width=24,
        height=6,
        no_value="",
        sort=("State", False),
        overrides=(
            Override(field="State", properties=(("mappings", [REACHED]), COLORED_CELL, width(95))),
            Override(field="Last load", properties=(("mappings", [RELOAD]), COLORED_CELL, width(95))),
            Override(field="Loaded", properties=(("unit", "dateTimeFromNow"),)),
            Override(field="Series", properties=(("unit", "short"),)),
            Override(field="Scrape takes", properties=(("unit", "s"),)),
        ),
    ),
)


def _quantiles(metric: str) -> tuple[Query, ...]:
    return tuple(
        Query(expr=quantile(NONE, q, OWN + metric), legend=legend)
        for q, legend in ((0.5, "50 of 100"), (0.99, "99 of 100"))
    )


_PUNCTUALITY = (
    lines(
        "How late probes start",
        "Within which time after it was due a probe started. Late probes mean too many endpoints or too "
        "little processor time for one exporter: shard.",
        *_quantiles("schedule_lag_seconds"),
        width=8,
        unit="s",
        low=0,
        min_interval="1m",
        links=(to_runbook("SubmissionExporterProbesLate"),),
    ),
    lines(
        "What our own slowness adds",
        "How much later than asked for the event loop ran a timer. Whole durations contain it many times; on "
        "Linux the seconds of single phases do not.",
        *_quantiles("event_loop_lag_seconds"),
        width=8,
        unit="s",
        low=0,
        min_interval="1m",
        links=(to_runbook("SubmissionExporterEventLoopLag"),),
    ),
    lines(
        "Room for probes",
        "How many of the probes that may be at work at once are, and how many of the "
        f"{MOST_ASIDE} that may wait for a name or a silent server do. At 100 % of either, probes wait for one another.",
        Query(
            expr=f"max by (instance) ({NONE(OWN + 'probes_in_flight')}"
            f" / {NONE(OWN + 'probes_in_flight_limit')})",
            legend="{{instance}} at work",
        ),
        Query(
            expr=f"max by (instance) ({NONE(OWN + 'probes_waiting')}) / {MOST_ASIDE}",
            legend="{{instance}} waiting",
        ),
        width=8,
        unit="percentunit",
        low=0,
    ),
    lines(
        "Probes",
        "Probes that ended, for each exporter.",
        Query(
            expr=f"sum by (instance) (rate({NONE('smtp_probe_attempts_total')}[$__rate_interval]))",
            legend="{{instance}}",
        ),
        width=8,
        unit="ops",
        low=0,
        min_interval="1m",
    ),
    lines(
        "Probes skipped, by reason",
        "late: due and not started in time. overlap: the one before still ran. backoff: held back on purpose.",
        Query(
            expr=f"sum by (reason) (rate({NONE(OWN + 'probes_skipped_total')}[$__rate_interval]))",
            legend="{{reason}}",
        ),
        width=8,
        unit="ops",
        low=0,
        min_interval="1m",
    ),
    lines(
        "Follow-up experiments, by what they showed",
        "Extra connections that were made to tell two causes apart. They are few by design.",
        Query(
            expr=f"sum by (result) (rate({NONE('smtp_probe_followups_total')}[$__rate_interval]))",
            legend="{{result}}",
            empty_when="nothing fails in a way that leaves a doubt",
        ),
        width=8,
        unit="ops",
        no_value="none needed",
        low=0,
        min_interval="1m",
    ),
)

_RESOURCES = (
    lines(
        "Processor",
        "Cores in use. One exporter can use one.",
        Query(
            expr=f"sum by (instance) (rate({NONE('process_cpu_seconds_total')}[$__rate_interval]))",
            legend="{{instance}}",
        ),
        width=8,
        unit="percentunit",
        low=0,
        min_interval="1m",
    ),
    lines(
        "Memory",
        "Resident memory.",
        Query(expr=f"max by (instance) ({NONE('process_resident_memory_bytes')})", legend="{{instance}}"),
        width=8,
        unit="bytes",
        low=0,
    ),
    lines(
        "Open files",
        "How many of the file descriptors that the system allows are open.",
        Query(
            expr=f"max by (instance) ({NONE('process_open_fds')} / {NONE('process_max_fds')})",
            legend="{{instance}}",
        ),
        width=8,
        unit="percentunit",
        low=0,
    ),
    timeline(
        "Answers",
        "When each exporter answered Prometheus.",
        Query(expr=f"max by (instance) ({NONE('up')})", legend="{{instance}}"),
        width=12,
        mappings=(REACHED,),
    ),
    lines(
        "Scrapes",
        "How long a scrape takes; beyond the scrape timeout, 10 s by default, nothing of it is kept.",
        Query(expr=f"max by (instance) ({NONE('scrape_duration_seconds')})", legend="{{instance}}"),
        width=12,
        height=6,
        unit="s",
        low=0,
        steps=thresholds((None, GREEN), (5, YELLOW), (10, RED)),
    ),
)

EXPORTER = Dashboard(
    uid="submission-exporter",
    title="Mail submission / Exporter health",
    description="Whether the exporters answer, probe in time, and have what they need.",
    file="exporter.json",
    variables=(DATASOURCE, job(EXPORTER_METRIC), instance(EXPORTER_METRIC), EXPORTER_URL),
    rows=(
        Row("", (*_NUMBERS, *_EXPORTERS, *_PUNCTUALITY)),
        Row("Resources", _RESOURCES),
    ),
)
