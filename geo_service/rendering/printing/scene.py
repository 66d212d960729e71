"""What stands in the map frame: values only, in paper millimetres from the frame's top left corner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geo_service.core.features import Feature
from geo_service.core.layers import Kind
from geo_service.core.text import Text
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.labels import Placed
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.marks import Look


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A feature that is seen in the frame, as it is drawn: ``shape`` is cut at the frame."""

    layer: PrintLayer
    feature: Feature
    kind: Kind
    look: Look
    shape: Any

    @property
    def owner(self) -> str:
        """Its name on the label board."""
        return f"{self.layer.id}/{self.feature.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegendEntry:
    """One look that is seen in the frame and how many features have it."""

    layer: str
    title: Text
    class_title: Text | None
    class_keys: tuple[str, ...]
    kind: Kind
    illustrative: bool
    count: int
    look: Look
    compact: bool
    from_area: bool


@dataclass(frozen=True, slots=True)
class Group:
    """One layer's drawing and, apart, its names: together they are switched on and off."""

    layer: str
    title: Text
    body: str
    names: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """A feature that stands under a number: in the sheet's table, or because its name found no place."""

    number: int
    layer: PrintLayer
    feature: Feature


@dataclass(frozen=True, slots=True)
class Omission:
    """A name that is not on the map; ``number`` is what stands there instead, None where nothing fits."""

    layer: str
    fid: str
    name: str
    number: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """The drawn map: groups from bottom to top, placed names, legend and what found no place."""

    frame: Frame
    groups: tuple[Group, ...]
    overlay: str
    placed: tuple[Placed, ...]
    legend: tuple[LegendEntry, ...]
    tabled: tuple[Numbered, ...]
    keyed: tuple[Numbered, ...]
    omissions: tuple[Omission, ...]
    table_layer: PrintLayer | None
    counts: tuple[tuple[PrintLayer, int, int], ...]
    """Per layer with something in the frame, top first: how many features, how many of them illustrative."""

    @property
    def drawn(self) -> int:
        """How many features are in the frame."""
        return sum(count for _, count, _ in self.counts)

    @property
    def illustrative(self) -> int:
        """How many of them have an illustrative position."""
        return sum(count for _, _, count in self.counts)
