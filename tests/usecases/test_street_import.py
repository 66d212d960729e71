"""Road networks from OpenStreetMap: real files written by libosmium, networkx as the second opinion, hostile files."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx
import numpy
import osmium
import pytest
from osmium.osm import mutable

from geo_service.analysis.access import make_streets
from geo_service.analysis.network import SPEEDS_KMH, cost_from, snap_points
from geo_service.cli import run
from geo_service.core.features import to_frame
from geo_service.deployment import Deployment, open_deployment
from geo_service.errors import RejectedUpload
from geo_service.ingest.osm import read_streets
from geo_service.settings import read_settings
from geo_service.usecases.street_import import LAYER_ID, read_extract

LON, LAT, STEP = 117.15, 39.10, 0.002
BOX = (117.10, 39.06, 117.19, 39.15)

Nodes = dict[int, tuple[float, float]]
Ways = list[tuple[int, list[int], dict[str, str]]]
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def call(
        ways: Ways, *, nodes: Nodes, marks: dict[int, dict[str, str]] | None = None, name: str = "a.osm.pbf"
    ) -> Path:
        path = tmp_path / name
        writer = osmium.SimpleWriter(str(path), overwrite=True)
        for ref, place in nodes.items():
            writer.add_node(mutable.Node(id=ref, location=place, tags=(marks or {}).get(ref, {})))
        for way, refs, tags in ways:
            writer.add_way(mutable.Way(id=way, nodes=refs, tags=tags))
        writer.close()
        return path

    return call


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(tmp_path / "home")}))
    yield deployment
    deployment.counter.jail.close()
    deployment.store.close()


def town(size: int = 6) -> tuple[Ways, Nodes]:
    """Streets in a grid; a one-way avenue with a limit, a bridge that crosses without meeting, a footpath, a pier."""
    at = {r * size + c + 1: (LON + c * STEP, LAT + r * STEP) for r in range(size) for c in range(size)}
    rows = [[r * size + c + 1 for c in range(size)] for r in range(size)]
    ways: Ways = [(100 + r, rows[r], {"highway": "residential", "name": f"{r} 纬路"}) for r in range(size)]
    ways += [(200 + c, [row[c] for row in rows], {"highway": "secondary"}) for c in range(size)]
    ways[1] = (101, rows[1], {"highway": "primary", "oneway": "-1", "maxspeed": "30 mph"})
    at |= {900: (LON - STEP, LAT + 2.5 * STEP), 901: (LON + 3.5 * STEP, LAT + 2.5 * STEP), 902: (LON + STEP / 2, LAT)}
    ways += [
        (300, [900, 901], {"highway": "trunk", "bridge": "yes"}),
        (301, [rows[0][0], rows[5][5]], {"highway": "footway"}),
        (302, [rows[5][0], 900], {"highway": "motorway_link"}),
        (303, [rows[0][5], 901], {"highway": "service", "access": "private"}),
        (304, [rows[2][2], rows[3][3]], {"highway": "residential", "access": "no"}),
        (305, [rows[2][2], rows[3][3]], {"building": "yes"}),
    ]
    return ways, at


def imported(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str = "zh") -> tuple[int, str]:
    capsys.readouterr()
    code = run(
        ["import", "osm", str(path)], {"GEO_SERVICE_HOME": str(tmp_path / "home"), "GEO_SERVICE_LANGUAGE": language}
    )
    said = capsys.readouterr()
    return code, said.out + said.err


def streets_of(deployment: Deployment) -> Any:
    return to_frame(deployment.store.snapshot(LAYER_ID).features).assign(layer="道路网")


def second_opinion(frame: Any, *, driving: bool) -> networkx.DiGraph[str]:
    """The graph as networkx builds it from the table of edges alone."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    metres = frame.to_crs(4548).length
    for (fid, row), length in zip(frame.iterrows(), metres, strict=True):
        if row.access == ("foot" if driving else "motor"):
            continue
        speed = row.speed_kmh if row.speed_kmh and row.speed_kmh > 0 else SPEEDS_KMH.get(row.kind, SPEEDS_KMH["road"])
        cost = length / (speed / 3.6) if driving else length
        ends = [row.from_node, row.to_node]
        if driving and row.blocked in ("from", "both"):
            ends[0] += f" {fid}"
        if driving and row.blocked in ("to", "both"):
            ends[1] += f" {fid} end"
        for tail, head, closed in ((*ends, -1), (*ends[::-1], 1)):
            if not (driving and row.oneway == closed):
                old = graph.get_edge_data(tail, head, {"weight": numpy.inf})["weight"]
                graph.add_edge(tail, head, weight=min(old, cost))
    return graph


