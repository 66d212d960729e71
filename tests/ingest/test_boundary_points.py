"""The boundary-point exchange file of land departments, as their programs write it."""

from __future__ import annotations

import pyproj
import pytest
import shapely.geometry

from .conftest import Upload, zones

RING = [(117.15, 39.1), (117.152, 39.1), (117.152, 39.102), (117.15, 39.102)]
HOLE = [(117.1505, 39.1005), (117.151, 39.1005), (117.151, 39.101), (117.1505, 39.101)]


def text(
    code: int, *, degrees: int = 3, zone: int = 39, system: str = "2000国家大地坐标系", closed: bool = True
) -> str:
    """A parcel with a hole, X north and Y east, coordinates made by PROJ."""
    project = pyproj.Transformer.from_crs(4490, code, always_xy=True)
    lines = []
    for number, ring in enumerate((RING, HOLE), start=1):
        for place, (lon, lat) in enumerate([*ring, ring[0]] if closed else ring, start=1):
            east, north = project.transform(lon, lat)
            lines.append(f"J{place},{number},{north:.4f},{east:.4f}")
    about = f"坐标系={system}\n几度分带={degrees}\n投影类型=高斯克吕格\n计量单位=米\n带号={zone}\n精度=0.001\n"
    head = f"[属性描述]\n格式版本号=1.01版本\n{about}[地块坐标]\n"
    return head + "10,3.8412,NK-01,长虹街积水点,面,J50G001,公用设施,,@\n" + "\n".join(lines) + "\n"


def made(upload: Upload, body: str, **about: object) -> shapely.Geometry:
    found = upload(body.encode("gb18030"), "界址点.txt", **about)
    assert not [f for f in found.findings if f.level == "block"], found.findings
    (change,) = found.changes()
    assert change.properties is not None
    assert change.properties["name"] == "长虹街积水点"
    return shapely.geometry.shape(change.geometry or {})


@pytest.mark.parametrize(("code", "degrees", "zone"), [(4548, 3, 39), (4527, 3, 39), (4509, 6, 20), (4498, 6, 20)])
@pytest.mark.parametrize("closed", [True, False])
def test_a_parcel_lands_where_proj_says_with_and_without_zone_prefix(
    code: int, degrees: int, zone: int, closed: bool, upload: Upload
) -> None:
    shape = made(upload, text(code, degrees=degrees, zone=zone, closed=closed))
    assert shape.equals_exact(shapely.Polygon(RING, [HOLE]).normalize(), 2e-7, normalize=True)


def test_a_file_that_names_another_zone_is_stopped(upload: Upload) -> None:
    found = upload(text(4549, zone=40).encode("gb18030"), "界址点.txt")
    assert found.crs is not None
    assert found.crs.state in ("assumed", "conflict")
    assert found.crs.proposed == "4549"
    assert {"crs-assumed", "crs-conflict"} & set(found.counts)


@pytest.mark.parametrize("system", ["天津90坐标系", "1954北京坐标系", "80西安坐标系"])
def test_an_old_system_is_refused_by_its_name(system: str, upload: Upload) -> None:
    found = upload(text(4548, system=system).encode("gb18030"), "界址点.txt")
    assert "crs-old-datum" in found.counts
    assert list(found.changes()) == []


def test_the_first_wrong_line_is_named_and_the_other_parcels_are_kept(upload: Upload) -> None:
    good = text(4548)
    second = good.partition("[地块坐标]\n")[2].replace("长虹街积水点", "第二块")
    broken = good.replace("J3,2,", "J3,2,x") + second
    found = upload(broken.encode("gb18030"), "界址点.txt")
    (finding,) = [f for f in found.findings if f.code == "txt-line"]
    line = broken.splitlines().index(next(x for x in broken.splitlines() if x.startswith("J3,2,x"))) + 1
    assert finding.params["line"] == line
    assert f"第 {line} 行" in finding.sentence("zh")
    assert [c.properties["name"] for c in found.changes() if c.properties] == ["第二块"]


@pytest.mark.parametrize(
    ("kind", "types"), [("点", ("Point", "MultiPoint")), ("线", ("LineString", "MultiLineString"))]
)
def test_points_and_lines_are_told_by_the_header(kind: str, types: tuple[str, ...], upload: Upload) -> None:
    shape = made(upload, text(4548).replace(",面,", f",{kind},"), definition=zones(geometry_types=types))
    assert shape.geom_type in types
