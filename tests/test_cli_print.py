"""The print command: files, exit codes, and never half a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from geo_service.cli import run

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
