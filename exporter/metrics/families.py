"""The metric families, in the order in which they are exposed: names, types, labels and help.

The names and labels are a contract with dashboards and alerts.  Everything that speaks about metrics
(collector, renderer, documentation) reads these two tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from exporter.places import MOST_ASIDE


class Kind(StrEnum):
    """A metric type, spelt as both exposition formats spell it."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family.  Two families are the same only if they are the same object."""

    name: str
    """Without `_total`: OpenMetrics names the family so, the text format adds the suffix."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    """Beside `smtp_endpoint` and the configured labels; `le` of a histogram is not listed."""

    @property
    def exposed_name(self) -> str:
        """The name that a person types into a query; for a histogram the stem of its three."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What stands behind the name in the samples."""
        match self.kind:
            case Kind.GAUGE:
                return ("",)
            case Kind.COUNTER:
                return ("_total",)
            case Kind.HISTOGRAM:
                return ("_bucket", "_count", "_sum")
            case _:
                assert_never(self.kind)

    def label_names(self, suffix: str) -> tuple[str, ...]:
        """The names for the label values of a sample with this suffix."""
        return (*self.labels, "le") if suffix == "_bucket" else self.labels


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(name, Kind.GAUGE, text, labels)


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(name, Kind.COUNTER, text, labels)


def _histogram(name: str, text: str, *labels: str) -> Family:
    return Family(name, Kind.HISTOGRAM, text, labels)


ENDPOINT_LABEL = "smtp_endpoint"
"""The endpoint's name; the plain word belongs to the Prometheus Operator."""

ENDPOINT_INFO = _gauge(
    "smtp_probe_endpoint_info",
    "What is probed and how deep; the value is always 1.",
    *("host", "port", "tls", "module", "until"),
)
SUCCESS = _gauge("smtp_probe_success", "Whether the last probe reached the depth that was asked for.")
DURATION = _gauge("smtp_probe_duration_seconds", "Time that the last probe took, follow-up excluded.")
PHASE_DURATION = _gauge(
    "smtp_probe_phase_duration_seconds",
    "Time that the last probe spent in each planned phase; NaN for a phase that it did not reach.",
    "phase",
)
CONNECT_LATENCY = _histogram(
    "smtp_probe_connect_latency_seconds", "Time to connect, of every probe that connected."
)
LATENCY = _histogram("smtp_probe_latency_seconds", "Time that a whole probe took, of every successful probe.")
PHASE_LATENCY = _histogram(
    "smtp_probe_phase_latency_seconds",
    "Time in a phase, of every probe that passed it (with global.phase_latency).",
    "phase",
)
TCP_RTT = _gauge(
    "smtp_probe_tcp_rtt_seconds", "The kernel's own estimate of the round-trip time at the last probe."
)
ATTEMPTS = _counter("smtp_probe_attempts", "Probes that were made.")
SUCCESSES = _counter("smtp_probe_successes", "Probes that reached the depth that was asked for.")
FAILURES = _counter(
    "smtp_probe_failures",
    "Probes that failed, by the phase that failed, the cause and whose problem it is.",
    *("phase", "error_class", "fault_domain"),
)
OUTCOMES = _counter(
    "smtp_probe_outcomes",
    "How connecting, TLS and login ended in each probe that reached them; error_class none is success.",
    *("phase", "error_class"),
)
FAILURE = _gauge(
    "smtp_probe_failure",
    "1 for what is wrong now, 0 for what was wrong before.",
    *("phase", "error_class", "fault_domain"),
)
TLS_SUCCESS = _gauge(
    "smtp_probe_tls_success",
    "Whether the last probe got its encryption, STARTTLS and verification included; NaN when not reached.",
)
TLS_VERIFIED = _gauge(
    "smtp_probe_tls_verified",
    "Whether chain and name of the certificate were right at the last probe; NaN when not reached.",
)
AUTH_SUCCESS = _gauge(
    "smtp_probe_auth_success", "Whether the login of the last probe was accepted; NaN when not reached."
)
TLS_INFO = _gauge(
    "smtp_probe_tls_info",
    "Protocol version and cipher of the last handshake; the value is always 1.",
    *("version", "cipher"),
)
NOT_BEFORE = _gauge(
    "smtp_probe_certificate_not_before_timestamp_seconds",
    "Start of validity of the server's certificate (leaf) and of the one in its chain that ends first "
    "(earliest), whether they verify or not.",
    "certificate",
)
NOT_AFTER = _gauge(
    "smtp_probe_certificate_not_after_timestamp_seconds",
    "End of validity of the server's certificate (leaf) and of the one in its chain that ends first "
    "(earliest), whether they verify or not.",
    "certificate",
)
CERTIFICATE_INFO = _gauge(
    "smtp_probe_certificate_info",
    "The server's certificate; the value is always 1, and every label reads varies while it keeps changing.",
    *("subject", "issuer", "serial", "fingerprint_sha256"),
)
CAPABILITY = _gauge(
    "smtp_probe_capability",
    "Whether the server offered an extension at the last probe, before and after TLS.",
    *("capability", "tls"),
)
AUTH_MECHANISM = _gauge(
    "smtp_probe_auth_mechanism",
    "Whether the server offered a login mechanism at the last probe, before and after TLS.",
    *("mechanism", "tls"),
)
REPLY_CODE = _gauge(
    "smtp_probe_reply_code", "Code of the last SMTP reply that decided something; 0 when there was none."
)
IP_PROTOCOL = _gauge("smtp_probe_ip_protocol", "IP version of the last connection: 4 or 6.")
CONNECT_ATTEMPTS_FAILED = _gauge(
    "smtp_probe_connect_attempts_failed", "Addresses that failed before one answered, at the last probe."
)
INTERVAL = _gauge("smtp_probe_interval_seconds", "Configured time between two probes.")
TIMEOUT = _gauge("smtp_probe_timeout_seconds", "Configured deadline around one probe.")
LAST_RUN = _gauge("smtp_probe_last_run_timestamp_seconds", "When the last probe began.")
NEXT_RUN = _gauge("smtp_probe_next_run_timestamp_seconds", "When the next probe is due.")
BACKING_OFF = _gauge(
    "smtp_probe_backing_off", "Whether logins (auth) or whole probes (endpoint) are held back now.", "scope"
)
FOLLOWUPS = _counter("smtp_probe_followups", "Follow-up experiments, by what they showed.", "result")
TOKEN_EXPIRY = _gauge(
    "smtp_probe_oauth2_token_expiry_timestamp_seconds", "When the OAuth2 access token in use ends."
)
DATA_UNCERTAIN = _counter(
    "smtp_probe_data_uncertain", "Messages that were sent and never answered: accepted or not, nobody knows."
)

