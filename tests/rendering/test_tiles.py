"""Vector tiles, read back with mapbox-vector-tile and compared with Shapely on PROJ's Web Mercator."""

import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import mapbox_vector_tile
import numpy
import pyproj
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mapbox_vector_tile.Mapbox import vector_tile_pb2
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiLineString,
    MultiPoint,
    MultiPolygon,
    Point,
    Polygon,
    box,
    shape,
)
from shapely.geometry.polygon import orient

from geo_service.rendering import mvt
from geo_service.rendering.tiles import TileSource, merged

HALF = 20037508.342789244
NANKAI = (117.15, 39.105)
TILE = box(0, 0, 4096, 4096)
MERCATOR = pyproj.Transformer.from_crs(4326, 3857, always_xy=True)


def tile_at(z, lon=NANKAI[0], lat=NANKAI[1]):
    x, y = MERCATOR.transform(lon, lat)
    side = 2 * HALF / 2**z
    return z, int((x + HALF) // side), int((HALF - y) // side)


def to_degrees(geometry, tile):
    """A geometry in units of a tile as longitudes and latitudes."""
    z, column, row = tile
    side = 2 * HALF / 2**z

    def moved(points):
        x = -HALF + (column + points[:, 0] / 4096) * side
        y = HALF - (row + points[:, 1] / 4096) * side
        return numpy.column_stack(MERCATOR.transform(x, y, direction="INVERSE"))

    return shapely.transform(geometry, moved)


def to_units(geometry, tile):
    """A geometry in degrees in units of a tile, by PROJ."""
    z, column, row = tile
    side = 2 * HALF / 2**z

    def moved(points):
        x, y = MERCATOR.transform(points[:, 0], points[:, 1])
        return numpy.column_stack([((x + HALF) / side - column) * 4096, ((HALF - y) / side - row) * 4096])

    return shapely.transform(geometry, moved)


def source_of(*geometries, name="plots", **properties):
    ids = [f"NK-T-{i:03d}" for i in range(len(geometries))]
    column = numpy.empty(len(geometries), dtype=object)
    column[:] = geometries
    return TileSource.from_features(ids, column, properties, name)


def read(data):
    """Layers of a tile: name to features with Shapely geometry, y downwards."""
    layers = mapbox_vector_tile.decode(data, default_options={"y_coord_down": True}) if data else {}
    found = {}
    for name, layer in layers.items():
        assert (layer["extent"], layer["version"]) == (4096, 2)
        found[name] = [f | {"geometry": shape(f["geometry"])} for f in layer["features"]]
    return found


def drawn(source, tile, name="plots"):
    return read(source.tile(*tile)).get(name, [])


def raw(data):
    message = vector_tile_pb2.tile()
    message.ParseFromString(data)
    return message


def raw_rings(commands):
    """Rings of a polygon feature straight from its command integers; every rule of the format is asserted."""
    position, cursor, rings = 0, [0, 0], []
    while position < len(commands):
        ring = []
        for wanted in (1, 2):
            head = commands[position]
            count = head >> 3
            assert head & 7 == wanted
            assert count == 1 if wanted == 1 else count >= 2
            for value in range(count):
                for axis in (0, 1):
                    step = commands[position + 1 + 2 * value + axis]
                    cursor[axis] += (step >> 1) ^ -(step & 1)
                ring.append(tuple(cursor))
            position += 1 + 2 * count
        assert commands[position] == 15
        position += 1
        rings.append(ring)
    return rings


def surveyor(ring):
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)) / 2


# -- shapes to draw, in tile units ------------------------------------------------------------------------------------

middles = st.tuples(st.integers(-1500, 5500), st.integers(-1500, 5500))
radii = st.sampled_from([40, 150, 700, 2500, 12000, 60000])


