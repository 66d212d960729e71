"""People by subdistrict: sent on a page or at the terminal, reviewed, used by the analyses, undone."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from flask import Flask

from geo_service.cli import run
from geo_service.deployment import Deployment
from geo_service.web.app import create_app
from tests.seeded import open_seeded
from tests.web.people import Visitor

LAYER = "subdistricts"
QUESTION = "/analysis/service-coverage?run=1&cell_m=200"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Deployment]:
    deployment = open_seeded(tmp_path / "home", people=True)
    yield deployment
    deployment.counter.jail.close()
    deployment.store.close()


@pytest.fixture
def app(here: Deployment) -> Flask:
    return create_app(here)


def names(here: Deployment) -> list[str]:
    return [f.name for f in here.store.snapshot(LAYER).features]


def workbook(rows: list[tuple[object, ...]]) -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def publish(here: Deployment, checker: Visitor, draft: str) -> None:
    """Accept every change of a draft and publish it."""
    head = here.store.layer(LAYER).revision.rev
    decided = checker.post(f"/api/drafts/{draft}/decisions", json={"fids": "all", "decision": "accept"})
    assert decided.status_code == 200, decided.text
    published = checker.post(f"/api/drafts/{draft}/publish", json={"head": head})
    assert published.status_code == 200, published.text


def sent(visitor: Visitor, body: bytes, name: str = "人口.csv", **more: str) -> Any:
    form = {"layer": LAYER, "source": "第七次人口普查", "date": "2020-11-01", **more}
    return visitor.post(
        "/analysis/population", data={**form, "file": (io.BytesIO(body), name)}, content_type="multipart/form-data"
    )


def test_a_table_becomes_a_draft_then_people_in_the_analyses_and_can_be_undone(here: Deployment, app: Flask) -> None:
    drawer, checker = Visitor(app, "drawer"), Visitor(app, "checker")
    before = drawer.page(QUESTION).text
    assert "按用地面积计" in before
    assert "没有人口的分区" in before
    rows: list[tuple[object, ...]] = [("街道", "常住人口"), *((n, 10_000 + i) for i, n in enumerate(names(here)))]
    made = sent(drawer, workbook(rows), "人口.xlsx")
    assert made.status_code == 303
    draft = made.headers["Location"].rpartition("/")[2]
    assert here.drafts.get(draft).note == "人口 120066（第七次人口普查，截至 2020-11-01；文件 人口.xlsx）"
    assert drawer.post(f"/drafts/{draft}/steps/submit").status_code == 303
    publish(here, checker, draft)
    after = checker.page(QUESTION).text
    assert "居住人口：字段 population，来源：第七次人口普查，截至 2020-11-01" in after
    assert "覆盖居住人口" in after
    assert "12 个分区，共 120,066 人" in checker.page("/analysis/population").text
    undone = drawer.post(f"/layers/{LAYER}/undo", data={"rev": str(here.store.layer(LAYER).revision.rev)})
    assert undone.status_code == 303
    publish(here, checker, undone.headers["Location"].rpartition("/")[2])
    assert "还没有人口" in checker.page("/analysis/population").text
    assert "按用地面积计" in checker.page(QUESTION).text


def test_a_table_with_findings_is_shown_row_by_row_and_writes_nothing(here: Deployment, app: Flask) -> None:
    drawer, rev = Visitor(app, "drawer"), here.store.layer(LAYER).revision.rev
    body = "街道,人口\n长虹街道,约6万\n和平街道,5\n鼓楼街道,7\n鼓楼街道,8\n".encode("gb18030")
    answer = sent(drawer, body)
    assert answer.status_code == 422
    for row, words in ((2, "约6万"), (3, "和平街道"), (5, "与第 4 行重复")):
        assert any(f"第 {row} 行" in line and words in line for line in answer.text.split("<li>"))
    assert here.store.layer(LAYER).revision.rev == rev
    english = drawer.post(
        "/analysis/population?lang=en",
        data={"layer": LAYER, "source": "s", "date": "2020-11-01", "file": (io.BytesIO(body), "a.csv")},
        content_type="multipart/form-data",
    )
    assert "line 2: “长虹街道” has “约6万” people" in english.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "more", "words"),
    [
        (b"", {}, "文件是空的"),
        (b"\x89PNG\r\n\x1a\n123", {}, "PNG"),
        (b"PK\x03\x04broken", {}, "未被接受"),
        ("街道,人口\n长虹街道,5\n".encode(), {"source": " "}, "请写明来源"),
        ("街道,人口\n长虹街道,5\n".encode(), {"date": "2020"}, "请填截至日期"),
        ("名{{7*7}},人口\n长虹街道,5\n".encode(), {}, "表头不对"),
    ],
)
def test_what_is_no_table_is_refused_on_the_page(
    here: Deployment, app: Flask, body: bytes, more: dict[str, str], words: str
) -> None:
    answer = sent(Visitor(app, "drawer"), body, **more)
    assert answer.status_code in (400, 422)
    assert words in answer.text
    assert "49" not in answer.text.partition("<h1>")[2].partition("<form")[0]


def test_only_those_who_edit_the_layer_may_send(app: Flask) -> None:
    body = "街道,人口\n长虹街道,5\n".encode()
    assert sent(Visitor(app, "outsider"), body).status_code == 403
    assert sent(Visitor(app), body).status_code == 401
    assert 'name="file"' not in Visitor(app).page("/analysis/population").text
    assert 'name="file"' in Visitor(app, "drawer").page("/analysis/population").text


def test_the_command_writes_the_same_and_refuses_the_same(
    tmp_path: Path, here: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"GEO_SERVICE_HOME": str(tmp_path / "home"), "GEO_SERVICE_LANGUAGE": "zh"}
    good, bad = tmp_path / "people.csv", tmp_path / "bad.csv"
    good.write_text("街道,人口\n" + "".join(f"{n},{100 + i}\n" for i, n in enumerate(names(here))), encoding="utf-8")
    bad.write_text("街道,人口\n长虹街道,许多\n", encoding="utf-8")
    about = ["--source", "公安局", "--date", "2025-06-30"]
    assert run(["import", "population", str(bad), *about], environment) == 1
    assert "第 2 行：“长虹街道”的人口“许多”不是" in capsys.readouterr().err
    assert run(["import", "population", str(good), *about], environment) == 0
    assert "共 1266 人" in capsys.readouterr().out
    feature = here.store.feature(LAYER, "NK-JD-001")
    assert feature.properties["population"] == 100
    assert (feature.properties["population_source"], feature.properties["population_date"]) == ("公安局", "2025-06-30")
    assert run(["import", "population", str(good), *about], environment) == 2
    assert "完全相同" in capsys.readouterr().err
    assert run(["import", "population", str(good), "--source", "x", "--date", "昨天"], environment) == 2
    assert "请填截至日期" in capsys.readouterr().err


def test_areas_a_newer_table_lacks_become_unknown_and_the_analyses_fall_back(
    tmp_path: Path, here: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = {"GEO_SERVICE_HOME": str(tmp_path / "home"), "GEO_SERVICE_LANGUAGE": "zh"}
    about = ["--source", "公安局", "--date", "2025-06-30"]
    for count in (12, 11):
        path = tmp_path / f"{count}.csv"
        path.write_text("街道,人口\n" + "".join(f"{n},100\n" for n in names(here)[:count]), encoding="utf-8")
        assert run(["import", "population", str(path), *about], environment) == 0
    assert "记为未知：华苑街道" in capsys.readouterr().err
    assert run(["analyse", "service-coverage", "--set", "cell_m=200"], environment) == 0
    assert "按用地面积计，不代表人口覆盖。没有人口的分区：华苑街道" in capsys.readouterr().out
