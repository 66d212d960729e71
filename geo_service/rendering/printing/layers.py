"""Layers ready for printing: one revision, measured in EPSG:4548, with what the sheet's profile may show."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import shapely

from geo_service.core.crs import project
from geo_service.core.features import Feature
from geo_service.core.layers import Kind, LayerDefinition
from geo_service.core.revisions import Revision, Snapshot
from geo_service.rendering.printing.request import LayerChoice
from geo_service.rendering.symbols import Symbol, drawn_class, is_illustrative, symbol

_DRAWING_ORDER: dict[Kind, int] = {"point": 0, "line": 1, "polygon": 2}


@dataclass(frozen=True, slots=True, eq=False)
class PrintLayer:
    """A layer at a revision; ``geometry`` holds Shapely geometries in metres, None for unlocated features."""

    definition: LayerDefinition
    revision: Revision
    features: tuple[Feature, ...]
    geometry: numpy.ndarray[Any, Any]
    labels: bool = True

    @property
    def id(self) -> str:
        """The layer's id."""
        return self.definition.id

    @property
    def unlocated(self) -> int:
        """How many features have no place yet."""
        return int(sum(g is None for g in self.geometry))

    @property
    def illustrative(self) -> bool:
        """Whether any feature has an illustrative position."""
        return any(is_illustrative(f.properties) for f in self.features)

    def symbol(self, kind: Kind) -> Symbol:
        """Its look as points, lines or polygons."""
        return symbol(self.definition.symbol, kind=kind)

    def subset(self, keep: Sequence[int]) -> PrintLayer:
        """The layer with only these rows."""
        rows = numpy.asarray(keep, dtype=int)
        features = tuple(self.features[i] for i in keep)
        return PrintLayer(self.definition, self.revision, features, self.geometry[rows], self.labels)


def prepare(snapshot: Snapshot, *, choice: LayerChoice | None = None) -> PrintLayer:
    """A layer measured and repaired for drawing; ``choice`` may keep some features, or all names, off the sheet."""
    features = chosen(snapshot, choice).features if choice else snapshot.features
    shapes = numpy.array([f.shape() for f in features], dtype=object)
    if len(shapes):
        shapes = shapely.force_2d(shapes)
        broken = ~shapely.is_valid(shapes) & (shapes != None)  # noqa: E711  # element by element
        shapes[broken] = shapely.make_valid(shapes[broken])
        shapes = project(shapes)
    return PrintLayer(snapshot.definition, snapshot.revision, features, shapes, choice.labels if choice else True)


def chosen(snapshot: Snapshot, choice: LayerChoice) -> Snapshot:
    """A layer with the features that a choice leaves in."""
    kept = tuple(f for f in snapshot.features if _is_chosen(f, choice, snapshot.definition))
    return dataclasses.replace(snapshot, features=kept)


def _is_chosen(feature: Feature, choice: LayerChoice, definition: LayerDefinition) -> bool:
    if choice.only and feature.id not in choice.only:
        return False
    if not choice.illustrative and is_illustrative(feature.properties):
        return False
    look = symbol(definition.symbol, kind=definition.kind)
    return not choice.hide or drawn_class(look, feature.properties).key not in choice.hide


def arranged(layers: Iterable[PrintLayer]) -> tuple[PrintLayer, ...]:
    """Layers in drawing order, the first on top: what the plan speaks of before base geography, points before lines
    before polygons, then the layer tree's order."""
    return tuple(
        sorted(
            layers,
            key=lambda each: (
                each.definition.is_reference,
                _DRAWING_ORDER[each.definition.kind],
                each.definition.order,
                each.id,
            ),
        )
    )
