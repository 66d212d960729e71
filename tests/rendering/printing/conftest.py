"""The shipped layers ready for printing, and sheets made of them once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.revisions import Revision, Snapshot
from geo_service.rendering.printing import fonts as print_fonts
from geo_service.rendering.printing.fonts import Fonts
from geo_service.rendering.printing.furniture import Locator, locator_of
from geo_service.rendering.printing.layers import PrintLayer, prepare
from geo_service.rendering.printing.pages import Sheet
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.sheet import compose
from geo_service.settings import ROOT
from geo_service.storage.seed import read_seed

IDS = (
    *("fire_stations", "pocket_parks", "waterlogging_zones", "schools", "renewal_areas"),
    *("boundary", "subdistricts", "streets", "water"),
)


def snapshot(definition: LayerDefinition, features: tuple[Feature, ...]) -> Snapshot:
    revision = Revision(
        layer=definition.id, rev=1, parent=0, kind="seed", author="", note="", at="2026-01-01T00:00:00Z",
        added=len(features), modified=0, deleted=0, sha256="ab" * 32,
    )  # fmt: skip
    return Snapshot(definition, revision, features)


@pytest.fixture(scope="session")
def fonts() -> Fonts:
    return print_fonts.load(ROOT / "var" / "assets" / "fonts")


@pytest.fixture(scope="session")
def snapshots() -> dict[str, Snapshot]:
    seed = read_seed(ROOT / "layers")
    return {layer.definition.id: snapshot(layer.definition, layer.features) for layer in seed.layers}


@pytest.fixture(scope="session")
def layers(snapshots: dict[str, Snapshot]) -> list[PrintLayer]:
    return [prepare(snapshots[i]) for i in IDS]


@pytest.fixture(scope="session")
def locator(layers: list[PrintLayer]) -> Locator:
    return locator_of(layers)


@pytest.fixture(scope="session")
def sheet(layers: list[PrintLayer], fonts: Fonts, locator: Locator) -> Sheet:
    request = SheetRequest(title="南开区2025年计划项目分布图", date="2025-11-23", unit="区发展改革委")
    return compose(request, layers, fonts=fonts, locator=locator)


@pytest.fixture(scope="session")
def pdf(sheet: Sheet, fonts: Fonts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "sheet.pdf"
    path.write_bytes(write_pdf(sheet, fonts))
    return path


Reader = Callable[..., str]


@pytest.fixture(scope="session")
def read() -> Reader:
    """The output of a program that reads PDF, none of them ours."""

    def run(*words: str | Path) -> str:
        if shutil.which(str(words[0])) is None:
            pytest.fail(f"{words[0]} is needed: scripts/_setup test installs it")
        done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=True)
        return done.stdout

    return run
