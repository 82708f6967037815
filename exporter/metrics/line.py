"""The samples of an endpoint as lines of text: the same in both formats, the same as prometheus_client's."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from exporter.metrics.families import ENDPOINT_FAMILIES, ENDPOINT_LABEL, Family
from exporter.metrics.sample import Sample, number
from exporter.model import Endpoint

_POSITION = {family: position for position, family in enumerate(ENDPOINT_FAMILIES)}


def own_labels(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    """Return the labels that every series of an endpoint carries, sorted by name."""
    return tuple(sorted(((ENDPOINT_LABEL, endpoint.name), *endpoint.labels)))


def endpoint_text(endpoint: Endpoint, samples: Iterable[Sample]) -> tuple[bytes, ...]:
    """Return the lines of one endpoint, one text for each of `ENDPOINT_FAMILIES`, empty where absent."""
    lines: list[list[str]] = [[] for _ in ENDPOINT_FAMILIES]
    own = own_labels(endpoint)
    names = tuple(name for name, _ in own)
    values = tuple(_escape(value) for _, value in own)
    for family, value, labels, suffix in samples:
        series = _series(family, suffix, labels, names) % values
        lines[_POSITION[family]].append(f"{series} {number(value)}\n")
    # A lone surrogate has no bytes; one endpoint's odd label must not take everyone's metrics away.
    return tuple("".join(texts).encode(errors="replace") for texts in lines)


@lru_cache(maxsize=4096)
def _series(family: Family, suffix: str, labels: tuple[str, ...], own: tuple[str, ...]) -> str:
    """Return name and labels, with a `%s` for the value of each of `own`.

    Most label values are from closed sets, so ten thousand endpoints share a few hundred of these.
    """
    values = dict.fromkeys(own, "%s")
    for name, value in zip(family.label_names(suffix), labels, strict=True):
        values[name] = _escape(value).replace("%", "%%")
    pairs = ",".join(f'{name}="{values[name]}"' for name in sorted(values))  # as prometheus_client does
    return f"{family.name}{suffix}{{{pairs}}}"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
