"""What every writer starts from: features one by one in the CRS of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy
import shapely

from geo_service.core.crs import project
from geo_service.core.features import Feature
from geo_service.core.layers import KINDS, Field, Kind, LayerDefinition

_BATCH = 500
_METRE_DECIMALS, _DEGREE_DECIMALS = 4, 7


@dataclass(frozen=True, slots=True)
class Row:
    """One feature to write: its properties, and its geometry in the file's CRS (None while unlocated)."""

    id: str
    properties: dict[str, Any]
    shape: Any

    @property
    def kind(self) -> Kind | None:
        """Point, line or polygon; None while unlocated. Some layers have several kinds."""
        return None if self.shape is None else KINDS[self.shape.geom_type.removeprefix("Multi")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A layer on its way into a file."""

    definition: LayerDefinition
    features: Iterable[Feature]
    rev: int
    crs: int

    @property
    def fields(self) -> tuple[Field, ...]:
        """The layer's fields in the order of its table."""
        return self.definition.all_fields

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds the layer may have, its own first."""
        return tuple(dict.fromkeys(KINDS[name.removeprefix("Multi")] for name in self.definition.geometry_types))

    def rows(self) -> Iterator[Row]:
        """Every feature, moved into the CRS in batches."""
        stream = iter(self.features)
        while batch := list(islice(stream, _BATCH)):
            shapes = numpy.empty(len(batch), dtype=object)
            shapes[:] = [f.shape() for f in batch]
            for feature, shape in zip(batch, self._moved(shapes), strict=True):
                yield Row(feature.id, dict(feature.properties), shape)

    def _moved(self, shapes: Any) -> Any:
        decimals = _DEGREE_DECIMALS
        if self.crs != 4490:
            shapes, decimals = project(shapes, target=self.crs), _METRE_DECIMALS
        return shapely.transform(shapes, lambda points: numpy.round(points, decimals))

    def titled(self, row: Row) -> dict[str, Any]:
        """A row's values by field key as people read them: codes by their Chinese titles, 是 and 否."""
        return {f.key: readable(f, row.properties.get(f.key)) for f in self.fields}


def readable(item: Field, value: Any) -> Any:
    """A value as people read it."""
    if isinstance(value, bool):
        return "是" if value else "否"
    return next((c.title.zh for c in item.codes if c.value == value), value)


def rings_of(shape: Any) -> list[Any]:
    """Every ring of an area, part by part, the shell first."""
    return [ring for part in shapely.get_parts(shape) for ring in (part.exterior, *part.interiors)]
