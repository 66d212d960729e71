"""One search box: features, layers, commitments and coordinates, by Chinese, English, pinyin or initials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import shapely

from geo_service.core import crs
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.plan import Commitment, Ledger
from geo_service.core.query import Bbox
from geo_service.core.text import Text
from geo_service.errors import BeingPrepared
from geo_service.storage.store import LayerState
from geo_service.usecases.large_names import sounds
from geo_service.usecases.memo import Memo
from geo_service.usecases.views import RevisionViews

LIMIT = 20
MAX_QUERY = 100
CANDIDATES = 60
"""Features of a large layer that are looked at for each way of fitting; more would not fit into the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that can be found: ``starts`` are the positions in ``pinyin`` where a character's syllable begins."""

    kind: str
    layer: str
    id: str
    title: Text
    subtitle: Text
    pinyin: str
    initials: str
    starts: tuple[int, ...]
    bbox: Bbox | None
    point: tuple[float, float] | None
    weight: int


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that fits: lower ``rank`` is better, ``matched`` is the range of characters of the Chinese title."""

    entry: Entry
    rank: int
    matched: tuple[int, int] | None


def search(
    query: str, states: Sequence[LayerState], views: RevisionViews, ledger: Ledger, memo: Memo[Any]
) -> list[Hit]:
    """What fits the query, best first, at most 20."""
    text = query.strip()[:MAX_QUERY]
    if not text:
        return []
    needle = text.casefold()
    hits = [hit for entry in _entries(states, views, ledger, memo) if (hit := match(entry, needle))]
    hits += [hit for entry in _candidates(states, views, needle) if (hit := match(entry, needle))]
    hits.sort(key=lambda h: (h.rank, -h.entry.weight, len(h.entry.title.zh), h.entry.title.zh, h.entry.id))
    return [*_coordinates(text), *hits][:LIMIT]


def _entries(states: Sequence[LayerState], views: RevisionViews, ledger: Ledger, memo: Memo[Any]) -> Iterable[Entry]:
    for state in states:
        prepared = views.summary(state.definition, state.revision).prepared
        key = ("search", state.definition.id, state.revision.rev, prepared)
        yield from memo.get(key, partial(_layer_entries, state, views))
    yield from memo.get(("search", "", ledger.id), lambda: tuple(_commitment_entry(c) for c in ledger.commitments))


def _layer_entries(state: LayerState, views: RevisionViews) -> tuple[Entry, ...]:
    definition = state.definition
    box = views.summary(definition, state.revision).bbox
    layer = Entry(
        kind="layer",
        layer=definition.id,
        id=definition.id,
        title=definition.title,
        subtitle=Text("图层", "Layer"),
        bbox=box,
        point=None,
        weight=3,
        **sounds(definition.title.zh),
    )
    features = () if views.is_large(state.revision) else views.features(state.revision)
    return (layer, *(_feature_entry(definition.id, definition.title, f, _weight(definition)) for f in features))


def _weight(definition: LayerDefinition) -> int:
    return 0 if definition.is_reference else 2 if definition.shown else 1


def _candidates(states: Sequence[LayerState], views: RevisionViews, needle: str) -> Iterable[Entry]:
    """Features of large layers that may fit: by the beginning of name or id first, then by any part of the name; none
    of a layer that is being prepared."""
    for state in states:
        with suppress(BeingPrepared):
            large = views.large(state.revision)
            if large is None:
                continue
            definition = state.definition
            rows = large.named(needle, CANDIDATES)
            yield from (_feature_entry(definition.id, definition.title, f, _weight(definition)) for f in rows)


def _feature_entry(layer: str, layer_title: Text, feature: Feature, weight: int) -> Entry:
    place = str(feature.properties.get("subdistrict") or "")
    shape = feature.shape()
    box = None if shape is None else _rounded(shape.bounds)
    inside = None if shape is None else shapely.point_on_surface(shape)
    return Entry(
        kind="feature",
        layer=layer,
        id=feature.id,
        title=Text(feature.name, str(feature.properties.get("name_en") or feature.name)),
        subtitle=Text(*(" · ".join(filter(None, (t, place))) for t in (layer_title.zh, layer_title.en))),
        bbox=box,
        point=None if inside is None else (round(inside.x, 7), round(inside.y, 7)),
        weight=weight,
        **sounds(feature.name),
    )


def _commitment_entry(commitment: Commitment) -> Entry:
    return Entry(
        kind="commitment",
        layer=commitment.layer,
        id=commitment.id,
        title=commitment.name,
        subtitle=Text(f"计划任务 · {commitment.section}", "Commitment of the plan"),
        bbox=None,
        point=None,
        weight=0,
        **sounds(commitment.name.zh),
    )


def _rounded(bounds: tuple[float, ...]) -> Bbox:
    west, south, east, north = (round(float(v), 7) for v in bounds)
    return (west, south, east, north)


def match(entry: Entry, needle: str) -> Hit | None:
    """Whether and how well an entry fits a case-folded query."""
    place = entry.title.zh.casefold().find(needle)
    if place >= 0:
        return Hit(entry, 0 if place == 0 else 1, (place, place + len(needle)))
    if entry.id.casefold().startswith(needle):
        return Hit(entry, 1, None)
    if needle.isascii() and (compact := re.sub(r"[\s'-]", "", needle)):
        return _match_latin(entry, needle, compact)
    return None


def _match_latin(entry: Entry, needle: str, compact: str) -> Hit | None:
    place = entry.initials.find(compact)
    if place >= 0 and len(entry.initials) == len(entry.starts):
        return Hit(entry, 2 if place == 0 else 3, (place, place + len(compact)))
    for first, start in enumerate(entry.starts):
        if entry.pinyin.startswith(compact, start):
            last = sum(s < start + len(compact) for s in entry.starts)
            return Hit(entry, 2 if first == 0 else 4, (first, last))
    if needle in entry.title.en.casefold():
        return Hit(entry, 5, None)
    return None


NUMBER = r"[-+]?\d+(?:\.\d+)?"


def _coordinates(text: str) -> list[Hit]:
    found = parse_coordinates(text)
    if not found:
        return []
    longitude, latitude, method = found
    easting, northing = crs.to_plane(longitude, latitude)
    title = f"{longitude:.6f}°E {latitude:.6f}°N"
    subtitle = Text(
        f"{method.zh} · N {northing:.2f} E {easting:.2f} m", f"{method.en} · N {northing:.2f} E {easting:.2f} m"
    )
    entry = Entry(
        kind="coordinate",
        layer="",
        id="",
        title=Text(title, title),
        subtitle=subtitle,
        pinyin="",
        initials="",
        starts=(),
        bbox=None,
        point=(longitude, latitude),
        weight=9,
    )
    return [Hit(entry, 0, None)]


def parse_coordinates(text: str) -> tuple[float, float, Text] | None:
    """Longitude, latitude and how they were read: degrees in either order, degrees-minutes-seconds, EPSG:4548 metres
    (N, E or E, N) or EPSG:4527 with zone prefix 39; None for anything else or far from Tianjin."""
    numbers = _sexagesimal(text) or _decimals(text)
    if not numbers:
        return None
    for first, second in (numbers, numbers[::-1]):
        if 116 <= first <= 119 and 38 <= second <= 41:
            return round(first, 7), round(second, 7), Text("经纬度 EPSG:4490", "Degrees, EPSG:4490")
        if 300_000 <= first <= 700_000 and 4_200_000 <= second <= 4_500_000:
            return *_degrees(first, second), Text("平面坐标 EPSG:4548", "Plane, EPSG:4548")
        if 39_300_000 <= first <= 39_700_000 and 4_200_000 <= second <= 4_500_000:
            return *_degrees(first - 39_000_000, second), Text(
                "平面坐标 EPSG:4527（带号 39）", "Plane, EPSG:4527 (zone 39)"
            )
    return None


def _degrees(easting: float, northing: float) -> tuple[float, float]:
    longitude, latitude = crs.to_degrees(easting, northing)
    return round(longitude, 7), round(latitude, 7)


def _decimals(text: str) -> tuple[float, float] | None:
    plain = re.sub(r"[°ENXYenxy=:：东经北纬]", " ", text)
    found = re.fullmatch(rf"\s*({NUMBER})[\s,，;；]+({NUMBER})\s*m?\s*", plain)
    return (float(found.group(1)), float(found.group(2))) if found else None


def _sexagesimal(text: str) -> tuple[float, float] | None:
    parts = re.findall(r"(\d{2,3})\s*[°度]\s*(\d{1,2})\s*[′'分]\s*(?:(\d{1,2}(?:\.\d+)?)\s*[″\"秒])?", text)
    if len(parts) != 2:
        return None
    first, second = (int(d) + int(m) / 60 + float(s or 0) / 3600 for d, m, s in parts)
    return first, second


def hit_json(hit: Hit) -> dict[str, Any]:
    """A result for the search box."""
    entry = hit.entry
    return {
        "kind": entry.kind,
        "layer": entry.layer,
        "id": entry.id,
        "title": {"zh": entry.title.zh, "en": entry.title.en},
        "subtitle": {"zh": entry.subtitle.zh, "en": entry.subtitle.en},
        "lon": entry.point[0] if entry.point else None,
        "lat": entry.point[1] if entry.point else None,
        "bbox": list(entry.bbox) if entry.bbox else None,
        "matched": list(hit.matched) if hit.matched else None,
    }