ENDPOINT_FAMILIES: tuple[Family, ...] = (
    *(ENDPOINT_INFO, SUCCESS, DURATION, PHASE_DURATION, CONNECT_LATENCY, LATENCY, PHASE_LATENCY, TCP_RTT),
    *(ATTEMPTS, SUCCESSES, FAILURES, OUTCOMES, FAILURE),
    *(TLS_SUCCESS, TLS_VERIFIED, AUTH_SUCCESS, TLS_INFO, NOT_BEFORE, NOT_AFTER, CERTIFICATE_INFO),
    *(CAPABILITY, AUTH_MECHANISM, REPLY_CODE, IP_PROTOCOL, CONNECT_ATTEMPTS_FAILED),
    *(INTERVAL, TIMEOUT, LAST_RUN, NEXT_RUN, BACKING_OFF, FOLLOWUPS, TOKEN_EXPIRY, DATA_UNCERTAIN),
)
"""The families whose series belong to one endpoint each."""

BUILD_INFO = _gauge(
    "submission_exporter_build_info",
    "Version of the exporter and of Python; the value is always 1.",
    *("version", "python_version"),
)
RELOAD_SUCCESSFUL = _gauge(
    "submission_exporter_config_last_reload_successful",
    "Whether the last attempt to load the configuration succeeded.",
)
RELOAD_TIME = _gauge(
    "submission_exporter_config_last_reload_success_timestamp_seconds",
    "When the configuration was last loaded with success.",
)
SCHEDULE_LAG = _histogram(
    "submission_exporter_schedule_lag_seconds",
    "How much later than due a probe started, and how long one waited for a place to go on.",
)
LOOP_LAG = _histogram(
    "submission_exporter_event_loop_lag_seconds",
    "How much later than asked for the event loop ran a timer: our own slowness, which whole durations contain.",
)
IN_FLIGHT = _gauge(
    "submission_exporter_probes_in_flight", "Probes that are at work now; those that wait are not among them."
)
IN_FLIGHT_LIMIT = _gauge(
    "submission_exporter_probes_in_flight_limit",
    "Probes that may be at work at the same time; exceeded rather than keep a server waiting for a second.",
)
WAITING = _gauge(
    "submission_exporter_probes_waiting",
    f"Probes that wait for a name, or for somebody who has been silent for a second; from {MOST_ASIDE} on none begins.",
)
SKIPPED = _counter(
    "submission_exporter_probes_skipped", "Probes that were due and not started, by reason.", "reason"
)
BUGS = _counter(
    "submission_exporter_bugs", "Exceptions of the exporter itself that nobody foresaw; the log has them."
)

EXPORTER_FAMILIES: tuple[Family, ...] = (
    *(BUILD_INFO, RELOAD_SUCCESSFUL, RELOAD_TIME, SCHEDULE_LAG, LOOP_LAG),
    *(IN_FLIGHT, IN_FLIGHT_LIMIT, WAITING, SKIPPED, BUGS),
)
"""The families of the exporter itself."""
