"""*Endpoint*: what one endpoint does, phase by phase, and what its server offers."""

from __future__ import annotations

from dashboards.source.dashboard import Dashboard, Row
from dashboards.source.endpoint_offers import OFFERS
from dashboards.source.panel import Override, Query, thresholds
from dashboards.source.promql import ONE, availability, failing, quantile, seconds_left, since
from dashboards.source.shared import (
    DAYS,
    GOOD_ABOVE,
    NONE_IS_GOOD,
    SERIES,
    to_cause,
    to_runbook,
)
from dashboards.source.variables import (
    DATASOURCE,
    ENDPOINT_METRIC,
    EXPORTER_URL,
    endpoint,
    instance,
    job,
)
from dashboards.source.visuals import lines, stat, timeline
from dashboards.source.words import (
    BLUE,
    CAUSES,
    DOMAINS,
    ENDED,
    GREEN,
    GREY,
    HELD_BACK,
    IP_VERSION,
    LOGIN,
    NO_REPLY,
    ORANGE,
    RED,
    RIGHT_NOW,
    STATE,
    TLS_VERDICT,
    VERIFIED,
    YELLOW,
)

SUCCESS = ONE("smtp_probe_success")

NOW = (
    f"max by (error_class, fault_domain, smtp_endpoint) ({failing(ONE)}) or "
    f'label_replace(label_replace(min by (smtp_endpoint) ({SUCCESS}) == 1, "error_class", "none", "", ""), '
    f'"fault_domain", "none", "", "")'
)
"""What is wrong now; one row that says `none` when nothing is."""

_NUMBERS = (
    stat(
        "State",
        "Whether the last probe reached the depth that was asked for.",
        Query(expr=f"min({SUCCESS})", now=True),
        width=3,
        mappings=(STATE,),
        steps=NONE_IS_GOOD,
        filled=True,
        links=(to_runbook("MailSubmissionDown"),),
    ),
    stat(
        "Cause",
        "Why the last probe failed; a click leads to what it means and what to do about it.",
        Query(expr=NOW, table=True),
        width=7,
        field="/^error_class$/",
        mappings=(CAUSES,),
        links=(to_cause("__data.fields"),),
    ),
    stat(
        "Who is to act",
        "Whose problem it is.",
        Query(expr=NOW, table=True),
        width=5,
        field="/^fault_domain$/",
        mappings=(DOMAINS,),
    ),
    stat(
        "Since",
        "When the last probe ended the other way.",
        Query(expr=f"max({since(ONE)})", now=True, empty_when="the state did not change in the time shown"),
        width=3,
        unit="dateTimeFromNow",
        no_value="before",
    ),
    stat(
        "Probes that succeeded",
        "Of all probes in the time shown.",
        Query(expr=f"min({availability(ONE)})", now=True),
        width=3,
        unit="percentunit",
        decimals=2,
        steps=GOOD_ABOVE,
    ),
    stat(
        "Certificate: days left",
        "Days until the first certificate of the chain ends; seen within the last hour, valid or not.",
        Query(expr=f"min({seconds_left(ONE)}) / 86400", now=True),
        width=3,
        decimals=0,
        no_value="none seen",
        mappings=(ENDED,),
        steps=DAYS,
        links=(to_runbook("MailSubmissionCertificateExpiringSoon"),),
    ),
)

_OUTCOME = (
    timeline(
        "Outcome",
        "How probe, encryption and login ended. A gap in encryption or login means that the probe did not "
        "get that far.",
        Query(expr=f"min({SUCCESS})", legend="Probe"),
        Query(expr=f"min({ONE('smtp_probe_tls_success')} >= 0)", legend="Encryption"),
        Query(expr=f"min({ONE('smtp_probe_tls_verified')} >= 0)", legend="Certificate"),
        Query(expr=f"min({ONE('smtp_probe_auth_success')} >= 0)", legend="Login"),
        height=6,
        mappings=(STATE,),
        overrides=(
            Override(field="Encryption", properties=(("mappings", [TLS_VERDICT]),)),
            Override(field="Certificate", properties=(("mappings", [VERIFIED]),)),
            Override(field="Login", properties=(("mappings", [LOGIN]),)),
        ),
    ),
    timeline(
        "What was wrong",
        "The cause of each failure, when it was seen. A click leads to what it means.",
        Query(
            expr=f"max by (error_class) ({failing(ONE)})",
            legend="{{error_class}}",
            empty_when="nothing failed in the time shown",
        ),
        height=6,
        no_value="nothing failed",
        mappings=(RIGHT_NOW,),
        links=(to_cause(SERIES),),
    ),
)

