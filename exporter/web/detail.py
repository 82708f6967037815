"""The page of one endpoint: the verdict first, then everything that the last probe saw."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from exporter.board import Entry
from exporter.metrics import Runtime
from exporter.model import Endpoint, Observation, Phase
from exporter.web.charts import history
from exporter.web.html import Html, join, tag
from exporter.web.layout import DOCTYPE, ago, facts, footer, head, masthead, section, when
from exporter.web.parts import badge, configuration_notice, problem_name, reasons, what_to_do
from exporter.web.past_view import failures, transitions
from exporter.web.probe_view import probe_sections
from exporter.web.query import state_of
from exporter.web.words import PHASES, TLS_MODES, span_words


class Detail:
    """Writes the page of one endpoint."""

    def __init__(
        self,
        runtime: Runtime,
        help_url: str | None = None,
        problems: Callable[[], Sequence[str]] = tuple,
        *,
        can_probe: bool = False,
    ) -> None:
        self._problems = problems
        self._runtime = runtime
        self._help_url = help_url
        self._can_probe = can_probe

    def page(self, entry: Entry) -> str:
        """Return the whole document."""
        now = time.time()
        sections = (
            self._verdict(entry, now),
            *(probe_sections(entry, entry.latest, now) if entry.latest is not None else ()),
            section("History", history(tuple(entry.history.rows())), transitions(entry, now)),
            failures(entry),
            self._settings(entry, now),
        )
        body = tag(
            "body",
            masthead(),
            tag(
                "main",
                tag("h1", entry.endpoint.name),
                configuration_notice(self._runtime, self._problems()),
                *sections,
                id="content",
            ),
            footer(self._runtime.version, now),
        )
        return DOCTYPE + tag("html", head(entry.endpoint.name), body, lang="en")

    def _verdict(self, entry: Entry, now: float) -> Html:
        state = badge(state_of(entry))
        since = (
            join(" since ", when(entry.since), ", ", ago(entry.since, now))
            if entry.since is not None
            else None
        )
        words = None
        if entry.latest is not None and not entry.latest.result.success:
            words = self._diagnosis(entry.latest)
        return tag(
            "section",
            tag("p", state, since),
            words,
            self._probe_now(entry.endpoint),
            id="verdict",
            data_live=True,
        )

    def _diagnosis(self, observation: Observation) -> Html:
        diagnosis, failed = observation.diagnosis, observation.failed_phase
        return join(
            tag("p", tag("strong", problem_name(diagnosis, self._help_url)), " ", diagnosis.summary),
            _standing(observation),
            what_to_do(diagnosis),
            reasons(diagnosis, ("Failed at", PHASES[failed] if failed is not None else None)),
        )

    def _probe_now(self, endpoint: Endpoint) -> Html | None:
        if not self._can_probe:
            return None
        return tag(
            "form",
            tag("input", type="hidden", name="name", value=endpoint.name),
            tag("button", "Probe now", type="submit"),
            method="post",
            action="probe-now",
        )

    def _settings(self, entry: Entry, now: float) -> Html:
        endpoint = entry.endpoint
        next_run = self._runtime.next_run(endpoint.name)
        held = self._runtime.backing_off(endpoint.name)
        waiting = [words for words, on in (("logins", held.auth), ("whole probes", held.endpoint)) if on]
        return section(
            "Settings",
            facts(
                ("Target", endpoint.target),
                ("Encryption", TLS_MODES[endpoint.tls]),
                ("Probed until", PHASES[endpoint.until]),
                ("Module", endpoint.module or None),
                ("Labels", ", ".join(f"{name}={value}" for name, value in endpoint.labels) or None),
                ("Every", span_words(endpoint.interval)),
                ("Deadline", span_words(endpoint.timeout)),
                ("Next probe", f"in {span_words(next_run - now)}" if next_run is not None else None),
                ("Held back", " and ".join(waiting) or None),
            ),
        )


def _standing(observation: Observation) -> Html | None:
    """Return that the verdict is an earlier probe's, where this one asked less; None where it is its own."""
    if observation.result.held_back:
        words = "The server has asked for patience: no connection was made this time, and its last verdict stands."
    elif observation.result.auth_withheld and observation.failed_phase is Phase.AUTH:
        words = (
            "The login was left out this time, so that no account is locked: the verdict is the last login's."
        )
    else:
        return None
    return tag("p", words)
