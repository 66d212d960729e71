"""An answer as a PDF one-pager, made by the workers of the print room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geo_service.rendering.printing import fonts as print_fonts
from geo_service.rendering.printing.answer_sheet import compose_answer_sheet
from geo_service.rendering.printing.furniture import locator_of
from geo_service.rendering.printing.layers import prepare
from geo_service.rendering.printing.pdf import write_pdf
from geo_service.rendering.printing.request import LayerChoice, SheetRequest
from geo_service.settings import Settings
from geo_service.storage.store import LayerState
from geo_service.usecases.jobs import Report
from geo_service.usecases.printing import BASE, opened_store

KIND = "result"
RESULT_KINDS = {KIND: "geo_service.usecases.result_sheet:make_result_sheet"}
FILE = "result.pdf"
NAMED = ("subdistricts",)
"""The reference layers whose names are on the map."""


def result_order(
    body: Mapping[str, Any],
    states: Sequence[LayerState],
    settings: Settings,
    *,
    title: str,
    subtitle: str,
    language: str,
    link: str,
) -> dict[str, Any]:
    """The order for a one-pager over the reference layers somebody may see, as JSON values for a job."""
    base = {s.definition.id: s.revision.rev for s in states if s.definition.id in BASE}
    return {
        "database_url": settings.database_url,
        "home": str(settings.home),
        "fonts": str(settings.assets / "fonts"),
        "body": dict(body),
        "ground": base,
        "title": title,
        "subtitle": subtitle,
        "language": language,
        "link": link,
    }


def make_result_sheet(order: Mapping[str, Any], out: Path, said: Report) -> dict[str, Any]:
    """Make the one-pager an order asks for; gives its name and how many pages it has."""
    said(0, 3)
    fonts = print_fonts.load(Path(order["fonts"]))
    store = opened_store(order["database_url"], order["home"])
    layers = [
        prepare(store.snapshot(layer, rev), choice=LayerChoice(id=layer, labels=layer in NAMED))
        for layer, rev in order["ground"].items()
    ]
    said(1, 3)
    request = SheetRequest(title=order["title"], language=order["language"], link=order["link"])
    sheet = compose_answer_sheet(
        request, layers, order["body"], subtitle=order["subtitle"], fonts=fonts, locator=locator_of(layers)
    )
    said(2, 3)
    half = out / f"{FILE}.part"
    half.write_bytes(write_pdf(sheet, fonts))
    half.replace(out / FILE)
    return {"file": FILE, "pages": len(sheet.pages)}
