"""What makes and reads PDF, loaded at its first use: web processes lay nothing out, the print room's own do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geo_service.core.late import LateModule

__all__ = ["pdfium", "pikepdf", "pypdfium2", "typst"]

if TYPE_CHECKING:
    import pikepdf
    import pypdfium2  # type: ignore[import-untyped]  # it has no types
    import pypdfium2.raw as pdfium  # type: ignore[import-untyped]  # it has no types
    import typst
else:
    pikepdf = LateModule("pikepdf")
    pypdfium2 = LateModule("pypdfium2")
    pdfium = LateModule("pypdfium2.raw")
    typst = LateModule("typst")
