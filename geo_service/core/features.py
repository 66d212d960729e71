"""Features and frames: one thing on the map, and many of them as a GeoDataFrame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import shape

from geo_service.core.late import geopandas, pandas

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

GEOGRAPHIC = "EPSG:4490"
PROJECTED = "EPSG:4548"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: geometry is a GeoJSON object in EPSG:4490 (longitude, latitude), or None while unlocated."""

    id: str
    properties: Mapping[str, Any]
    geometry: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """What people call it; the id where it has no name."""
        return str(self.properties.get("name") or self.id)

    @property
    def precision(self) -> str:
        """Its precision class; ``unlocated`` without geometry whatever the attribute says."""
        return str(self.properties.get("precision") or "guess") if self.geometry else "unlocated"

    def shape(self) -> BaseGeometry | None:
        """The geometry for Shapely, or None."""
        return shape(dict(self.geometry)) if self.geometry else None


def to_frame(features: Iterable[Feature]) -> geopandas.GeoDataFrame:
    """Features as a GeoDataFrame in EPSG:4490, indexed by feature id (index name ``id``).

    Unlocated features keep their row with a missing geometry.
    """
    rows = list(features)
    frame = pandas.DataFrame([dict(f.properties) for f in rows], index=pandas.Index([f.id for f in rows], name="id"))
    geometry = geopandas.GeoSeries([f.shape() for f in rows], index=frame.index, crs=GEOGRAPHIC)
    return geopandas.GeoDataFrame(frame, geometry=geometry, crs=GEOGRAPHIC)


def geometry_of(value: BaseGeometry | None) -> dict[str, Any] | None:
    """A Shapely geometry as a GeoJSON object with coordinates at 7 decimals, or None for missing and empty."""
    if value is None or value.is_empty:
        return None
    flat = shapely.force_2d(value)
    mapping = shapely.geometry.mapping(flat)
    return {"type": mapping["type"], "coordinates": round_coordinates(mapping["coordinates"])}


def round_coordinates(value: Any) -> Any:
    """Nested coordinate lists rounded to 7 decimals (about 1 cm), tuples turned to lists."""
    if isinstance(value, (list, tuple)):
        return [round_coordinates(item) for item in value]
    return round(float(value), 7)
