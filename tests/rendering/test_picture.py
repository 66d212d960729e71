"""Map pictures of layers with more than can be drawn."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import shapely

from geo_service.core.features import Feature
from geo_service.core.layers import GeometryType, LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.rendering import picture
from geo_service.rendering.picture import MOST_DRAWN, DrawnLayer, Window

WINDOW = Window(400, 400, (0.0, 0.0, 100.0, 100.0), 100.0)


def layer(kind: GeometryType, shapes: Any) -> DrawnLayer:
    definition = LayerDefinition(
        id="many",
        title=Text("多", "Many"),
        theme="projects",
        geometry_types=(kind,),
        serial="D",
        symbol="point_blue",
        source="x",
    )
    revision = Revision(
        layer="many", rev=1, parent=0, kind="seed", author="", note="", at="", added=0, modified=0, deleted=0
    )
    features = tuple(Feature(f"NK-D-{n:06}", {}, None) for n in range(len(shapes)))
    return DrawnLayer(definition, revision, features, shapes)


def test_of_too_many_points_those_drawn_lie_everywhere() -> None:
    """100 000 points in the order of their rows: all four quarters of the window get a quarter of what is drawn."""
    across, up = numpy.meshgrid(numpy.linspace(0, 100, 500), numpy.linspace(0, 100, 200))
    drawn = layer("Point", shapely.points(across.ravel(), up.ravel())).within(WINDOW)
    assert len(drawn.features) == MOST_DRAWN
    x, y = shapely.get_x(drawn.geometry), shapely.get_y(drawn.geometry)
    for right in (False, True):
        for upper in (False, True):
            share = float(numpy.mean(((x > 50) == right) & ((y > 50) == upper)))
            assert share == pytest.approx(0.25, abs=0.02)


def test_of_too_many_areas_the_largest_are_drawn() -> None:
    sides = numpy.linspace(0.01, 1, MOST_DRAWN + 500)
    drawn = layer("Polygon", shapely.box(10, 10, 10 + sides, 10 + sides)).within(WINDOW)
    assert len(drawn.features) == MOST_DRAWN
    assert shapely.area(drawn.geometry).min() == pytest.approx(sides[500] ** 2)


def test_what_lies_outside_is_not_drawn_but_what_reaches_in_is() -> None:
    pad = picture.PAD_PX * 100 / 400
    shapes = shapely.points([50, 100 + pad * 0.9, 100 + pad * 1.1], [50, 50, 50])
    assert [f.id for f in layer("Point", shapes).within(WINDOW).features] == ["NK-D-000000", "NK-D-000001"]
