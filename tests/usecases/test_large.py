"""A large layer asked through columns gives what asking each feature gives."""

from __future__ import annotations

import datetime
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mapbox_vector_tile
import numpy
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin
from shapely.geometry import shape

from geo_service.core import cql
from geo_service.core.features import Feature
from geo_service.core.plan import EMPTY_LEDGER
from geo_service.core.query import Query
from geo_service.core.reference_systems import CRS84
from geo_service.rendering.picture import Window, code_of
from geo_service.rendering.symbols import symbol
from geo_service.settings import ROOT
from geo_service.storage.kept_files import KeptFiles
from geo_service.storage.publisher import Publisher
from geo_service.storage.store import LayerStore, open_store
from geo_service.usecases import downloads, large_tiles, pictures
from geo_service.usecases.find import find_features
from geo_service.usecases.large import Asked, FieldTest, LargeRevision
from geo_service.usecases.large_names import sounds
from geo_service.usecases.large_tiles import source_of, tile_fields
from geo_service.usecases.lines import Lines
from geo_service.usecases.memo import Memo
from geo_service.usecases.pictures import Studio
from geo_service.usecases.search import search
from geo_service.usecases.summary import summarise, summarise_large
from geo_service.usecases.views import RevisionViews
from scripts.benchmarks import city
from tests.postgis import EITHER_SLOWLY, lent_database

COUNT = 600
LAYER = "city_parcels"
FILTERS = (
    "land_use = 'A3'",
    "用地性质 = 'A3' AND 层数 > 6",
    "floors >= 3 AND floors < 9 OR owner = '个人'",
    "NOT (floors > 5)",
    "NOT (built_year > 1990 AND owner LIKE '%委')",
    "built_year IS NULL",
    "owner IS NULL OR address LIKE '%路1_号'",
    "name LIKE '鼓楼%'",
    "CASEI(owner) = 'abc'",
    "area_m2 > 1000 AND area_m2 < floors * 300",
    "owner > '区' AND owner <> '区教育局'",
    "floors <> 3",
    "owner <> 3",
    "3 > floors",
    "land_use IN ('A3', 'R2')",
    "floors BETWEEN 2 AND 4",
    "updated_at > DATE('2025-06-01')",
    "id = 'NK-CP-0000007' OR id > 'NK-CP-0000590'",
    "S_INTERSECTS(geometry, BBOX(117.12, 39.08, 117.14, 39.1)) AND floors > 2",
    "S_WITHIN(geometry, POLYGON((117.1 39.06, 117.15 39.06, 117.1 39.15, 117.1 39.06)))",
    "commitment IS NULL",
    "status = 'done'",
    "1 = 1",
)
SORTS = ((), ("id",), ("-id",), ("area_m2",), ("-floors", "name"), ("owner", "-area_m2"), ("-built_year",), ("status",))
NEEDLES = ("", "鼓楼", "np-", "nk-cp-00001", "abc", "没有")
BOXES = (None, (117.11, 39.07, 117.13, 39.09), (117.0, 39.0, 118.0, 40.0), (0.0, 0.0, 1.0, 1.0))


def odd_features() -> list[Feature]:
    """Parcels, some without a place, with empty, missing and mixed values."""
    chance = random.Random(5)
    found = []
    for number, feature in enumerate(city.features(COUNT)):
        properties = dict(feature.properties)
        if number % 7 == 0:
            properties["owner"] = chance.choice(["", None, "ABC", "a\nb", 'q"\\', 12, 3.5, True])
        if number % 11 == 0:
            del properties["floors"]
        if number % 13 == 0:
            properties["extra"] = number
        found.append(Feature(feature.id, properties, None if number % 17 == 0 else feature.geometry))
    return found