PHASES = (
    *(
        (f'phase="{phase}"', phase)
        for phase in ("dns", "connect", "greeting", "ehlo", "starttls", "tls", "auth")
    ),
    ('phase=~"mail|rcpt|data"', "{{phase}}"),
    ('phase="quit"', "quit"),
)
"""One query each, so that they are stacked in the order in which they happen."""

_TIME = (
    lines(
        "Time in each phase",
        "Where the last probe spent its time, in the order in which it happens. A phase that was not "
        "reached is left out.",
        *(
            Query(
                expr=f"max by (phase) ({ONE('smtp_probe_phase_duration_seconds', phases)} >= 0)",
                legend=legend,
            )
            for phases, legend in PHASES
        ),
        unit="s",
        stacked=True,
        low=0,
        height=10,
        calcs=("lastNotNull", "max"),
        legend_on_the_right=True,
    ),
    lines(
        "Time of a whole probe",
        "Within which time 50, 95 and 99 of 100 successful probes ended, and how long the last probe of any "
        "outcome took.",
        *(
            Query(
                expr=quantile(ONE, q, "smtp_probe_latency_seconds"),
                legend=legend,
                scheduled_only=True,
            )
            for q, legend in ((0.5, "50 of 100"), (0.95, "95 of 100"), (0.99, "99 of 100"))
        ),
        Query(expr=f"max({ONE('smtp_probe_duration_seconds')})", legend="last probe"),
        Query(expr=f"max({ONE('smtp_probe_timeout_seconds')})", legend="deadline"),
        unit="s",
        low=0,
        height=10,
        min_interval="1m",
        calcs=("lastNotNull", "max"),
        legend_on_the_right=True,
        overrides=(
            Override(
                field="deadline",
                properties=(
                    ("color", {"mode": "fixed", "fixedColor": RED}),
                    ("custom.lineStyle", {"fill": "dash", "dash": [8, 8]}),
                    ("custom.fillOpacity", 0),
                ),
            ),
            Override(
                field="last probe",
                properties=(("color", {"mode": "fixed", "fixedColor": GREY}), ("custom.fillOpacity", 0)),
            ),
        ),
    ),
    timeline(
        "Last reply that decided something",
        "The code of the refusal, or of the last command that was accepted before QUIT. 4xx asks to try "
        "later, 5xx refuses.",
        Query(expr=f"max by (instance) ({ONE('smtp_probe_reply_code')})", legend="{{instance}}"),
        height=5,
        mappings=(NO_REPLY,),
        steps=thresholds((None, GREY), (200, GREEN), (400, ORANGE), (500, RED)),
    ),
    lines(
        "Network",
        "The kernel's own round-trip estimate, and within which time 95 of 100 connections were made.",
        Query(expr=f"max({ONE('smtp_probe_tcp_rtt_seconds')})", legend="round trip"),
        Query(
            expr=quantile(ONE, 0.95, "smtp_probe_connect_latency_seconds"),
            legend="connect, 95 of 100",
            scheduled_only=True,
        ),
        unit="s",
        low=0,
        height=5,
        min_interval="1m",
    ),
    lines(
        "Time of a phase, of many probes",
        "Within which time 95 of 100 probes passed each phase; only with global.phase_latency, which adds ten "
        "series for each.",
        Query(
            expr=quantile(ONE, 0.95, "smtp_probe_phase_latency_seconds", by="phase"),
            legend="{{phase}}",
            scheduled_only=True,
            empty_when="global.phase_latency is not set",
        ),
        width=24,
        height=7,
        unit="s",
        no_value="global.phase_latency is not set",
        low=0,
        min_interval="1m",
        calcs=("lastNotNull", "max"),
        legend_on_the_right=True,
    ),
)

