"""The CRS doctor names every case of the specification, refuses foreign ones, and never re-reads silently."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy
import pyproj
import pytest
import shapely

from geo_service.core.features import Feature, geometry_of
from geo_service.core.validation import Finding
from geo_service.ingest import gcj
from geo_service.ingest.crs_doctor import CHOICES, District, diagnose, diagnose_shift, read_declared
from geo_service.ingest.examination import Examination

from .conftest import Upload, collection, district, feature, snapshot, square
from .languages import mixed

Array = numpy.ndarray[Any, Any]
COUNT = 60


@functools.cache
def positions(count: int = COUNT) -> Array:
    """Positions inside the district, in degrees, the same every time."""
    outline = shapely.geometry.shape(district())
    draw = numpy.random.default_rng(3)
    west, south, east, north = outline.bounds
    tried = draw.uniform((west, south), (east, north), (count * 20, 2))
    inside: Array = tried[shapely.contains_xy(outline, tried[:, 0], tried[:, 1])][:count]
    assert len(inside) == count
    return inside


def moved(east: float, north: float) -> Array:
    """The positions moved by so many degrees."""
    return positions() + numpy.array([east, north])


def grid(code: int, change: Callable[[Array, Array], tuple[Array, Array]] = lambda x, y: (x, y)) -> Array:
    """The positions in a projected system by PROJ itself, in the way a file holds them."""
    moved = pyproj.Transformer.from_crs(4326 if code in (3857, 32650) else 4490, code, always_xy=True)
    return numpy.column_stack(change(*moved.transform(*positions().T)))


def packed_degrees(value: float) -> float:
    """ddd.mmss of degrees."""
    minutes, degrees = math.modf(value)
    seconds, minutes = math.modf(minutes * 60)
    return degrees + minutes / 100 + seconds * 60 / 10_000


def swap(x: Array, y: Array) -> tuple[Array, Array]:
    return y, x


CASES: Mapping[str, Callable[[], Array]] = {
    "4490": positions,
    "4490-swapped": lambda: positions()[:, ::-1],
    "4548": lambda: grid(4548),
    "4548-swapped": lambda: grid(4548, swap),
    "4527": lambda: grid(4527),
    "4527-swapped": lambda: grid(4527, swap),
    "4498": lambda: grid(4498),
    "4498-swapped": lambda: grid(4498, swap),
    "3857": lambda: grid(3857),
    "4548-mm": lambda: grid(4548, lambda x, y: (x * 1000, y * 1000)),
    "4527-mm": lambda: grid(4527, lambda x, y: (x * 1000, y * 1000)),
    "4548-km": lambda: grid(4548, lambda x, y: (x / 1000, y / 1000)),
    "4490-dms": lambda: numpy.vectorize(packed_degrees)(positions()),
    "4548-no-east": lambda: grid(4548, lambda x, y: (x - 500_000, y)),
    "4548-no-north": lambda: grid(4548, lambda x, y: (x, y - 4e6)),
    "4549": lambda: grid(4549),
    "4547": lambda: grid(4547),
}
"""Every reading of coordinates without a statement, made by PROJ and arithmetic from positions in the district."""


def of_district() -> District:
    return District(shapely.geometry.shape(district()))


@pytest.mark.parametrize("key", CASES)
def test_coordinates_without_a_statement_are_named_and_read_back_right(key: str) -> None:
    verdict, reading = diagnose(CASES[key](), None, of_district())
    assert (verdict.state, verdict.proposed, verdict.finding) == ("assumed", key, "crs-assumed")
    assert reading is not None
    lon, lat = reading.move(*CASES[key]().T)
    off = numpy.hypot((lon - positions()[:, 0]) * 86_400, (lat - positions()[:, 1]) * 111_020)
    assert off.max() < 0.01


@pytest.mark.parametrize("key", [k for k in CASES if k != "4548"])
def test_a_wrong_statement_is_blocked_and_the_right_reading_proposed_in_words(key: str) -> None:
    verdict, reading = diagnose(CASES[key](), "EPSG:4548", of_district())
    assert (verdict.state, verdict.proposed, reading) == ("conflict", key, None)
    assert verdict.finding == "crs-conflict"
    assert CHOICES[key].title.zh in verdict.reason.zh
    assert "EPSG:4548" in verdict.reason.zh
    assert len(verdict.previews) == 2


@pytest.mark.parametrize(
    ("statement", "key"),
    [("EPSG:4490", "4490"), ("EPSG:4326", "4490"), ("OGC:CRS84", "4490"), ("EPSG:4979", "4490"),
     ("EPSG:4548", "4548"), ("EPSG:4527", "4527"), ("EPSG:4498", "4498"), ("EPSG:4509", "4509"),
     ("EPSG:3857", "3857"), ("EPSG:32650", "32650")],
)  # fmt: skip
def test_a_right_statement_is_believed(statement: str, key: str) -> None:
    coordinates = positions() if key == "4490" else grid(int(key))
    verdict, reading = diagnose(coordinates, statement, of_district())
    assert (verdict.state, verdict.used, verdict.finding) == ("declared", key, "")
    assert reading is not None
    lon, lat = reading.move(*coordinates.T)
    assert numpy.hypot((lon - positions()[:, 0]) * 86_400, (lat - positions()[:, 1]) * 111_020).max() < 0.01


ESRI_XIAN = (
    'PROJCS["Xian_1980_3_Degree_GK_CM_117E",GEOGCS["GCS_Xian_1980",DATUM["D_Xian_1980",SPHEROID["Xian_1980",6378140.0,'
    '298.257]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]],PROJECTION["Gauss_Kruger"],'
    'PARAMETER["False_Easting",500000.0],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",117.0],'
    'PARAMETER["Scale_Factor",1.0],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]'
)
OLD = {
    "EPSG:4214": "北京 54", "EPSG:2436": "北京 54", "EPSG:2422": "北京 54", "EPSG:4610": "西安 80",
    "EPSG:2384": "西安 80", "EPSG:4555": "新北京 54", "北京54坐标系": "北京 54", "西安80": "西安 80",
    "天津90": "天津 90", "1990年天津市任意直角坐标系 天津90": "天津 90", ESRI_XIAN: "西安 80",
    "Beijing_1954_3_Degree_GK_CM_117E": "北京 54",
}  # fmt: skip


@pytest.mark.parametrize("statement", OLD)
def test_an_old_datum_is_refused_with_its_name_and_the_reason(statement: str) -> None:
    verdict, reading = diagnose(grid(4548), statement, of_district())
    assert (verdict.state, verdict.finding, reading) == ("refused", "crs-old-datum", None)
    assert OLD[statement] in verdict.reason.zh
    assert "没有公开的精确转换" in verdict.reason.zh


FOREIGN: Mapping[str, Callable[[], Array]] = {
    "Hangzhou": lambda: moved(3.0, -9.0),
    "London": lambda: moved(-117.2, 12.4),
    "zeros": lambda: positions() * 0,
    "a local origin": lambda: grid(4548, lambda x, y: (x - 480_000, y - 4_200_000)),
    "paper millimetres": lambda: moved(-117.0, -39.0),
    "another district of the city": lambda: moved(0.3, 0.2),
}


@pytest.mark.slow
@pytest.mark.parametrize("statement", [None, "EPSG:4548", "EPSG:4490", *OLD])
def test_every_verdict_is_said_in_one_language_at_a_time(statement: str | None) -> None:
    read = [(coordinates(), "") for coordinates in (*CASES.values(), *FOREIGN.values())] + [(grid(4548), "declared")]
    read += [(positions(), key) for key in CHOICES]
    for coordinates, chosen in read:
        verdict, _ = diagnose(coordinates, statement, of_district(), chosen=chosen)
        finding = (Finding(code=verdict.finding, params=verdict.params),) if verdict.finding else ()
        assert mixed(Examination(name="x", crs=verdict, findings=finding)) == []


@pytest.mark.parametrize("place", FOREIGN)
def test_foreign_coordinates_are_refused_with_and_without_a_statement(place: str) -> None:
    verdict, reading = diagnose(FOREIGN[place](), None, of_district())
    assert (verdict.state, verdict.finding, reading) == ("unknown", "crs-unknown", None)
    stated, read = diagnose(FOREIGN[place](), "EPSG:4490", of_district())
    if place == "another district of the city":
        assert stated.finding == "crs-partly-outside"
    else:
        assert (stated.state, stated.finding, read) == ("elsewhere", "crs-elsewhere", None)


def test_a_person_may_choose_and_the_choice_is_recorded() -> None:
    verdict, reading = diagnose(grid(4527), "EPSG:4548", of_district(), chosen="4527")
    assert (verdict.state, verdict.used, verdict.finding) == ("chosen", "4527", "crs-chosen")
    assert reading is CHOICES["4527"]


# ---- looking inside all the same: GCJ-02, BD-09, UTM

OFFSETS: Mapping[str, tuple[Callable[[Array], Array], tuple[float, float]]] = {
    "gcj02": (lambda p: numpy.column_stack(gcj.to_gcj02(*p.T)), (550, 120)),
    "bd09": (lambda p: numpy.column_stack(gcj.to_bd09(*gcj.to_gcj02(*p.T))), (1112, 786)),
    "32650": (
        lambda p: numpy.column_stack(
            pyproj.Transformer.from_crs(4548, 4490, always_xy=True).transform(
                *pyproj.Transformer.from_crs(4326, 32650, always_xy=True).transform(*p.T)
            )
        ),
        (-8, -1732),
    ),
}
"""How each system moves positions that are read as if they were right, and about how far (m east, m north)."""


@pytest.mark.parametrize("key", OFFSETS)
def test_a_shifted_datum_is_told_by_its_residuals(key: str) -> None:
    move, (east, north) = OFFSETS[key]
    read = move(positions())
    shift = (read - positions()).mean(axis=0) * (86_400, 111_020)
    assert abs(shift[0] - east) < 60
    assert abs(shift[1] - north) < 60
    assert diagnose_shift(positions(), read).key == key


def test_half_the_features_moved_for_real_do_not_hide_the_datum() -> None:
    read = OFFSETS["gcj02"][0](positions())
    read[::2] += numpy.random.default_rng(1).normal(0, 0.002, (COUNT // 2, 2))
    assert diagnose_shift(positions(), read).key == "gcj02"


def test_a_uniform_shift_is_reported_and_small_noise_is_not() -> None:
    shifted = diagnose_shift(positions(), moved(100 / 86_400, -50 / 111_020))
    assert (shifted.key, shifted.uniform_m, shifted.uniform_count) == ("", (100.0, -50.0), COUNT)
    noise = numpy.random.default_rng(2).normal(0, 2 / 100_000, (COUNT, 2))
    assert diagnose_shift(positions(), positions() + noise).uniform_m is None
    assert diagnose_shift(positions()[:4], OFFSETS["gcj02"][0](positions()[:4])).key == "", "four pairs say nothing"


def test_gcj02_is_undone_to_the_millimetre_and_is_never_written() -> None:
    back = numpy.column_stack(gcj.from_gcj02(*gcj.to_gcj02(*positions().T)))
    assert numpy.abs(back - positions()).max() * 111_020 < 1e-5
    from geo_service.ingest.writers import WRITERS

    assert {crs for writer in WRITERS.values() for crs in writer.crs} == {4490, 4548, 4527}


@pytest.mark.parametrize("key", OFFSETS)
def test_a_file_in_a_shifted_datum_is_stopped_and_read_right_once_chosen(key: str, upload: Upload) -> None:
    places = positions()[:12]
    known = tuple(
        Feature(
            f"NK-JSD-{i + 1:03d}", {"name": f"片区{i}", "precision": "guess", "source": "测试"}, square(*place, 0.0004)
        )
        for i, place in enumerate(places)
    )
    move = OFFSETS[key][0]
    rows = [feature(geometry_of(shapely.transform(f.shape(), move)), GS_ID=f.id, **dict(f.properties)) for f in known]
    found = upload(collection(*rows), current=snapshot(known))
    assert "crs-datum-shift" in found.counts
    assert found.crs is not None
    assert (found.crs.state, found.crs.proposed) == ("shifted", key)
    assert list(found.changes()) == []
    if key == "32650":
        return
    chosen = upload(collection(*rows), current=snapshot(known), options={"crs": key})
    assert (chosen.tally.unchanged, list(chosen.changes())) == (12, [])


def test_every_choice_is_offered_by_a_name_in_both_languages() -> None:
    assert len(CHOICES) >= 21
    assert all(h.title.zh and h.title.en for h in CHOICES.values())
    assert read_declared(None) is None