@pytest.fixture(scope="module", params=EITHER_SLOWLY)
def parcels(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[LayerStore]:
    home: Path = tmp_path_factory.mktemp("large")
    with lent_database(request, f"sqlite:///{home / 'geo_service.db'}") as url:
        store = open_store(url, home, lambda: datetime.datetime.now(datetime.UTC))
        store.create_layer(city.definition(), odd_features(), author="a", note="")
        yield store
        store.close()


@pytest.fixture(scope="module")
def publisher(parcels: LayerStore) -> Publisher:
    return Publisher(parcels, parcels.home, large=100)


@pytest.fixture(scope="module")
def edited(parcels: LayerStore, publisher: Publisher) -> LayerStore:
    """Revision 2 takes some away, changes and adds some; its base stays revision 1."""
    publisher.base(LAYER, 1)
    rows = {f.id: f for f in odd_features()}
    changes: dict[str, Feature | None] = {f"NK-CP-{n:07}": None for n in (1, 50, 600)}
    for number in range(20, 40):
        old = rows[f"NK-CP-{number:07}"]
        renamed = {**old.properties, "owner": f"新权利人{number % 3}", "floors": number, "area_m2": number * 100.5}
        changes[old.id] = Feature(old.id, renamed, rows[f"NK-CP-{number + 30:07}"].geometry)
    changes["NK-CP-0000020A"] = Feature("NK-CP-0000020A", {"name": "新地块", "precision": "guess"}, None)
    parcels.commit(LAYER, changes, base=1, kind="edit", author="a", note="")
    return parcels


@pytest.fixture(scope="module")
def views(edited: LayerStore, publisher: Publisher) -> RevisionViews:
    return RevisionViews(edited, publisher, tile_cache_mb=1)


def large_and_features(views: RevisionViews, store: LayerStore, rev: int) -> tuple[LargeRevision, tuple[Feature, ...]]:
    large = views.large(store.revision(LAYER, rev))
    assert large is not None
    return large, store.snapshot(LAYER, rev).features


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rev=st.sampled_from([1, 2]),
    sort=st.sampled_from(SORTS),
    text=st.sampled_from(NEEDLES),
    bbox=st.sampled_from(BOXES),
    filter_text=st.sampled_from(["", *FILTERS]),
    offset=st.sampled_from([0, 5, 590]),
)
def test_columns_and_features_one_by_one_give_the_same_page(  # one strategy for each part of a question
    views: RevisionViews,
    edited: LayerStore,
    rev: int,
    sort: tuple[str, ...],
    text: str,
    bbox: tuple[float, float, float, float] | None,
    filter_text: str,
    offset: int,
) -> None:
    large, features = large_and_features(views, edited, rev)
    query = Query(bbox=bbox, filter=filter_text, sort=sort, text=text, limit=40, offset=offset)
    wanted = find_features(city.definition(), features, query)
    found = large.find(city.definition(), query)
    assert (found.matched, list(found.features)) == (wanted.matched, list(wanted.features))


@pytest.mark.parametrize("text", FILTERS)
@pytest.mark.parametrize("rev", [1, 2])
def test_every_filter_keeps_the_same_features_in_columns(
    views: RevisionViews, edited: LayerStore, text: str, rev: int
) -> None:
    large, features = large_and_features(views, edited, rev)
    query = Query(filter=text, limit=COUNT + 9)
    wanted = [f.id for f in find_features(city.definition(), features, query).features]
    assert [f.id for f in large.find(city.definition(), query).features] == wanted


def test_conditions_of_fields_and_filters_fit_together(views: RevisionViews, edited: LayerStore) -> None:
    large, features = large_and_features(views, edited, 2)
    conditions = (
        FieldTest("owner", lambda value: str(value) == "个人"),
        FieldTest("nothing", lambda value: value is None),
        Asked(cql.parse_filter("floors > 3"), city.definition()),
    )
    wanted = find_features(city.definition(), features, Query(limit=COUNT), conditions)
    found = large.find(city.definition(), Query(limit=COUNT), conditions)
    assert list(found.features) == list(wanted.features)
    assert wanted.matched > 0


@pytest.mark.parametrize("rev", [1, 2])
def test_a_large_layer_counts_as_its_features_do(views: RevisionViews, edited: LayerStore, rev: int) -> None:
    large, features = large_and_features(views, edited, rev)
    wanted, found = summarise(city.definition(), features), summarise_large(city.definition(), large)
    counts = (found.count, dict(found.classes), dict(found.filled), found.bbox)
    assert counts == (wanted.count, dict(wanted.classes), dict(wanted.filled), wanted.bbox)
    assert {k: v for k, v in found.precisions.items() if v} == dict(wanted.precisions)


def test_features_of_a_large_layer_go_out_as_they_are_stored(views: RevisionViews, edited: LayerStore) -> None:
    features = views.features(edited.revision(LAYER, 2))
    assert isinstance(features, Lines)
    assert features.text().decode() == ",".join(edited.lines(LAYER, 2))
    assert features[3] == edited.snapshot(LAYER, 2).features[3]
    assert list(features[5:8]) == list(edited.snapshot(LAYER, 2).features[5:8])


def test_few_changes_are_laid_over_what_is_built_already(publisher: Publisher, edited: LayerStore) -> None:
    """A small edit of a large layer builds nothing anew."""
    assert publisher.base(LAYER, 2).rev == 1