@pytest.mark.parametrize("driving", [True, False])
def test_distances_over_an_imported_network_are_those_of_networkx(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Deployment, driving: bool
) -> None:
    ways, nodes = town()
    path = write(ways, nodes=nodes, marks={9: {"barrier": "bollard"}, 16: {"barrier": "gate"}})
    assert imported(path, tmp_path, capsys)[0] == 0
    frame = streets_of(here)
    network = make_streets({"streets": frame}, cost="drive_s" if driving else "metres")
    assert network is not None
    corner = snap_points(network, network.nodes[:1])
    ours = cost_from(network, corner)[0]
    graph = second_opinion(frame, driving=driving)
    assert len(network.nodes) == graph.number_of_nodes()
    start = next(n for n in graph if _is_at(frame, n, network.nodes[0]))
    theirs = networkx.single_source_dijkstra_path_length(graph, start)
    assert len(theirs) > 30
    assert numpy.sort(ours[numpy.isfinite(ours)]) == pytest.approx(
        numpy.sort(list(theirs.values())), rel=1e-9, abs=1e-6
    )


def _is_at(frame: Any, node: str, place: Any) -> bool:
    rows = frame[frame.from_node == node].to_crs(4548)
    return any(numpy.hypot(*(numpy.array(line.coords[0]) - place)) < 0.01 for line in rows.geometry)


def test_what_traffic_must_know_comes_from_the_tags(write: Write) -> None:
    ways, nodes = town()
    found = read_streets(write(ways, nodes=nodes, marks={9: {"barrier": "bollard"}}))
    edges = {(e.way, e.part): e for e in found.edges}
    assert found.left_out == {"closed": 1}
    assert found.examples == {"closed": [304]}
    assert edges[101, 0].oneway == -1
    assert edges[101, 0].speed_kmh == pytest.approx(48.3)
    assert edges[300, 0].level == 1
    assert edges[302, 0].access == "motor"
    assert edges[302, 0].oneway == 1
    assert edges[301, 0].access == "foot"
    assert edges[303, 0].access == "all"
    assert sum(e.blocked != "" for e in found.edges) == 4
    assert sum(e.way == 100 for e in found.edges) == 5


def test_a_bridge_meets_the_street_below_nowhere(write: Write) -> None:
    ways, nodes = town()
    found = read_streets(write(ways, nodes=nodes))
    assert [e.way for e in found.edges if {900, 901} <= {e.from_node, e.to_node}] == [300]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.osm.pbf", "a.osm"])
def test_importing_again_changes_only_what_differs_and_keeps_history(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Deployment, name: str
) -> None:
    ways, nodes = town()
    path = write(ways, nodes=nodes, name=name)
    code, said = imported(path, tmp_path, capsys)
    assert code == 0
    assert "r1" in said
    assert "way 304" in said
    assert "未新增版本" in imported(path, tmp_path, capsys)[1]
    ways[0] = (100, ways[0][1], {"highway": "residential", "name": "改名路"})
    code, said = imported(write(ways[:-5], nodes=nodes, name=name), tmp_path, capsys, "en")
    assert "r2 (0 added, 5 changed, 3 deleted)" in said
    assert [r.rev for r in here.store.revisions(LAYER_ID)] == [2, 1]
    assert here.store.revision(LAYER_ID, 1).note.startswith("导入 OSM 提取")
    assert len(here.store.snapshot(LAYER_ID, 1).features) == len(here.store.snapshot(LAYER_ID, 2).features) + 3