@st.composite
def stars(draw, middle=None, radius=None):
    """A polygon that sees all of itself from its middle, perhaps with a hole around it."""
    x, y = draw(middles) if middle is None else middle
    radius = draw(radii) if radius is None else radius
    shares = draw(st.lists(st.floats(0.5, 1), min_size=3, max_size=14))
    turn = draw(st.floats(0, 1))
    angles = [2 * math.pi * (i + turn) / len(shares) for i in range(len(shares))]
    ring = [(x + radius * s * math.cos(a), y + radius * s * math.sin(a)) for s, a in zip(shares, angles, strict=True)]
    hole = [(x + (px - x) * 0.3, y + (py - y) * 0.3) for px, py in ring]
    return Polygon(ring, [hole] if draw(st.booleans()) else [])


@st.composite
def star_pairs(draw):
    x, y = draw(middles)
    radius = draw(radii)
    return MultiPolygon(
        [draw(stars(middle=(x, y), radius=radius)), draw(stars(middle=(x + 2.2 * radius, y), radius=radius))]
    )


vertices = st.tuples(st.integers(-6000, 10000), st.integers(-6000, 10000))
wide_lines = st.lists(vertices, min_size=2, max_size=12, unique=True).map(LineString)
line_sets = st.lists(wide_lines, min_size=1, max_size=3).map(MultiLineString)
zooms = st.integers(0, 22)


def slack(z):
    """Units a vertex may move: half a unit (or half the coarse grid) and the 2^-32 of the world."""
    return (4 if z < 14 else 1) * math.sqrt(0.5) + 2.0 ** (z - 20) + 0.01


@settings(max_examples=250, deadline=None)
@given(z=zooms, geometry=stars() | star_pairs())
def test_a_polygon_in_a_tile_is_its_clip(z, geometry):
    tile = tile_at(z)
    assume(within_the_world(geometry, tile))
    degrees = to_degrees(geometry, tile)
    expected = to_units(degrees, tile).intersection(TILE)
    found = [f["geometry"] for f in drawn(source_of(degrees), tile)]
    got = shapely.union_all([shapely.make_valid(g) for g in found]).intersection(TILE) if found else Polygon()
    budget = slack(z) * (expected.length + 64) + 4 * slack(z) ** 2
    assert got.symmetric_difference(expected).area <= budget


def within_the_world(geometry, tile):
    """Whether a geometry in units of a tile lies on the Mercator square."""
    z, column, row = tile
    size = 4096 * 2**z
    return box(0, 0, size, size).contains(shapely.affinity.translate(geometry, column * 4096, row * 4096))


@settings(max_examples=150, deadline=None)
@given(z=st.integers(6, 22), geometry=wide_lines | line_sets)
def test_a_line_in_a_tile_is_its_clip(z, geometry):
    tile = tile_at(z)
    degrees = to_degrees(geometry, tile)
    expected = to_units(degrees, tile)
    found = [f["geometry"] for f in drawn(source_of(degrees), tile)]
    got = shapely.union_all(found) if found else LineString()
    near = slack(z) + 1
    assert got.difference(expected.buffer(near)).length == 0
    assert expected.intersection(TILE).difference(got.buffer(near)).length == 0


@settings(max_examples=100, deadline=None)
@given(z=st.integers(6, 22), spots=st.lists(vertices, min_size=1, max_size=30, unique=True), multi=st.booleans())
def test_points_of_a_tile_are_those_in_it_and_its_buffer(z, spots, multi):
    tile = tile_at(z)
    points = [Point(p) for p in spots]
    geometries = [to_degrees(MultiPoint(points), tile)] if multi else [to_degrees(p, tile) for p in points]
    found = shapely.get_coordinates([f["geometry"] for f in drawn(source_of(*geometries), tile)])
    reach = 64 + slack(z)
    expected = Counter()
    for x, y in spots:
        assert_in = max(abs(x - 2048), abs(y - 2048)) - 2048
        expected["sure"] += assert_in < 64 - slack(z)
        expected["perhaps"] += assert_in <= reach
        if assert_in < 64 - slack(z):
            assert numpy.abs(found - (x, y)).max(axis=1).min() <= slack(z) + 1
    assert expected["sure"] <= len(found) <= expected["perhaps"]


