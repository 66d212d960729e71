"""What a dry run proposes, read page by page and kind by kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo_service.core.features import Feature
from geo_service.ingest.change_file import CHANGES, INDEX
from geo_service.ingest.change_pages import FILTERS, read_page
from geo_service.ingest.examination import ProposedChange
from tests.ingest.conftest import Upload, collection, feature, snapshot, square


def place(number: int) -> tuple[float, float]:
    return 117.13 + (number % 40) * 0.0015, 39.08 + (number // 40) * 0.0015


def known(count: int) -> tuple[Feature, ...]:
    values = {"name": "", "precision": "guess", "source": "s"}
    return tuple(
        Feature(f"NK-JSD-{n:03}", values | {"name": f"片区{n}"}, square(*place(n))) for n in range(1, count + 1)
    )


def test_every_change_is_on_exactly_one_page_and_every_kind_has_its_own(upload: Upload) -> None:
    layer = known(200)
    same = [feature(f.geometry, GS_ID=f.id, name=f.name, precision="guess") for f in layer[:120]]
    renamed = [feature(f.geometry, GS_ID=f.id, name=f"{f.name}甲", precision="guess") for f in layer[120:195]]
    new = [feature(square(117.19 + i * 0.0015, 39.08), name=f"新{i}", precision="guess") for i in range(3)]
    found = upload(collection(*same, *renamed, *new), current=snapshot(layer), options={"mode": "replace"})
    folder = Path(found.changes_file).parent
    counts = {"all": 83, "add": 3, "modify": 75, "delete": 5, "unchanged": 120, "split": 0, "merge": 0}
    assert read_page(folder, "all", offset=0, limit=1).counts == counts
    for kind in FILTERS:
        pages = [read_page(folder, kind, offset=at, limit=50) for at in range(0, 200, 50)]  # type: ignore[arg-type]  # the filters
        fids = [entry.fid for page in pages for entry in page.entries]
        assert len(fids) == len(set(fids)) == counts[kind] == pages[0].matched
    listed = [e for at in (0, 50) for e in read_page(folder, "all", offset=at, limit=50).entries]
    assert listed == list(found.changes())
    assert [e.row for e in read_page(folder, "unchanged", offset=118, limit=9).entries] == [119, 120]


def test_the_parts_of_a_split_and_of_a_merge_are_found_together(upload: Upload) -> None:
    whole = Feature("NK-JSD-001", {"name": "整", "precision": "guess", "source": "s"}, square(117.15, 39.10, 0.004))
    halves = [
        Feature(f"NK-JSD-00{n}", {"name": f"半{n}", "precision": "guess", "source": "s"}, square(x, 39.12, 0.002))
        for n, x in ((2, 117.15), (3, 117.152))
    ]
    west, south, width = 117.15, 39.10, 0.002
    rows = [
        feature(square(west + i * width, south + j * width, width), name=f"块{i}{j}", precision="guess")
        for i in range(2)
        for j in range(2)
    ]
    ring = [[117.15, 39.12], [117.154, 39.12], [117.154, 39.122], [117.15, 39.122], [117.15, 39.12]]
    rows.append(feature({"type": "Polygon", "coordinates": [ring]}, name="合", precision="guess"))
    rows.append(feature(square(117.17, 39.10), name="别处", precision="guess"))
    found = upload(collection(*rows), current=snapshot((whole, *halves)))
    assert [s.fid for s in found.splits] == ["NK-JSD-001"]
    assert [m.row for m in found.merges] == [5]
    folder = Path(found.changes_file).parent
    split = read_page(folder, "split", offset=0, limit=50).entries
    merge = read_page(folder, "merge", offset=0, limit=50).entries
    assert {e.row for e in split} == {1, 2, 3, 4}
    assert {e.row for e in merge} == {5}
    names = {e.properties["name"] for e in split if isinstance(e, ProposedChange) and e.properties}
    assert names == {"块00", "块01", "块10", "块11"}


@pytest.mark.parametrize("name", [CHANGES, INDEX])
def test_a_link_a_worker_left_in_place_of_its_answer_is_not_followed(upload: Upload, tmp_path: Path, name: str) -> None:
    found = upload(collection(feature(square(117.15, 39.1), name="一", precision="guess")))
    folder = Path(found.changes_file).parent
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes((folder / name).read_bytes())
    (folder / name).unlink()
    (folder / name).symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic links"):
        read_page(folder, "all", offset=0, limit=50)
