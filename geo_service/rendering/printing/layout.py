"""Where the blocks of a sheet stand, to the millimetre; lying sheets have a sidebar, upright ones a lower band."""

from __future__ import annotations

from dataclasses import dataclass

from geo_service.errors import InvalidParameter
from geo_service.rendering.printing.drawing import Box
from geo_service.rendering.printing.paper import Paper

MARGIN_MM = 10.0
TOP_MM = 21.4
FOOT_MM = 14.8
"""From the map block's (or band's) lower edge to the paper's."""
FOOTER_MM = 4.6
GUTTER_MM = 5.4
GAP_MM = 1.6
SIDEBAR_GAP_MM = 3.2
BAND_GAP_MM = 1.8
SMALLEST_FRAME_MM = 60.0
_LARGE_MM = 840.0
"""From this longer side on (A1, A0) all text is a quarter larger."""


@dataclass(frozen=True, slots=True)
class Layout:
    """``factor`` enlarges text and blocks; ``columns`` hold the blocks beside or below the map."""

    paper: Paper
    left: float
    factor: float
    block: Box
    columns: tuple[Box, ...]

    @property
    def frame(self) -> Box:
        """The map frame inside its gutter."""
        return self.block.inset(GUTTER_MM)

    @property
    def side(self) -> bool:
        """Whether the blocks stand in one sidebar rather than in a band of three columns."""
        return len(self.columns) == 1

    @property
    def right(self) -> float:
        """The right margin."""
        return self.paper.width_mm - MARGIN_MM

    @property
    def body(self) -> Box:
        """The whole area between head and foot."""
        return Box(self.left, TOP_MM, self.right - self.left, self.paper.height_mm - TOP_MM - FOOT_MM)


def layout_of(paper: Paper, binding_mm: float = 0.0) -> Layout:
    """The layout of a paper; a binding margin is taken from the map.

    Raises
    ------
    InvalidParameter
        So little paper that the map frame would be under 60 mm.
    """
    factor = 1.25 if max(paper.width_mm, paper.height_mm) >= _LARGE_MM else 1.0
    made = (_lying if paper.landscape else _upright)(paper, MARGIN_MM + binding_mm, factor)
    if min(made.frame.width, made.frame.height) < SMALLEST_FRAME_MM:
        reason = (
            f"纸张太小，图框不足 {SMALLEST_FRAME_MM:g} 毫米 / too small for a map frame of {SMALLEST_FRAME_MM:g} mm"
        )
        raise InvalidParameter(name="paper", value=paper.name, reason=reason)
    return made


def _lying(paper: Paper, left: float, factor: float) -> Layout:
    sidebar = 120.0 if factor > 1 else 86.0 if paper.width_mm >= 380 else 72.0
    height = paper.height_mm - TOP_MM - FOOT_MM
    width = paper.width_mm - left - MARGIN_MM - sidebar - SIDEBAR_GAP_MM
    column = Box(paper.width_mm - MARGIN_MM - sidebar, TOP_MM, sidebar, height)
    return Layout(paper, left, factor, Box(left, TOP_MM, width, height), (column,))


def _upright(paper: Paper, left: float, factor: float) -> Layout:
    width = paper.width_mm - left - MARGIN_MM
    lower = min(0.2431 * paper.height_mm, 105.0 * factor)
    block = Box(left, TOP_MM, width, paper.height_mm - TOP_MM - FOOT_MM - lower - BAND_GAP_MM)
    top = block.bottom + BAND_GAP_MM
    outer, last = (52.0, 62.0) if paper.width_mm < 250 else (86.0 * factor, 86.0 * factor)
    middle = width - outer - last - 2 * GAP_MM
    columns = (
        Box(left, top, outer, lower),
        Box(left + outer + GAP_MM, top, middle, lower),
        Box(left + width - last, top, last, lower),
    )
    return Layout(paper, left, factor, block, columns)