@settings(max_examples=60, deadline=None)
@given(z=st.integers(0, 22), geometry=stars() | star_pairs())
def test_rings_follow_the_format_and_turn_the_right_way(z, geometry):
    tile = tile_at(z)
    data = source_of(to_degrees(geometry, tile)).tile(*tile)
    for layer in raw(data).layers:
        assert len(set(layer.keys)) == len(layer.keys)
        for feature in layer.features:
            if feature.type != 3:
                continue
            rings = raw_rings(list(feature.geometry))
            assert surveyor(rings[0]) > 0
            assert all(a != b for r in rings for a, b in zip(r, [*r[1:], r[0]], strict=True))
            reach = max(max(abs(x - 2048), abs(y - 2048)) for r in rings for x, y in r)
            assert reach <= 2048 + 512 + 4


@settings(max_examples=150, deadline=None)
@given(
    z=zooms,
    ring=st.lists(st.tuples(st.integers(-9000, 13000), st.integers(-9000, 13000)), min_size=3, max_size=9),
    kind=st.sampled_from([Polygon, LineString, MultiPoint]),
)
def test_broken_geometry_never_breaks_a_tile(z, ring, kind):
    tile = tile_at(z)
    read(source_of(to_degrees(kind(ring), tile)).tile(*tile))


@pytest.mark.parametrize("z", range(23))
def test_every_zoom_has_the_tile_a_polygon_lies_in(z):
    tile = tile_at(z)
    source = source_of(to_degrees(box(500, 600, 3000, 2800), tile))
    (feature,) = drawn(source, tile)
    assert feature["geometry"].symmetric_difference(box(500, 600, 3000, 2800)).area < slack(z) * 9600
    assert feature["properties"] == {"id": "NK-T-000"}


def test_a_polygon_over_the_whole_tile_is_clipped_to_the_buffer():
    tile = tile_at(14)
    source = source_of(to_degrees(box(-90000, -80000, 70000, 60000), tile))
    (feature,) = drawn(source, tile)
    assert feature["geometry"].equals(box(-64, -64, 4160, 4160))


def test_a_hole_over_the_whole_tile_leaves_it_empty():
    tile = tile_at(14)
    ring = box(-90000, -90000, 90000, 90000)
    source = source_of(to_degrees(ring.difference(box(-9000, -9000, 9000, 9000)), tile))
    assert source.tile(*tile) == b""


def test_a_concave_polygon_is_clipped_into_separate_pieces():
    tile = tile_at(15)
    frame = box(-5000, 500, 9000, 2500).difference(box(-4000, 900, 8000, 2000))
    (feature,) = drawn(source_of(to_degrees(frame, tile)), tile)
    assert feature["geometry"].geom_type == "MultiPolygon"
    assert feature["geometry"].equals(MultiPolygon([box(-64, 500, 4160, 900), box(-64, 2000, 4160, 2500)]))


def test_neighbouring_tiles_fit_together():
    z, x, y = tile_at(15)
    shape_of = Point(4096, 4096).buffer(3000)
    source = source_of(to_degrees(shape_of, (z, x, y)))
    pieces = []
    for dx in (0, 1):
        for dy in (0, 1):
            (feature,) = drawn(source, (z, x + dx, y + dy))
            inside = feature["geometry"].intersection(TILE)
            pieces.append(shapely.affinity.translate(inside, dx * 4096, dy * 4096))
    assert sum(p.area for p in pieces) == pytest.approx(shape_of.area, rel=1e-3)
    assert shapely.union_all(pieces, grid_size=0.01).geom_type == "Polygon"


