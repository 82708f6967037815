"""The series of an endpoint as lines of text: the same in both formats, the same as prometheus_client's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain, repeat

from exporter.metrics.families import ENDPOINT_FAMILIES, ENDPOINT_LABEL, Family
from exporter.metrics.number import number, numbers
from exporter.metrics.series import Block, Series, Shape
from exporter.model import Endpoint

_POSITION = {family: position for position, family in enumerate(ENDPOINT_FAMILIES)}


def own_labels(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    """Return the labels that every series of an endpoint carries, sorted by name."""
    return tuple(sorted(((ENDPOINT_LABEL, endpoint.name), *endpoint.labels)))


def endpoint_text(endpoint: Endpoint, blocks: Iterable[Block]) -> tuple[bytes, ...]:
    """Return the lines of one endpoint, one text for each of `ENDPOINT_FAMILIES`, empty where absent."""
    texts = [""] * len(ENDPOINT_FAMILIES)
    own = own_labels(endpoint)
    names = tuple([name for name, _ in own])
    escaped = tuple([_escape(value) for _, value in own])
    everywhere = [repeat(value) for value in escaped]
    for shape, values in blocks:
        if not shape.is_common:
            text = _uncommon_line(shape, values[0], names, escaped)
        elif len(values) == 1:
            text = _template(shape, names) % (*escaped, number(values[0]))
        else:
            text = _template(shape, names) % tuple(
                chain.from_iterable(zip(*everywhere, numbers(values), strict=False))
            )
        texts[_POSITION[shape.family]] += text
    # A lone surrogate has no bytes; one endpoint's odd label must not take everyone's metrics away.
    return tuple([text.encode(errors="replace") for text in texts])


@lru_cache(maxsize=4096)
def _template(shape: Shape, own: tuple[str, ...]) -> str:
    """Return the lines of `shape` with a `%s` for the value of each of `own`, and another for the number.

    Most label values are from closed sets, so ten thousand endpoints share a few hundred of these.
    """
    return "".join([_line(shape.family, series, own) for series in shape.series])


def _line(family: Family, series: Series, own: tuple[str, ...]) -> str:
    values = dict.fromkeys(own, "%s")
    for name, value in zip(family.label_names(series.suffix), series.labels, strict=True):
        values[name] = _escape(value).replace("%", "%%")
    return _written(family, series.suffix, values)


def _uncommon_line(shape: Shape, value: float, names: tuple[str, ...], escaped: tuple[str, ...]) -> str:
    (series,) = shape.series
    template, places = _uncommon_template(shape.family, series.suffix, names)
    texts = (*escaped, *map(_escape, series.labels))
    return template % (*[texts[place] for place in places], number(value))


@lru_cache(maxsize=256)
def _uncommon_template(family: Family, suffix: str, own: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """Return a line with a `%s` for every label value and for the number, and whose value stands where."""
    places = {name: place for place, name in enumerate((*own, *family.labels))}
    line = _written(family, suffix, dict.fromkeys(places, "%s"))
    return line, tuple([places[name] for name in sorted(places)])


def _written(family: Family, suffix: str, labels: Mapping[str, str]) -> str:
    """Return a line without its number, the labels sorted by name as prometheus_client does."""
    pairs = ",".join(f'{name}="{labels[name]}"' for name in sorted(labels))
    return f"{family.name}{suffix}{{{pairs}}} %s\n"


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
