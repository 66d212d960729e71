"""What other people's readers (poppler, pdfium) say of any sheet."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pypdfium2
import shapely

from geo_service.rendering.printing.scene import Scene


def check_type(pdf: bytes, folder: Path) -> None:
    """Every font is embedded, none is Type 3, and no character is a Kangxi or CJK radical."""
    (folder / "type.pdf").write_bytes(pdf)
    rows = told(["pdffonts", "type.pdf"], folder).splitlines()[2:]
    assert rows
    assert [row for row in rows if "Type 3" in row or row.split()[-5] != "yes"] == []
    assert [c for c in told(["pdftotext", "type.pdf", "-"], folder) if 0x2E80 <= ord(c) <= 0x2FDF] == []


def told(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def words_of(pdf: bytes) -> list[str]:
    """The text of each page as pdfium finds it, without white space."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [re.sub(r"\s", "", page.get_textpage().get_text_range()) for page in document]
    finally:
        document.close()


def missing_names(scene: Scene, words: str) -> list[str]:
    """Placed names that a search does not find."""
    return [p.label.text for p in scene.placed if re.sub(r"\s", "", p.label.text) not in words]


def covering_names(scene: Scene) -> list[tuple[str, str]]:
    """Pairs of names whose boxes share more than a twentieth of a square millimetre."""
    boxes = []
    for p in scene.placed:
        w, h = p.label.width / 2, p.label.height / 2
        box = shapely.box(p.x - w, p.y - h, p.x + w, p.y + h)
        boxes.append(shapely.affinity.rotate(box, p.angle, origin=(p.x, p.y)))
    pairs = zip(*shapely.STRtree(boxes).query(boxes, predicate="intersects"), strict=True)
    return [
        (scene.placed[a].label.text, scene.placed[b].label.text)
        for a, b in pairs
        if a < b and boxes[a].intersection(boxes[b]).area > 0.05
    ]