def test_a_mixed_collection_keeps_every_kind_under_one_id():
    tile = tile_at(15)
    mixed = GeometryCollection(
        [
            Point(100, 100),
            GeometryCollection([LineString([(200, 200), (400, 500)]), Point(300, 100)]),
            box(1000, 1000, 2000, 2000),
        ]
    )
    found = drawn(source_of(to_degrees(mixed, tile)), tile)
    assert {f["geometry"].geom_type for f in found} == {"MultiPoint", "LineString", "Polygon"}
    assert {f["properties"]["id"] for f in found} == {"NK-T-000"}
    assert {f["id"] for f in found} == {1}


def test_a_layer_of_mixed_kinds_keeps_each_feature_its_attributes():
    tile = tile_at(15)
    shapes = [box(9, 9, 99, 99), Point(500, 500), None, LineString([(0, 0), (900, 900)]), Polygon(), box(1, 1, 70, 50)]
    degrees = [to_degrees(s, tile) if s is not None else None for s in shapes]
    found = drawn(source_of(*degrees, name="plots", kind=["a", "b", "c", "d", "e", "f"]), tile)
    assert sorted((f["properties"]["id"][-1], f["properties"]["kind"], f["id"]) for f in found) == [
        ("0", "a", 1),
        ("1", "b", 2),
        ("3", "d", 4),
        ("5", "f", 6),
    ]


def test_nothing_makes_no_tile():
    assert source_of().tile(3, 1, 1) == b""
    assert source_of(None, Polygon()).tile(0, 0, 0) == b""
    far = source_of(to_degrees(box(0, 0, 99, 99), tile_at(15)))
    assert far.tile(15, 0, 0) == b""


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match="length"):
        TileSource.from_features(["a"], numpy.array([Point(0, 0)]), {"n": [1, 2]}, "x")


# -- attributes -------------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(scalars, scalars), min_size=1, max_size=20))
def test_attributes_come_back_as_they_were_and_empty_ones_stay_away(rows):
    tile = tile_at(15)
    points = [to_degrees(Point(100 + 100 * i, 100), tile) for i in range(len(rows))]
    source = source_of(*points, 名称=[r[0] for r in rows], b=[r[1] for r in rows])
    found = {f["properties"].pop("id"): f["properties"] for f in drawn(source, tile)}
    assert len(found) == len(rows)
    for number, row in enumerate(rows):
        expected = {k: v for k, v in zip(("名称", "b"), row, strict=True) if v is not None}
        got = found[f"NK-T-{number:03d}"]
        assert got == expected
        assert {k: type(v) for k, v in got.items()} == {k: type(v) for k, v in expected.items()}


def test_one_true_and_one_point_zero_stay_three_values():
    tile = tile_at(15)
    points = [to_degrees(Point(100 * i, 9), tile) for i in range(3)]
    found = drawn(source_of(*points, v=[1, True, 1.0]), tile)
    assert {type(f["properties"]["v"]) for f in found} == {int, bool, float}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (numpy.int32(-7), -7),
        (numpy.float32(0.5), 0.5),
        (numpy.bool_(True), True),
        (2**70, float(2**70)),
        ([1, 2], "[1, 2]"),
        ("a\ud800b", "a?b"),
    ],
)
def test_odd_values_become_the_nearest_the_format_has(value, expected):
    tile = tile_at(15)
    (feature,) = drawn(source_of(to_degrees(Point(5, 5), tile), v=[value]), tile)
    assert feature["properties"]["v"] == expected


def test_not_a_number_is_empty():
    assert mvt.encode_value(math.nan) is None
    assert mvt.encode_value(numpy.float64("nan")) is None


def test_a_property_called_id_does_not_hide_the_business_code():
    tile = tile_at(15)
    (feature,) = drawn(source_of(to_degrees(Point(5, 5), tile), id=["other"]), tile)
    assert feature["properties"]["id"] == "NK-T-000"


