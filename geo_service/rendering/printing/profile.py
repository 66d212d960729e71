"""What may stand on a sheet: internal sheets show everything the asker may read, public ones only what is public."""

from __future__ import annotations

from collections.abc import Sequence

from geo_service.core.layers import Field, LayerDefinition
from geo_service.errors import NotForPublication
from geo_service.rendering.printing.layers import PrintLayer
from geo_service.rendering.printing.request import SheetRequest

INTERNAL_FIELDS = frozenset(
    {"status", "commitment", "error_m", "source", "source_en", "note", "lead", "investment_wan"}
)
"""Fields that never leave the bureau on a public sheet: who works on it, what it costs, how well we know it."""


def allowed_layers(request: SheetRequest, layers: Sequence[PrintLayer]) -> tuple[PrintLayer, ...]:
    """The layers the sheet's profile shows.

    Raises
    ------
    NotForPublication
        A public sheet was asked, by name, for an internal layer; or it has no approval number and was to be refused.
    """
    if request.internal:
        return tuple(layers)
    if not request.approval and request.unapproved == "refuse":
        raise NotForPublication(what="没有审图号的图件 / a sheet without an approval number")
    asked = {choice.id for choice in request.layers}
    withheld = [layer.definition for layer in layers if layer.definition.secrecy != "public"]
    if any(d.id in asked for d in withheld):
        names = "、".join(d.title.zh for d in withheld if d.id in asked)
        raise NotForPublication(what=f"内部图层 {names} / internal layers")
    return tuple(layer for layer in layers if layer.definition.secrecy == "public")


def allowed_fields(request: SheetRequest, definition: LayerDefinition) -> tuple[Field, ...]:
    """The fields a table or a feature's sheet may show."""
    if request.internal:
        return definition.all_fields
    return tuple(f for f in definition.all_fields if f.key not in INTERNAL_FIELDS)


def must_be_stamped(request: SheetRequest) -> bool:
    """Whether the warning lies across the map."""
    return not request.internal and not request.approval
