"""The series of an endpoint as lines of text: the same in both formats, the same as prometheus_client's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from exporter.metrics.families import ENDPOINT_FAMILIES, ENDPOINT_LABEL, Family
from exporter.metrics.number import numbers
from exporter.metrics.series import Block, Shape
from exporter.model import Endpoint

_POSITION = {family: position for position, family in enumerate(ENDPOINT_FAMILIES)}


def own_labels(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    """Return the labels that every series of an endpoint carries, sorted by name."""
    return tuple(sorted(((ENDPOINT_LABEL, endpoint.name), *endpoint.labels)))


def endpoint_text(endpoint: Endpoint, blocks: Iterable[Block]) -> tuple[bytes, ...]:
    """Return the lines of one endpoint, one text for each of `ENDPOINT_FAMILIES`, empty where absent."""
    own = own_labels(endpoint)
    names = tuple([name for name, _ in own])
    escaped = [_escape(value) for _, value in own]
    texts = [b""] * len(ENDPOINT_FAMILIES)
    shapes: list[Shape] = []
    flat: list[float] = []
    for shape, values in blocks:
        if shape.is_common:
            shapes.append(shape)
            flat += values
        else:
            line = _uncommon_line(shape, values[0], names, escaped)
            texts[_POSITION[shape.family]] += _in_bytes(line)
    layout = _layout(tuple(shapes), names)
    pieces = layout.pieces.copy()
    stride = 2 * len(names) + 3
    for place, value in enumerate(escaped):
        pieces[2 * place + 1 :: stride] = [value] * len(flat)
    pieces[stride - 2 :: stride] = numbers(flat)
    for position, first, end in layout.spans:
        texts[position] += _in_bytes("".join(pieces[first:end]))
    return tuple(texts)


def _in_bytes(text: str) -> bytes:
    # A lone surrogate has no bytes; one endpoint's odd label must not take everyone's metrics away.
    return text.encode(errors="replace")


class _Layout(NamedTuple):
    """Lines in pieces: of each line a text before each own label, the label; a text, the number; the end of the line."""

    pieces: list[str]
    """Labels and numbers are empty."""
    spans: list[tuple[int, int, int]]
    """Of each family its position, and which pieces are its lines."""


@lru_cache(maxsize=1024)
def _layout(shapes: tuple[Shape, ...], own: tuple[str, ...]) -> _Layout:
    """Return the lines of `shapes`, which endpoints in the same state share."""
    pieces: list[str] = []
    spans: list[tuple[int, int, int]] = []
    for shape in shapes:
        first, position = len(pieces), _POSITION[shape.family]
        pieces += _pieces(shape, own)
        if spans and spans[-1][0] == position:
            first = spans.pop()[1]
        spans.append((position, first, len(pieces)))
    return _Layout(pieces, spans)


@lru_cache(maxsize=4096)
def _pieces(shape: Shape, own: tuple[str, ...]) -> tuple[str, ...]:
    pieces: list[str] = []
    for series in shape.series:
        labels = dict(zip(shape.family.label_names(series.suffix), series.labels, strict=True))
        text = f"{shape.family.name}{series.suffix}{{"
        for name in sorted((*own, *labels)):
            text += f'{name}="'
            if name in labels:
                text += _escape(labels[name])
            else:
                pieces += (text, "")
                text = ""
            text += '",'
        pieces += (f"{text.removesuffix(',')}}} ", "", "\n")
    return tuple(pieces)


def _uncommon_line(shape: Shape, value: float, names: tuple[str, ...], escaped: Sequence[str]) -> str:
    (series,) = shape.series
    template, places = _uncommon_template(shape.family, series.suffix, names)
    texts = (*escaped, *map(_escape, series.labels))
    return template % (*[texts[place] for place in places], *numbers((value,)))


@lru_cache(maxsize=256)
def _uncommon_template(family: Family, suffix: str, own: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """Return a line with a `%s` for every label value and for the number, and whose value stands where."""
    places = {name: place for place, name in enumerate((*own, *family.labels))}
    pairs = ",".join(f'{name}="%s"' for name in sorted(places))
    line = f"{family.name}{suffix}{{{pairs}}} %s\n"
    return line, tuple([places[name] for name in sorted(places)])


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