def test_many_distinct_values_keep_their_rows():
    tile = tile_at(15)
    count = 9000
    points = [to_degrees(Point(i % 100 * 40, i // 100 * 40), tile) for i in range(count)]
    names = [None if i % 7 == 0 else f"地块 {i}" for i in range(count)]
    found = drawn(source_of(*points, n=names), tile)
    assert len(found) == count
    assert all(f["properties"].get("n") == names[f["id"] - 1] for f in found)


@given(st.lists(st.integers(0, 2**62), max_size=50))
def test_varints_are_those_of_protobuf(values):
    array = numpy.array(values, numpy.int64)
    from google.protobuf.internal.encoder import _VarintBytes

    assert mvt.varints(array) == b"".join(_VarintBytes(v) for v in values)
    assert b"".join(map(mvt.varint, values)) == mvt.varints(array)


# -- labels -----------------------------------------------------------------------------------------------------------


def test_a_polygon_has_one_label_point_well_inside_and_in_one_tile_only():
    z, x, y = tile_at(15)
    shape_of = Point(4096, 4096).buffer(3000).difference(Point(4300, 4300).buffer(900))
    source = source_of(to_degrees(shape_of, (z, x, y)), name="plots", title=["甲"])
    found = [
        (f, (dx, dy))
        for dx in (-1, 0, 1, 2)
        for dy in (-1, 0, 1, 2)
        for f in drawn(source, (z, x + dx, y + dy), "plots_label")
    ]
    ((feature, (dx, dy)),) = found
    spot = shapely.affinity.translate(feature["geometry"], dx * 4096, dy * 4096)
    best = shapely.maximum_inscribed_circle(shape_of, 1).length
    assert spot.distance(shape_of.boundary) >= 0.95 * best
    assert feature["properties"] == {"id": "NK-T-000", "title": "甲"}


def test_a_multi_polygon_is_labelled_in_its_largest_part():
    tile = tile_at(15)
    parts = MultiPolygon([box(0, 0, 500, 500), box(1000, 1000, 3000, 3000), box(3500, 0, 3900, 300)])
    (feature,) = drawn(source_of(to_degrees(parts, tile)), tile, "plots_label")
    assert box(1900, 1900, 2100, 2100).contains(feature["geometry"])


def test_a_polygon_too_small_for_a_name_has_no_label_point():
    tile = tile_at(15)
    source = source_of(to_degrees(box(100, 100, 150, 150), tile), to_degrees(box(400, 400, 540, 440), tile))
    assert [f["properties"]["id"] for f in drawn(source, tile, "plots_label")] == ["NK-T-001"]
    assert len(drawn(source, tile)) == 2


def test_many_polygons_are_labelled_inside_too():
    tile = tile_at(15)
    moon = Point(0, 0).buffer(180).difference(Point(60, 0).buffer(170))
    moons = [shapely.affinity.translate(moon, 400 * (i % 30), 400 * (i // 30)) for i in range(600)]
    source = source_of(*(to_degrees(m, tile) for m in moons))
    found = drawn(source, tile, "plots_label")
    assert len(found) > 80
    assert all(moons[f["id"] - 1].buffer(1.5).contains(f["geometry"]) for f in found)


def test_points_and_lines_have_no_label_layer():
    tile = tile_at(15)
    source = source_of(to_degrees(Point(5, 5), tile), to_degrees(LineString([(0, 0), (4000, 4000)]), tile))
    assert set(read(source.tile(*tile))) == {"plots"}


# -- low zoom ---------------------------------------------------------------------------------------------------------


def scattered(count, side, tile, seed=1):
    """Squares of so many units, scattered over a tile."""
    spots = numpy.random.default_rng(seed).uniform(0, 4096 - side, (count, 2))
    return to_degrees(shapely.box(spots[:, 0], spots[:, 1], spots[:, 0] + side, spots[:, 1] + side), tile)


def test_polygons_smaller_than_a_pixel_are_gathered_and_their_area_stays():
    tile = tile_at(10)
    squares = scattered(30_000, 7, tile)
    found = drawn(source_of(*squares), tile)
    assert 1_000 < len(found) <= 20_000
    drawn_area = sum(f["geometry"].area for f in found)
    assert drawn_area == pytest.approx(30_000 * 49, rel=0.15)


def test_a_lonely_polygon_of_less_than_a_pixel_stays_as_half_a_pixel():
    tile = tile_at(10)
    (feature,) = drawn(source_of(to_degrees(box(1000, 1000, 1001, 1001), tile)), tile)
    assert feature["geometry"].area == 64
    assert feature["geometry"].distance(Point(1000, 1000)) <= 12


def test_a_gathered_square_carries_the_attributes_of_the_largest():
    tile = tile_at(10)
    plots = [box(1000, 1000, 1002, 1002), box(1002, 1002, 1007, 1007), box(1001, 1000, 1004, 1003)]
    (feature,) = drawn(source_of(*(to_degrees(p, tile) for p in plots)), tile)
    assert feature["properties"]["id"] == "NK-T-001"


def test_a_tile_never_holds_more_features_than_the_limit():
    tile = tile_at(12)
    squares = scattered(45_000, 40, tile)
    assert len(drawn(source_of(*squares), tile)) <= 20_000


def test_too_many_points_are_thinned_evenly():
    tile = tile_at(12)
    spots = numpy.random.default_rng(2).uniform(0, 4096, (60_000, 2))
    found = drawn(source_of(*to_degrees(shapely.points(spots), tile)), tile)
    assert 5_000 < len(found) <= 20_000
    quarter = [f for f in found if f["geometry"].x < 2048 and f["geometry"].y < 2048]
    assert len(quarter) == pytest.approx(len(found) / 4, rel=0.1)


def test_short_lines_keep_the_longest_of_a_pixel():
    tile = tile_at(11)
    short = [LineString([(1000 + i, 1000), (1000 + i, 1002 + i)]) for i in range(8)]
    long = LineString([(0, 0), (900, 900)])
    found = drawn(source_of(*(to_degrees(g, tile) for g in (*short, long))), tile)
    assert sorted(f["properties"]["id"] for f in found) == ["NK-T-007", "NK-T-008"]


def test_a_wiggly_edge_two_polygons_share_stays_shared_when_simplified():
    tile = tile_at(11)
    steps = numpy.linspace(0, 4000, 3000)
    edge = list(zip(steps, 2000 + 30 * numpy.sin(steps / 7) + 200 * numpy.sin(steps / 300), strict=True))
    upper, lower = Polygon([*edge, (4000, 0), (0, 0)]), Polygon([*edge, (4000, 4090), (0, 4090)])
    data = source_of(to_degrees(upper, tile), to_degrees(lower, tile))
    one, other = (shapely.make_valid(f["geometry"]) for f in drawn(data, tile))
    assert one.intersection(other).area == 0
    assert one.union(other).area == pytest.approx(4000 * 4090, rel=2e-3)
    assert len(one.union(other).geoms if one.union(other).geom_type != "Polygon" else one.union(other).interiors) <= 1


def test_a_sliver_without_visible_area_is_left_out_with_its_hole():
    tile = tile_at(15)
    thin = Polygon(
        [(100, 100), (900, 100.2), (900, 100.3), (100, 100.1)], [[(300, 100.1), (400, 100.12), (400, 100.2)]]
    )
    assert source_of(to_degrees(orient(thin), tile)).tile(*tile) == b""


# -- together ----------------------------------------------------------------------------------------------------------


def test_several_sources_make_one_tile():
    tile = tile_at(15)
    water = source_of(to_degrees(box(0, 0, 900, 900), tile), name="water")
    road = source_of(to_degrees(LineString([(0, 0), (4000, 4000)]), tile), name="road")
    assert set(read(merged([water, road], *tile))) == {"water", "water_label", "road"}
    assert merged([], *tile) == b""


def test_the_same_layer_gives_the_same_bytes_to_many_threads():
    tile = tile_at(13)
    squares = scattered(3_000, 50, tile)
    source, again = source_of(*squares), source_of(*squares)
    alone = source.tile(*tile)
    assert again.tile(*tile) == alone
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: source.tile(*tile), range(40))) == {alone}