_PROBING = (
    stat(
        "Last probe",
        "When the last probe began.",
        Query(expr=f"1000 * max({ONE('smtp_probe_last_run_timestamp_seconds')})", now=True),
        unit="dateTimeFromNow",
        width=3,
    ),
    stat(
        "Next probe in",
        "Time until the next probe is due.",
        Query(
            expr=f"clamp_min(min({ONE('smtp_probe_next_run_timestamp_seconds')}) - time(), 0)",
            now=True,
            scheduled_only=True,
        ),
        unit="s",
        decimals=0,
        no_value="when it is asked for",
        width=3,
    ),
    stat(
        "Interval",
        "Configured time between two probes.",
        Query(expr=f"min({ONE('smtp_probe_interval_seconds')})", now=True, scheduled_only=True),
        unit="s",
        no_value="that of the scrapes",
        width=3,
    ),
    stat(
        "Logins",
        "Whether logins are held back after a rejection, so that a wrong password locks no account.",
        Query(expr=f"""max({ONE("smtp_probe_backing_off", 'scope="auth"')})""", now=True),
        mappings=(HELD_BACK,),
        steps=thresholds((None, GREEN), (1, YELLOW)),
        links=(to_runbook("MailSubmissionCredentialsRejected"),),
        width=3,
    ),
    stat(
        "IP version",
        "Of the last connection.",
        Query(expr=f"max({ONE('smtp_probe_ip_protocol')})", now=True),
        no_value="not connected",
        mappings=(IP_VERSION,),
        steps=thresholds((None, BLUE)),
        width=3,
    ),
    stat(
        "Addresses that failed",
        "How many addresses of the name failed before one answered: a dead backend hides behind the next.",
        Query(expr=f"max({ONE('smtp_probe_connect_attempts_failed')})", now=True),
        no_value="not connected",
        steps=thresholds((None, GREEN), (1, ORANGE)),
        width=3,
    ),
    stat(
        "OAuth2 token",
        "When the access token ends that the probe logs in with. A new one is fetched before; where the token comes "
        "from a file, whoever writes the file has to renew it.",
        Query(
            expr=f"1000 * min({ONE('smtp_probe_oauth2_token_expiry_timestamp_seconds')})",
            now=True,
            empty_when="no endpoint logs in with OAuth2",
        ),
        unit="dateTimeFromNow",
        no_value="not used",
        links=(to_runbook("MailSubmissionCredentialsRejected"),),
        width=3,
    ),
    stat(
        "Messages in doubt",
        "How many messages were sent and never answered in the time that is shown: delivered or not, nobody knows.",
        Query(
            expr=f"sum(increase({ONE('smtp_probe_data_uncertain_total')}[$__range]))",
            now=True,
            empty_when="no endpoint sends messages",
            scheduled_only=True,
        ),
        no_value="none sent",
        decimals=0,
        steps=thresholds((None, GREEN), (1, ORANGE)),
        width=3,
    ),
    lines(
        "Failed probes, by phase and cause",
        "How many probes failed around each time. The very first failure of a cause draws no "
        "bar, because its counter begins with it.",
        Query(
            expr=f"sum by (phase, error_class) (increase({ONE('smtp_probe_failures_total')}[$__rate_interval]))",
            legend="{{phase}}: {{error_class}}",
            empty_when="nothing fails",
            scheduled_only=True,
        ),
        width=24,
        height=7,
        no_value="nothing failed",
        stacked=True,
        bars=True,
        low=0,
        min_interval="1m",
    ),
)

ENDPOINT = Dashboard(
    uid="submission-endpoint",
    title="Mail submission / Endpoint",
    description="One submission endpoint: where its probes end, how long each phase takes, and what its server offers.",
    file="endpoint.json",
    variables=(
        DATASOURCE,
        job(ENDPOINT_METRIC),
        instance(ENDPOINT_METRIC),
        endpoint(many=False),
        EXPORTER_URL,
    ),
    rows=(
        Row("", (*_NUMBERS, *_OUTCOME, *_TIME)),
        Row("Encryption and what the server offers", OFFERS),
        Row("Probing", _PROBING),
    ),
)
