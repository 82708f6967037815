"""Queries: selectors that never forget a variable, and the expressions that several dashboards share.

A gauge that can be NaN (phase durations, TLS and login verdicts) is filtered with `>= 0` before it is
aggregated, because one NaN makes a whole sum NaN.  Ratios are taken of sums, never averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

OF_AN_ENDPOINT = "job, instance, smtp_endpoint"
"""The labels that tell one probed endpoint from another, whoever probes it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What the variables of a dashboard let through."""

    endpoint: str = ""
    """The matcher for the endpoint's name; empty where a dashboard is not about endpoints."""

    def __call__(self, metric: str, *matchers: str, **labels: str) -> str:
        """Return a selector of this metric: the variables' matchers, `matchers` and these `labels`."""
        exact = (f'{label}="{value}"' for label, value in labels.items())
        chosen = ('job=~"$job"', 'instance=~"$instance"', self.endpoint, *matchers, *exact)
        return f"{metric}{{{', '.join(filter(None, chosen))}}}"


MANY = Scope('smtp_endpoint=~"$endpoint"')
"""Several endpoints: Grafana escapes the names for the regular expression."""
ONE = Scope('smtp_endpoint="$endpoint"')
"""One endpoint, by its exact name: `[::1]:587` is not meant as a regular expression."""
NONE = Scope()
"""Metrics that belong to no endpoint."""


def availability(scope: Scope, window: str = "$__range") -> str:
    """Return the share of probes that succeeded, for each endpoint.

    Counters count every probe once.  Behind `/probe` there are none that grow, because each scrape is a
    probe of its own: there the samples of the gauge are the probes.
    """
    successes = f"increase({scope('smtp_probe_successes_total')}[{window}])"
    attempts = f"increase({scope('smtp_probe_attempts_total')}[{window}])"
    sampled = f"avg_over_time({scope('smtp_probe_success')}[{window}])"
    return f"({successes} / ({attempts} > 0) or {sampled})"


def fleet_availability(scope: Scope, window: str = "$__range") -> str:
    """Return the share of all probes together that succeeded."""
    successes = f"sum(increase({scope('smtp_probe_successes_total')}[{window}]))"
    attempts = f"sum(increase({scope('smtp_probe_attempts_total')}[{window}]))"
    succeeded = f"sum(sum_over_time({scope('smtp_probe_success')}[{window}]))"
    sampled = f"sum(count_over_time({scope('smtp_probe_success')}[{window}]))"
    return f"({successes} / ({attempts} > 0) or {succeeded} / {sampled})"


def budget_left(availability_of: str) -> str:
    """Return the share of the error budget that is left: 1 untouched, 0 spent, negative overspent."""
    return f"1 - (1 - {availability_of}) / (1 - $objective)"


def burn_rate(availability_of: str) -> str:
    """Return how many times faster than allowed the error budget is being spent."""
    return f"(1 - {availability_of}) / (1 - $objective)"


def seconds_left(scope: Scope, certificate: str = "earliest") -> str:
    """Return the seconds until a certificate ends; what was seen within the last hour counts."""
    return f"{_end(scope, certificate)} - time()"


def life_left(scope: Scope, certificate: str = "earliest") -> str:
    """Return the share of its life that a certificate has left; certificates live 6 to 398 days."""
    begin = scope("smtp_probe_certificate_not_before_timestamp_seconds", certificate=certificate)
    return (
        f"({_end(scope, certificate)} - time()) / ({_end(scope, certificate)} - last_over_time({begin}[1h]))"
    )


def _end(scope: Scope, certificate: str) -> str:
    end = scope("smtp_probe_certificate_not_after_timestamp_seconds", certificate=certificate)
    return f"last_over_time({end}[1h])"


def since(scope: Scope) -> str:
    """Return when the last probe ended differently from now, as Unix milliseconds.

    Nothing is returned where the state was the same all the time that is shown.
    """
    success = scope("smtp_probe_success")
    last_good = f"max_over_time(timestamp({success} == 1)[$__range:$__interval])"
    last_bad = f"max_over_time(timestamp({success} == 0)[$__range:$__interval])"
    return f"1000 * ({last_good} and {success} == 0 or {last_bad} and {success} == 1)"


def quantile(scope: Scope, quantile: float, metric: str, by: str = "") -> str:
    """Return a quantile of a histogram; a stretch without a probe has none."""
    buckets = f"rate({scope(metric + '_bucket')}[$__rate_interval])"
    grouping = f"le, {by}" if by else "le"
    return f"histogram_quantile({quantile}, sum by ({grouping}) ({buckets})) >= 0"


def failing(scope: Scope, **labels: str) -> str:
    """Return what is wrong now: one series for each endpoint that fails."""
    return f"{scope('smtp_probe_failure', **labels)} == 1"
