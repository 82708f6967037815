"""What a person sees of `check` and `classify`: steps as they end, then verdict, owner and remedy."""

from __future__ import annotations

import os
import shutil
import textwrap
from collections.abc import Callable
from typing import TextIO, assert_never

from exporter.inline_code import quoted
from exporter.model import (
    Confidence,
    ConnectFailure,
    Diagnosis,
    Dropped,
    Endpoint,
    Evidence,
    FaultDomain,
    Garbled,
    Injected,
    NameFailure,
    NotOffered,
    Observation,
    OurFault,
    Reply,
    Step,
    StepStatus,
    TimedOut,
    TlsFailure,
    TlsMode,
    TokenUnavailable,
    Words,
)

OWNERS = {
    FaultDomain.NONE: "nobody",
    FaultDomain.LOCAL: "this machine",
    FaultDomain.NETWORK: "the network between this machine and the server",
    FaultDomain.SETTINGS: "our settings (host, port, encryption or mechanism)",
    FaultDomain.CREDENTIALS: "the credentials (user name, password or account)",
    FaultDomain.SERVER: "the server",
}
_TLS_WORDS = {TlsMode.STARTTLS: "STARTTLS", TlsMode.IMPLICIT: "implicit TLS", TlsMode.NONE: "no TLS"}
_NARROWEST, _WIDEST = 40, 96
_MOST_LINES = 12
"""Of a reply: a reason takes a few, and a server may send thousands."""


class Style:
    """Colour where the stream is a terminal and nobody said NO_COLOR; plain text elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        self._on = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def _wrap(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._on else text

    def good(self, text: str) -> str:
        """Green."""
        return self._wrap("32", text)

    def bad(self, text: str) -> str:
        """Red and bold."""
        return self._wrap("1;31", text)

    def faint(self, text: str) -> str:
        """Grey."""
        return self._wrap("2", text)

    def strong(self, text: str) -> str:
        """Bold."""
        return self._wrap("1", text)


def heading(endpoint: Endpoint, style: Style) -> str:
    """Return the line above an endpoint's steps."""
    name = "" if endpoint.name == endpoint.target else f"{endpoint.target}, "
    return f"{style.strong(endpoint.name)}  {name}{_TLS_WORDS[endpoint.tls]}, until {endpoint.until}"


def step_line(step: Step, style: Style) -> str:
    """Return one step: mark, phase, time, and what failed it."""
    match step.status:
        case StepStatus.PASSED:
            mark, words = style.good("ok  "), style.faint(step.note)
        case StepStatus.FAILED:
            mark = style.bad("FAIL")
            words = evidence_words(step.evidence) if step.evidence is not None else ""
        case StepStatus.SKIPPED:
            mark, words = style.faint("-   "), style.faint(step.note)
        case _:
            assert_never(step.status)
    time = "" if step.seconds is None else f"{step.seconds * 1000:.1f} ms"
    first, *rest = words.split("\n") if words else [""]
    line = f"  {mark}  {step.phase:<9} {time:>11}  {first}".rstrip()
    return "\n".join((line, *(" " * 30 + more for more in rest)))


def verdict(observation: Observation, style: Style, notes: tuple[str, ...] = ()) -> str:
    """Return the verdict below the steps: what, whose problem, what to do."""
    diagnosis = observation.diagnosis
    total = f"{observation.result.seconds * 1000:.0f} ms"
    if observation.result.success:
        head = f"  {style.good('healthy')} in {total}"
        return "\n".join((head, *_follow_up_lines(observation), *_wrapped("Note: ", notes)))
    return "\n".join(
        (
            diagnosis_text(diagnosis, style),
            *_follow_up_lines(observation),
            *_wrapped("Note: ", notes),
        )
    )


