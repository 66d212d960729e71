"""Saved results at the terminal: one is saved, its layer moves on, it is run again, compared and deleted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from geo_service.analysis.questions import find_question
from geo_service.cli import USAGE, run
from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.usecases import report


def test_results_are_listed_shown_run_again_compared_and_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"GEO_SERVICE_HOME": str(tmp_path)}

    def said(*arguments: str, code: int = 0) -> str:
        assert run(("results", *arguments), settings) == code
        told = capsys.readouterr()
        return told.out + told.err

    first = save_count(settings)
    assert all(word in said("list") for word in (first, "季度核对", "count-per-area", "最新"))
    move_school(settings)
    assert "已更新" in said("list")
    assert "数据已更新" in said("show", first)
    assert json.loads(said("show", first, "--json"))["outdated"] is True
    assert "3 个要素" in said("show", first)
    second = said("rerun", first, "--save", "再算一次").split()[-1]
    assert "2 个要素" in said("show", second)
    assert said("compare", first, second).splitlines()[:2] == said("compare", first).splitlines()[:2]
    assert json.loads(said("compare", first, second, "--json"))["counts"]["changed"] == 1
    assert "已删除" in said("delete", first)
    assert first in said("show", first, code=USAGE)
    assert first not in said("list")
    assert run(("audit", "verify"), settings) == 0


def save_count(settings: dict[str, str]) -> str:
    here = open_deployment(read_settings(settings))
    sources = report.Sources(here.store.layers(), here.store, here.views, here.ledger, here.memo)
    body = report.answer_json(report.run(sources, find_question("count-per-area"), {}, {}), sources)
    saved = here.results.add("季度核对", body, author="drawer")
    here.store.close()
    return saved.id


def move_school(settings: dict[str, str]) -> None:
    """One of the three schools is not there any more."""
    here = open_deployment(read_settings(settings))
    base = here.store.layer("schools").revision.rev
    here.store.commit("schools", {"NK-XX-003": None}, base=base, kind="edit", author="x", note="删除")
    here.store.close()