def test_questions_use_the_imported_network_and_say_so(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ways, nodes = town()
    environment = {"GEO_SERVICE_HOME": str(tmp_path / "home"), "GEO_SERVICE_LANGUAGE": "zh"}
    asked = ["analyse", "service-coverage", "--set", "cell_m=200"]
    assert run(asked, environment) == 0
    before = capsys.readouterr().out
    assert imported(write(ways, nodes=nodes), tmp_path, capsys)[0] == 0
    assert run(asked, environment) == 0
    after = capsys.readouterr().out
    assert "「道路骨架」" in before
    assert "示意街道骨架" in before
    assert "streets@r1" in before
    assert "「道路网（OSM 导入）」" in after
    assert "示意街道骨架" not in after
    assert "road_network@r1" in after


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def bad_blob(body: bytes) -> bytes:
    packed = zlib.compress(b"x" * 40)
    at = body.find(b"\x78\x9c", 20)
    return body[:at] + packed[:4] + b"\xff" * (len(body) - at - 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "zh", "en"),
    [
        (cut, "已损坏或不完整", "damaged or cut off"),
        (bad_blob, "已损坏或不完整", "damaged or cut off"),
        (lambda _: "名称,长度\n道路,1\n".encode(), "不是 OSM 提取文件", "no OSM extract"),
        (lambda _: b"", "不是 OSM 提取文件", "no OSM extract"),
        (
            lambda _: b"<?xml version='1.0'?><!DOCTYPE osm [<!ENTITY a 'b'>]><osm>&a;</osm>",
            "不是 OSM 提取",
            "no OSM extract",
        ),
        (lambda _: b"<osm version='0.6'><node id='1' lat='39.1'", "已损坏或不完整", "damaged or cut off"),
        (
            lambda _: b"<osm version='0.6'><node id='1' lat='999' lon='8'/></osm>",
            "已损坏或不完整",
            "damaged or cut off",
        ),
        (lambda _: b"<osm version='0.6'></osm>", "其中没有道路", "has no roads"),
    ],
)
def test_a_file_that_is_no_whole_extract_is_refused_in_words(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[bytes], bytes], zh: str, en: str
) -> None:
    ways, nodes = town()
    path = write(ways, nodes=nodes)
    path.write_bytes(spoil(path.read_bytes()))
    for language, words in (("zh", zh), ("en", en)):
        code, said = imported(path, tmp_path, capsys, language)
        assert code == 1
        assert words in said
        assert "a.osm.pbf" in said
        assert "Traceback" not in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ways", "words"),
    [
        ([(-5, [1, 2], {"highway": "residential"})], "负编号"),
        ([(5, [-1, -2], {"highway": "residential"})], "负编号"),
        ([(5, [71, 72], {"highway": "residential"})], "找不到道路的节点坐标"),
        ([(5, [], {"highway": "residential"})], "找不到道路的节点坐标"),
        ([(5, [1, 1], {"highway": "residential"})], "找不到道路的节点坐标"),
        ([(5, [1, 2], {"waterway": "river"})], "其中没有道路"),
        ([(5, [3, 4], {"highway": "residential"})], "不在本区范围内"),
    ],
)
def test_ways_that_make_no_street_are_refused_with_the_reason(
    write: Write, here: Deployment, ways: Ways, words: str
) -> None:
    nodes = {1: (LON, LAT), 2: (LON + STEP, LAT), 3: (116.3, 39.9), 4: (116.31, 39.9), -1: (LON, LAT), -2: (LON, 39.11)}
    path = write(ways, nodes=nodes)
    with pytest.raises(RejectedUpload) as refused:
        read_extract(here.counter.jail, path, BOX)
    assert words in refused.value.sentence("zh")


def test_a_way_that_leaves_the_extract_is_cut_and_counted(write: Write, here: Deployment) -> None:
    nodes = {1: (LON, LAT), 2: (LON + STEP, LAT), 3: (LON + 2 * STEP, LAT)}
    found = read_extract(here.counter.jail, write([(5, [1, 2, 99, 3], {"highway": "road"})], nodes=nodes), BOX)
    assert [(e.from_node, e.to_node) for e in found.edges] == [(1, 2)]
    assert found.left_out == {"no-nodes": 1}
    assert found.examples == {"no-nodes": [5]}


def test_a_name_from_a_file_stays_text(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Deployment
) -> None:
    nodes = {1: (LON, LAT), 2: (LON + STEP, LAT)}
    name = "{{7*7}}<script>alert(1)</script>\u0007"
    assert imported(write([(5, [1, 2], {"highway": "road", "name": name})], nodes=nodes), tmp_path, capsys)[0] == 0
    [feature] = here.store.snapshot(LAYER_ID).features
    assert feature.name == "{{7*7}}<script>alert(1)</script>"
