"""The print command: files, exit codes, and never half a file."""

from __future__ import annotations

import dataclasses
import io
import math
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from geo_service.cli import run
from geo_service.deployment import open_deployment
from geo_service.settings import read_settings
from geo_service.usecases import sheet_templates

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("printing") / "home"


def printed(home: Path, *words: str | Path, language: str = "zh") -> int:
    environment = {**os.environ, "GEO_SERVICE_HOME": str(home), "GEO_SERVICE_LANGUAGE": language}
    return run(["print", *map(str, words)], environment)


def test_a_sheet_an_atlas_and_a_features_page_are_pdf(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, words, pages in (
        ("sheet", ["--layers", "waterlogging_zones", "--scale", "10000", "--paper", "A3"], 1),
        ("atlas", ["--atlas", "subdistricts"], 13),
        ("one", ["--feature", "fire_stations/NK-XFZ-001"], 1),
    ):
        assert printed(home, "--out", tmp_path / f"{name}.pdf", *words) == 0
        assert f"{pages} 页" in capsys.readouterr().out
        told = subprocess.run(["pdfinfo", tmp_path / f"{name}.pdf"], capture_output=True, text=True, check=True).stdout
        assert f"Pages:           {pages}" in told


def test_a_features_page_has_the_sentence_of_the_plan(home: Path, tmp_path: Path) -> None:
    printed(home, "--out", tmp_path / "one.pdf", "--feature", "fire_stations/NK-XFZ-001")
    text = subprocess.run(["pdftotext", tmp_path / "one.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert "力推汾水道消防站年内开工建设" in text.replace("\n", "")


def test_png_svg_and_dxf_are_what_their_suffix_says(home: Path, tmp_path: Path) -> None:
    for suffix in ("png", "svg", "dxf"):
        assert (
            printed(home, "--out", tmp_path / f"x.{suffix}", "--layers", "schools,fire_stations", "--dpi", "100") == 0
        )
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.size == (1654, 1169)
    assert 'width="420mm"' in (tmp_path / "x.svg").read_text("utf-8")[:400]
    told = subprocess.run(["ogrinfo", "-al", tmp_path / "x.dxf"], capture_output=True, text=True, check=True).stdout
    assert {line.split("= ")[1] for line in told.splitlines() if "Layer (String)" in line} == {"学校", "消防站"}


@pytest.mark.parametrize(
    ("words", "code", "word"),
    [
        (["--scale", "0"], 2, "500"),
        (["--layers", "nix"], 2, "nix"),
        (["--feature", "schools/NK-NO-1"], 2, "NK-NO-1"),
        (["--bbox", "1,2,3"], 2, "bbox"),
        (["--bbox", "116.3,39.8,116.4,39.9"], 2, "本区之外"),
        (["--title", "题" * 200], 2, "120"),
        (["--profile", "secret"], 2, "profile"),
    ],
)
def test_what_cannot_be_printed_is_said_and_leaves_no_file(
    home: Path, tmp_path: Path, words: list[str], code: int, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(home, "--out", tmp_path / "x.pdf", *words) == code
    assert word in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_and_a_suffix_that_is_no_format_are_refused(home: Path, tmp_path: Path) -> None:
    assert printed(home, "--out", tmp_path / "nix" / "x.pdf") == 2
    assert printed(home, "--out", tmp_path / "x.gif") == 2


@pytest.mark.slow
def test_a_full_disk_is_said_and_leaves_no_half_file(home: Path, tmp_path: Path) -> None:
    """A process that may write files of 20 kB at most."""
    printed(home, "--out", tmp_path / "warm.pdf")
    script = (
        "import os, resource, signal, sys\n"
        "from geo_service.cli import run\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "sys.exit(run(['print', '--out', sys.argv[1]], os.environ))\n"
    )
    (tmp_path / "out").mkdir()
    environment = {**os.environ, "GEO_SERVICE_HOME": str(home), "PYTHONPATH": str(ROOT), "GEO_SERVICE_LANGUAGE": "en"}
    words = [sys.executable, "-c", script, str(tmp_path / "out" / "x.pdf")]
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 3
    assert "File too large" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []


def test_the_help_is_in_the_language_asked_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed(home, "--help", language="en")
    assert "Denominator" in capsys.readouterr().out
    printed(home, "--help")
    assert "比例尺分母" in capsys.readouterr().out


def test_everything_the_form_offers_is_an_option(home: Path, tmp_path: Path) -> None:
    words = ["--layers", "fire_stations", "--width-mm", "500", "--height-mm", "400", "--wind", "7,4,5,9,12,8,6,5"]
    words += ["--subtitle", "内部讨论稿", "--unit", "区发展改革委", "--number", "NK-07", "--author", "张"]
    words += ["--period", "2025", "--without", "legend,inset", "--binding-mm", "15", "--link", "http://map.example/"]
    assert printed(home, "--out", tmp_path / "x.pdf", *words) == 0
    told = subprocess.run(["pdfinfo", tmp_path / "x.pdf"], capture_output=True, text=True, check=True).stdout
    assert "1417.32 x 1133.86 pts" in told
    text = subprocess.run(["pdftotext", tmp_path / "x.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert all(word in text for word in ("内部讨论稿", "区发展改革委", "NK-07"))
    assert not any(word in text for word in ("图例", "坐标北"))


def test_a_filter_chooses_the_pages_of_an_atlas_or_the_features_of_one_layer(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = ["--filter", "name LIKE '%3%'"]
    assert printed(home, "--out", tmp_path / "a.pdf", "--atlas", "pocket_parks", *query) == 0
    assert "2 页" in capsys.readouterr().out
    assert printed(home, "--out", tmp_path / "b.svg", "--layers", "pocket_parks", *query) == 0
    drawn = (tmp_path / "b.svg").read_text("utf-8")
    assert "口袋公园 1 处" in drawn
    for words, said in ((query, "图集"), (["--layers", "schools", "--filter", "nix ="], "筛选条件")):
        assert printed(home, "--out", tmp_path / "c.pdf", *words) == 2
        assert said in capsys.readouterr().err


def test_a_sheet_as_of_a_day_shows_what_was_true_then(home: Path, tmp_path: Path) -> None:
    printed(home, "--out", tmp_path / "first.pdf")
    deployment = open_deployment(read_settings({"GEO_SERVICE_HOME": str(home)}))
    feature = deployment.store.feature("fire_stations", "NK-XFZ-001")
    renamed = dataclasses.replace(feature, properties={**feature.properties, "name": "改名消防站"})
    deployment.store.commit("fire_stations", {feature.id: renamed}, base=1, kind="edit", author="li", note="改名")
    deployment.store.close()
    for text, name in (("1", "汾水道消防站"), ("2099-01-01", "改名消防站")):
        page = tmp_path / f"{name}.pdf"
        assert printed(home, "--out", page, "--feature", "fire_stations/NK-XFZ-001", "--as-of", text) == 0
        words = subprocess.run(["pdftotext", page, "-"], capture_output=True, text=True, check=True).stdout
        assert name in words
    assert printed(home, "--out", tmp_path / "x.pdf", "--layers", "schools", "--as-of", "1999-01-01") == 2
    assert printed(home, "--out", tmp_path / "x.pdf", "--as-of", "soon") == 2


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    ("words", "zh", "en"),
    [
        (["--scale", "0"], "500", "500"),
        (["--scale", "1000000"], "50000", "50000"),
        (["--bbox", "116.3,39.8,116.4,39.9"], "本区之外", "outside the district"),
        (["--title", "题" * 200], "最多 120 字", "at most 120"),
        (["--title", "图\U0001f600"], "U+1F600", "U+1F600"),
        (["--paper", "B5"], "「B5」不是", "'B5' is not one of"),
    ],
)
def test_bad_input_is_named_in_both_languages_and_leaves_no_file(
    home: Path, tmp_path: Path, words: list[str], zh: str, en: str, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(home, "--out", tmp_path / "x.pdf", *words, language=language) == 2
    said = capsys.readouterr().err
    assert (zh if language == "zh" else en) in said
    assert bool(re.search("[\u4e00-\u9fff]", said.replace("题", "").replace("图\U0001f600", ""))) == (
        language == "zh"
    ), said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("language", "word"), [("zh", "没有要素"), ("en", "nothing in the frame")])
def test_an_empty_layer_prints_and_is_told(
    home: Path, tmp_path: Path, language: str, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert printed(home, "--out", tmp_path / "x.pdf", "--layers", "construction_sites", language=language) == 0
    told = capsys.readouterr()
    assert word in told.out + told.err


def test_a_drawing_has_a_cad_layer_with_a_chinese_name_per_layer_and_lies_in_metres(home: Path, tmp_path: Path) -> None:
    assert printed(home, "--out", tmp_path / "x.dxf", "--layers", "schools,fire_stations,roads") == 0
    data = (tmp_path / "x.dxf").read_bytes()
    assert all(f"\r\nLAYER\r\n  2\r\n{name}\r\n".encode("gbk") in data for name in ("学校", "消防站", "道路提升"))
    command = ["ogrinfo", "-al", "-where", "Layer='消防站'", tmp_path / "x.dxf"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    places = [(float(x), float(y)) for x, y in re.findall(r"POINT (?:Z )?\(([\d.]+) ([\d.]+)", told)]
    assert places
    assert all(500_000 < x < 530_000 and 4_300_000 < y < 4_350_000 for x, y in places)


def test_saved_templates_come_along_with_a_backup_and_a_move_to_another_database(home: Path, tmp_path: Path) -> None:
    sheet_templates.save(
        home / sheet_templates.FILE, "月报", {"title": "每月项目图", "unit": "区发展改革委", "paper": "A4"}
    )
    settings = {**os.environ, "GEO_SERVICE_HOME": str(home), "GEO_SERVICE_LANGUAGE": "zh"}
    other = f"sqlite:///{tmp_path}/moved.db"
    restored = tmp_path / "restored"
    assert run(["backup", str(tmp_path / "b.zip")], settings) == 0
    assert run(["restore", str(tmp_path / "b.zip")], settings | {"GEO_SERVICE_HOME": str(restored)}) == 0
    assert run(["migrate-store", other], settings) == 0
    for name, place in (
        ("restored", {"GEO_SERVICE_HOME": str(restored)}),
        ("moved", {"GEO_SERVICE_DATABASE": other}),
    ):
        path = tmp_path / f"{name}.pdf"
        assert run(["print", "--template", "月报", "--out", str(path)], settings | place) == 0
        text = subprocess.run(["pdftotext", path, "-"], capture_output=True, text=True, check=True).stdout
        assert all(word in text for word in ("每月项目图", "区发展改革委"))


def test_a_sheet_takes_a_basemap_from_a_file_of_this_machine_alone(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (90, 200, 90)).save(picture, "PNG")
    with closing(sqlite3.connect(tmp_path / "green.mbtiles")) as tiles, tiles:
        tiles.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        tiles.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
        rows = ((14, x, y, picture.getvalue()) for x in range(13500, 13540) for y in range(10100, 10180))
        tiles.executemany("INSERT INTO tiles VALUES (?, ?, ?, ?)", rows)
    common = 'title = { zh = "影像", en = "Imagery" }\nattribution = "测绘院"\n'
    service = '[[basemap]]\nid = "far"\nkind = "xyz"\nurl = "http://tiles.example/{z}/{x}/{y}"\n' + common
    file = '[[basemap]]\nid = "near"\nkind = "mbtiles"\nurl = "green.mbtiles"\n' + common
    (tmp_path / "basemaps.toml").write_text(file + service, "utf-8")
    monkeypatch.setenv("GEO_SERVICE_BASEMAPS", str(tmp_path / "basemaps.toml"))
    words = ["--layers", "fire_stations", "--dpi", "60"]
    assert printed(home, "--out", tmp_path / "x.png", *words, "--scale", "20000", "--basemap", "near") == 0
    with Image.open(tmp_path / "x.png") as made:
        assert made.getpixel((300, 80)) == pytest.approx((90, 200, 90), abs=12)
    for unknown in ("far", "nix"):
        assert printed(home, "--out", tmp_path / "y.png", *words, "--basemap", unknown) == 2
        assert "near" in capsys.readouterr().err


def test_every_page_of_an_atlas_opens_its_own_view_at_the_same_revision(home: Path, tmp_path: Path) -> None:
    words = ["--link", "http://map.example/", "--layers", "fire_stations,schools,pocket_parks"]
    for only in ("长虹街道", "华苑街道"):
        out = tmp_path / f"{only}.pdf"
        assert printed(home, "--out", out, "--atlas", "subdistricts", "--only", only, *words) == 0
        subprocess.run(["pdftoppm", "-r", "200", "-f", "2", "-png", out, tmp_path / only], check=True)
    links = [read_code(path) for path in sorted(tmp_path.glob("*.png"))]
    assert len(set(links)) == 2
    assert all("&on=fire_stations,schools,pocket_parks&rev=" in link for link in links)
    centres = [tuple(map(float, link.split("#")[1].split("&")[0].split("/")[1:])) for link in links]
    assert math.dist(*centres) > 0.01


def test_a_features_page_opens_that_feature(home: Path, tmp_path: Path) -> None:
    words = ["--feature", "fire_stations/NK-XFZ-001", "--layers", "fire_stations", "--link", "http://map.example/"]
    assert printed(home, "--out", tmp_path / "one.png", "--dpi", "200", *words) == 0
    link = read_code(tmp_path / "one.png")
    assert link.endswith("&sel=fire_stations/NK-XFZ-001")
    assert re.search(r"&rev=fire_stations\.\d+&", link)


def read_code(picture: Path) -> str:
    done = subprocess.run(["zbarimg", "--raw", "-q", picture], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_an_atlas_as_pictures_is_an_archive_with_every_page(home: Path, tmp_path: Path) -> None:
    for suffix in ("png", "svg"):
        words = ["--atlas", "subdistricts", "--only", "长虹街道,华苑街道", "--dpi", "40"]
        assert printed(home, "--out", tmp_path / f"{suffix}.{suffix}", *words) == 0
        with zipfile.ZipFile(tmp_path / f"{suffix}.zip") as archive:
            assert archive.namelist() == [f"00{n}.{suffix}" for n in (1, 2, 3)]
            assert archive.testzip() is None
    with zipfile.ZipFile(tmp_path / "png.zip") as archive, Image.open(archive.open("003.png")) as page:
        assert page.size == (661, 468)


def test_the_index_of_an_unapproved_public_atlas_is_stamped_too(home: Path, tmp_path: Path) -> None:
    words = ["--atlas", "subdistricts", "--only", "长虹街道", "--profile", "public"]
    for approval, stamped in (("", True), ("津S(2025)001", False)):
        assert printed(home, "--out", tmp_path / "a.pdf", *words, "--approval", approval) == 0
        for page in ("1", "2"):
            told = ["pdftotext", "-f", page, "-l", page, tmp_path / "a.pdf", "-"]
            text = subprocess.run(told, capture_output=True, text=True, check=True).stdout
            assert ("未取得审图号不得公开" in re.sub(r"\s", "", text)) == stamped