def diagnosis_text(diagnosis: Diagnosis, style: Style) -> str:
    """Return a diagnosis in words."""
    sure = {
        Confidence.CERTAIN: "",
        Confidence.LIKELY: " (likely)",
        Confidence.GUESS: " (a guess)",
    }[diagnosis.confidence]
    lines = [f"  {style.bad(diagnosis.error_class)}{sure}"]
    lines += _wrapped("", (diagnosis.summary,))
    lines += _wrapped("Whose problem: ", (OWNERS[diagnosis.fault_domain],))
    if diagnosis.remedy:
        lines.append("  What to do:")
        for number, remedy in enumerate(diagnosis.remedy, 1):
            lines += textwrap.wrap(
                quoted(remedy), _width(), initial_indent=f"    {number}. ", subsequent_indent=" " * 7
            )
    if diagnosis.runner_up is not None:
        lines += _wrapped("Could also be: ", (str(diagnosis.runner_up),))
    if diagnosis.outlook_code is not None:
        lines += _wrapped("Outlook shows: ", (diagnosis.outlook_code,))
    lines.append(style.faint(f"  rule {diagnosis.rule}"))
    return "\n".join(lines)


def _width() -> int:
    """Return how long a line may be: as wide as the terminal, within what reads well."""
    return max(_NARROWEST, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))


def _wrapped(label: str, texts: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for text in texts:
        lines += textwrap.wrap(label + text, _width(), initial_indent="  ", subsequent_indent="    ")
    return lines


def _follow_up_lines(observation: Observation) -> list[str]:
    return [
        f"  Also tried: {f.experiment} at {f.target}: {f.outcome} ({f.seconds * 1000:.0f} ms)"
        for f in observation.follow_ups
    ]


def evidence_words(evidence: Evidence) -> str:
    """Return what was seen in a line or a few, for a person; control characters made visible."""
    match evidence:
        case Reply():
            separators = ["-"] * (len(evidence.lines) - 1) + [" "]
            texts = evidence.text.split("\n")
            lines = [
                _clean(f"{evidence.code}{mark}{text}") for mark, text in zip(separators, texts, strict=False)
            ]
            if left_out := max(0, len(lines) - _MOST_LINES):
                # The first line says what, and the last one often why.
                lines[_MOST_LINES - 1 : -1] = [f"... ({left_out} lines are left out)"]
            return "\n".join(lines)
        case NameFailure():
            words = f"name look-up: {evidence.kind.replace('_', ' ')}"
            return _clean(f"{words} ({evidence.detail})" if evidence.detail else words)
        case ConnectFailure():
            tried = ", ".join(f"{a.address} {a.outcome.replace('_', ' ')}" for a in evidence.attempts)
            return _clean(tried or evidence.errno or "no answer")
        case TlsFailure():
            return _clean(evidence.verify_error or evidence.reason or evidence.detail or "TLS failed")
        case TimedOut():
            if evidence.partial:
                began = evidence.partial.decode("latin-1")
                return _clean(f"no whole answer came within {evidence.limit:.3g} s: {began}")
            return f"nothing came within {evidence.limit:.3g} s"
        case Dropped():
            return "the server ended the connection" + (f" ({evidence.errno})" if evidence.errno else "")
        case NotOffered():
            offered = f"; offered: {', '.join(evidence.offered)}" if evidence.offered else ""
            return _clean(f"{evidence.capability} is not offered{offered}")
        case Garbled():
            return _clean(f"{evidence.why}: {evidence.line.decode('latin-1')}")
        case Injected():
            return _clean(f"plaintext behind the STARTTLS reply: {evidence.data.decode('latin-1')}")
        case TokenUnavailable():
            return _clean(f"no token: {evidence.error}")
        case Words():
            return _clean(evidence.text)
        case OurFault():
            return f"an error of this program: {evidence.kind}; the log has it whole"
        case _:
            assert_never(evidence)


def _clean(text: str) -> str:
    text = text[:300]
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class InOrder:
    """Prints the blocks of concurrent endpoints in order; the front one live, the others when it ends."""

    def __init__(self, count: int, write: Callable[[str], None]) -> None:
        self._write = write
        self._lines: list[list[str]] = [[] for _ in range(count)]
        self._done = [False] * count
        self._front = 0

    def line(self, index: int, text: str) -> None:
        """Add a line to block `index`; it shows at once when the block is in front."""
        if index == self._front:
            self._write(text)
        else:
            self._lines[index].append(text)

    def done(self, index: int) -> None:
        """Close block `index` and show all that had to wait for it."""
        self._done[index] = True
        while self._front < len(self._done) and self._done[self._front]:
            self._front += 1
            if self._front < len(self._done):
                self._write("")
                for text in self._lines[self._front]:
                    self._write(text)
