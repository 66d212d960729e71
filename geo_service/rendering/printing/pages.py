"""A composed sheet: pages of parts in page millimetres; what the writers of PDF, SVG and PNG work from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from geo_service.core.validation import Finding
from geo_service.rendering.printing.drawing import Box, document, group, rect
from geo_service.rendering.printing.frame import Frame
from geo_service.rendering.printing.request import SheetRequest
from geo_service.rendering.printing.scene import Scene


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a page; parts of one ``layer`` are switched together, "" cannot be switched off. What has a ``clip``
    is drawn in millimetres of that box and cut at it."""

    body: str
    layer: str = ""
    title: str = ""
    clip: Box | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """An area that leads to a page (counted from 0) of the sheet."""

    box: Box
    page: int


@dataclass(frozen=True, slots=True)
class View:
    """Where on the page which ground is shown."""

    box: Box
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One side of paper, parts from bottom to top."""

    title: str
    width_mm: float
    height_mm: float
    parts: tuple[Part, ...]
    links: tuple[Link, ...] = ()
    view: View | None = None

    @property
    def layers(self) -> dict[str, str]:
        """Ids and titles of what can be switched, bottom to top."""
        return {part.layer: part.title for part in self.parts if part.layer}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """What is printed: pages, the maps on them and what the person who prints should know."""

    request: SheetRequest
    title: str
    keywords: tuple[str, ...]
    pages: tuple[Page, ...]
    scenes: tuple[Scene, ...]
    findings: tuple[Finding, ...]


def part_svg(part: Part, *, clip_id: str = "frame") -> str:
    """A part as SVG on its page."""
    if part.clip is None:
        return part.body
    inner = group(part.body, transform=f"translate({part.clip.x:.3f} {part.clip.y:.3f})")
    return group(inner, clip_path=f"url(#{clip_id})")


def clip_svg(parts: Iterable[Part], *, clip_id: str = "frame") -> str:
    """The definition of the clip that parts refer to; a page has one frame at most."""
    box = next((part.clip for part in parts if part.clip), None)
    return f'<defs><clipPath id="{clip_id}">{rect(box)}</clipPath></defs>' if box else ""


def page_svg(page: Page) -> str:
    """The whole page as one SVG document with a group per part, for preview and download."""
    white = rect(Box(0, 0, page.width_mm, page.height_mm), fill="#FFFFFF")
    body = "".join(group(part_svg(part), data_layer=part.layer, data_title=part.title) for part in page.parts)
    return document(page.width_mm, page.height_mm, clip_svg(page.parts) + white + body, title=page.title)


def layer_svg(page: Page, parts: Iterable[Part]) -> str:
    """Some parts of a page as one transparent SVG document of the page's size."""
    chosen = list(parts)
    return document(page.width_mm, page.height_mm, clip_svg(chosen) + "".join(part_svg(p) for p in chosen))