@pytest.mark.slow
def test_after_many_changes_a_later_revision_is_built_in_the_background(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is, the changes lie over what was built; asked before and after, the features are the same."""
    store = open_store(database_url, tmp_path, lambda: datetime.datetime.now(datetime.UTC))
    rows = list(city.features(200))
    store.create_layer(city.definition(), rows, author="a", note="")
    views = RevisionViews(store, Publisher(store, tmp_path, large=100), tile_cache_mb=1)
    views.features(store.revision(LAYER, 1))
    monkeypatch.setattr("geo_service.usecases.views.OVERLAY", 10)
    changes = {f.id: Feature(f.id, {**f.properties, "name": "改名"}, f.geometry) for f in rows[:50]}
    head = store.commit(LAYER, changes, base=1, kind="edit", author="a", note="")
    meanwhile, wanted = views.large(head), store.snapshot(LAYER).features
    assert meanwhile is not None
    assert (meanwhile.base.rev, list(meanwhile.features())) == (1, list(wanted))
    views.prepare(LAYER)
    later = views.large(head)
    assert later is not None
    assert (later.base.rev, list(later.features())) == (2, list(wanted))
    store.close()


def decoded(tile: bytes) -> dict[str, dict[str, tuple[str, float]]]:
    """Names and areas (or None) of the features of each layer of a tile, by id."""
    found = mapbox_vector_tile.decode(tile, default_options={"geojson": False})
    return {
        name: {
            f["properties"]["id"]: (f["properties"].get("name"), shape(f["geometry"]).area) for f in layer["features"]
        }
        for name, layer in found.items()
    }


@pytest.mark.parametrize("place", [(14, 13524, 6255), (17, 108172, 50064), (14, 13522, 6257), (13, 6761, 3128)])
def test_a_tile_of_an_edited_large_layer_shows_what_a_small_one_would(
    views: RevisionViews, edited: LayerStore, place: tuple[int, int, int]
) -> None:
    """Cut from mapped files with the changes laid over them, or from the features in memory: the same features."""
    features = [f for f in edited.snapshot(LAYER, 2).features if f.geometry]
    keys = tile_fields(city.definition())
    wanted = decoded(source_of(features, keys, LAYER).tile(*place))
    assert wanted
    revision = edited.revision(LAYER, 2)
    assert decoded(views.tile(city.definition(), revision, *place)) == wanted
    again = RevisionViews(edited, Publisher(edited, edited.home, large=100), tile_cache_mb=1)
    assert decoded(again.tile(city.definition(), revision, *place)) == wanted


def test_a_process_cuts_few_tiles_at_the_same_time(views: RevisionViews, edited: LayerStore) -> None:
    """What comes while the knives are taken waits for one, and is cut then."""
    taken = 0
    while large_tiles.KNIVES.acquire(blocking=False):
        taken += 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(views.tile, city.definition(), edited.revision(LAYER, 2), 13, 6762, 3127)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.1)
        large_tiles.KNIVES.release(taken)
        assert decoded(waiting.result(timeout=60))
    assert taken == 2


def test_a_feature_of_a_large_layer_is_found_by_name_id_and_pinyin(views: RevisionViews, edited: LayerStore) -> None:
    views.prepare(LAYER)
    state = edited.layer(LAYER)

    def found(text: str) -> list[str]:
        return [h.entry.id for h in search(text, [state], views, EMPTY_LEDGER, Memo(8)) if h.entry.kind == "feature"]

    changed = edited.feature(LAYER, "NK-CP-0000025")
    same = edited.feature(LAYER, "NK-CP-0000100")
    for feature in (changed, same):
        assert feature.id in found(feature.name)
        assert found(feature.id.lower()) == [feature.id]
    assert found("NK-CP-0000050") == []
    assert found("xinde") == []
    assert "NK-CP-0000020A" in found("xindikuai")
    by_initials = found(sounds(same.name)["initials"])
    assert same.id in by_initials


def test_a_part_of_an_edited_large_layer_is_written_by_a_worker(
    views: RevisionViews, edited: LayerStore, tmp_path: Path
) -> None:
    """GDAL reads from the GeoPackage the features that the filter keeps, changed and new ones too."""
    query = Query(filter="floors > 20 OR precision = 'guess'", limit=COUNT)
    features = edited.snapshot(LAYER, 2).features
    wanted = {f.id for f in find_features(city.definition(), features, query).features}
    order = downloads.order(city.definition(), edited.revision(LAYER, 2), "gpkg", 4548, query)
    path = downloads.fulfil(order, views, KeptFiles(tmp_path / "downloads", 1 << 30))
    assert set(pyogrio.read_dataframe(path)["GS_ID"]) == wanted
    assert "NK-CP-0000020A" in wanted


WINDOW = Window(200, 150, (117.11, 39.07, 117.13, 39.085), 1700.0)


def test_a_picture_of_a_large_layer_draws_what_its_window_shows(views: RevisionViews, edited: LayerStore) -> None:
    """Nothing else of the layer is looked at; a picture of part of an edited layer has the changes in it."""
    studio, state = Studio(views, Memo(8), ROOT / "var" / "assets" / "fonts"), edited.layer(LAYER)
    drawn = studio.layer(state, edited.revision(LAYER, 2), CRS84, WINDOW)
    west, south, east, north = WINDOW.ground.bounds
    query = Query(bbox=(west, south, east, north), limit=COUNT)
    wanted = find_features(city.definition(), edited.snapshot(LAYER, 2).features, query)
    assert {f.id for f in drawn.features} == {f.id for f in wanted.features}
    assert 0 < len(drawn.features) < COUNT / 4
    look = symbol(city.definition().symbol)
    for feature, place, code in zip(drawn.features, drawn.shapes, drawn.codes, strict=True):
        assert place.equals(feature.shape())
        assert code == code_of(look, feature.properties)
    large = views.large(edited.revision(LAYER, 2))
    assert large
    assert {f.id for f in large.extras} & {f.id for f in drawn.features}
    assert studio.image([drawn], WINDOW).startswith(b"\x89PNG")


def test_a_process_paints_few_pictures_at_the_same_time(views: RevisionViews, edited: LayerStore) -> None:
    """What comes while the easels are taken waits for one, and is painted then."""
    studio, state = Studio(views, Memo(8), ROOT / "var" / "assets" / "fonts"), edited.layer(LAYER)
    drawn = studio.layer(state, edited.revision(LAYER, 2), CRS84, WINDOW)
    taken = 0
    while pictures.EASELS.acquire(blocking=False):
        taken += 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(studio.image, [drawn], WINDOW)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.1)
        pictures.EASELS.release(taken)
        assert waiting.result(timeout=60).startswith(b"\x89PNG")
    assert taken == 2


def test_shapes_and_values_of_rows_are_those_of_their_features(views: RevisionViews, edited: LayerStore) -> None:
    """What a picture needs comes from the files of shapes and columns, and from the changes laid over them."""
    large, _ = large_and_features(views, edited, 2)
    rows = large.meeting((117.0, 39.0, 118.0, 40.0))
    features = list(large.of(rows))
    assert len({row >= large.base.count for row in rows.tolist()}) == 2, "built rows and changed ones"
    assert [s.wkb for s in large.shapes(rows)] == [f.shape().wkb for f in features]  # type: ignore[union-attr]  # located
    for keys in (("owner", "floors", "no such field"), ("no such field",), ()):
        different, which = large.alike(rows, keys)
        told = [{key: different[place].get(key) for key in keys} for place in which.tolist()]
        assert told == [{key: f.properties.get(key) for key in keys} for f in features]


def test_of_a_crowd_of_areas_the_larger_are_drawn_one_by_one_and_the_rest_together(
    views: RevisionViews, edited: LayerStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None is left out: what is not drawn by its shape is by its box, in the class it is of."""
    monkeypatch.setattr(pictures, "MOST_AREAS", 40)
    studio, state = Studio(views, Memo(8), ROOT / "var" / "assets" / "fonts"), edited.layer(LAYER)
    whole = Window(200, 200, (117.1, 39.06, 117.19, 39.15), 7700.0)
    large, _ = large_and_features(views, edited, 2)
    drawn = studio.layer(state, edited.revision(LAYER, 2), CRS84, whole)
    assert len(drawn.features) <= 40
    look, single = symbol(city.definition().symbol), {f.id for f in drawn.features}
    rest = [f for f in large.of(large.meeting(shapely.bounds(whole.ground).tolist())) if f.id not in single]
    expected = sorted((f.shape().bounds, code_of(look, f.properties)) for f in rest)  # type: ignore[union-attr]  # located
    boxes = map(tuple, drawn.crowd.boxes.tolist())
    assert sorted(zip(boxes, drawn.crowd.codes.tolist(), strict=True)) == expected
    assert len(expected) > 100


@given(
    st.lists(
        st.sampled_from(["重庆", "长", "路", "12", "号A座", "é", "“", " ", "ß", "〇", "行", "银行"]), max_size=6
    ).map("".join)
)
def test_a_name_sounds_as_a_whole_though_its_runs_are_remembered(name: str) -> None:
    heard = sounds(name)
    whole = [s.casefold() for s in lazy_pinyin(name, style=Style.NORMAL, errors=list)]
    assert heard["pinyin"] == "".join(whole)
    assert heard["initials"] == "".join(s[:1] for s in whole)
    assert len(heard["starts"]) == len(whole)


def test_of_a_crowd_of_points_the_largest_of_each_cell_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_OF_LARGE", 40)
    spots = numpy.random.default_rng(7).random((3_000, 2))
    keep = pictures.thinned(numpy.arange(3_000), numpy.hstack((spots, spots)), numpy.array([0.005, 0.005]))
    assert 10 < len(keep) <= 40
    assert len({(x > 0.5, y > 0.5) for x, y in spots[keep].tolist()}) == 4
