"""Query parameters of ``items``: bbox, page and order, filters, wanted properties."""

from __future__ import annotations

import datetime
from typing import Any

from flask import request

from geo_service.core import cql
from geo_service.core.cql_columns import ID
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.query import DEFAULT_LIMIT, MAX_LIMIT, NO_NUMBERS, Bbox, Query, parse_count, wrong_count
from geo_service.core.reference_systems import CRS84, ReferenceSystem, bbox_from_wire, find
from geo_service.errors import InvalidBbox, InvalidParameter, one_of
from geo_service.usecases.large import Asked, Condition, FieldTest


def system(name: str) -> ReferenceSystem:
    """The CRS a parameter names, CRS84 by default."""
    return find(request.args.get(name, CRS84.uri), name=name)


def page_query() -> Query:
    """Bbox, order and page; too large a limit is clamped (GDAL asks for 1000 whatever the maximum)."""
    arguments, crs = request.args, system("bbox-crs")
    return Query(
        bbox=bbox(arguments["bbox"], crs) if "bbox" in arguments else None,
        sort=tuple(k.strip().removeprefix("+") for k in arguments.get("sortby", "").split(",") if k.strip()),
        limit=parse_count(arguments, "limit", default=DEFAULT_LIMIT, maximum=MAX_LIMIT, minimum=1),
        offset=parse_count(arguments, "offset", default=0, maximum=1 << 40),
    )


def bbox(text: str, crs: ReferenceSystem) -> Bbox:
    """West, south, east, north in degrees from a bbox of four or six numbers in a CRS.

    Raises
    ------
    InvalidBbox
        It is none.
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        raise InvalidBbox(value=text, reason=NO_NUMBERS) from None
    if len(numbers) not in (4, 6):
        raise InvalidBbox(value=text, reason=wrong_count(len(numbers)))
    flat = numbers if len(numbers) == 4 else [numbers[0], numbers[1], numbers[3], numbers[4]]
    a, b, c, d = flat
    return bbox_from_wire((a, b, c, d), crs)


def conditions(definition: LayerDefinition) -> list[Condition]:
    """Predicates of ``filter``, ``datetime``, ``id`` (one or several, with commas) and every ``field=value``."""
    found: list[Condition] = [_field_condition(key) for key in request.args if definition.field(key)]
    if "id" in request.args:
        found.append(_id_condition(request.args["id"]))
    if request.args.keys() & {"filter", "filter-lang", "filter-crs"}:
        found += _filter(definition, system("filter-crs"))
    if "datetime" in request.args:
        found.append(_datetime_condition(request.args["datetime"]))
    return found


def equality(definition: LayerDefinition) -> tuple[str, str] | None:
    """A field and the text it must read as, where the question asks for one: an index answers that."""
    for key, value in request.args.items():
        if definition.field(key):
            return key, value
    text = request.args.get("filter", "")
    plain = request.args.get("filter-lang", "cql2-text") == "cql2-text"
    return cql.text_equality(text, definition) if text and plain else None


def _filter(definition: LayerDefinition, crs: ReferenceSystem) -> list[Condition]:
    text, language = request.args.get("filter", ""), request.args.get("filter-lang", "cql2-text")
    if language not in ("cql2-text", "cql2-json"):
        raise InvalidParameter(name="filter-lang", value=language, reason=one_of(("cql2-text", "cql2-json")))
    if not text:
        return []
    if language == "cql2-text":
        tree, place = cql.parse_filter(text), text
    else:
        tree, place = cql.parse_json(text), ""
    cql.compile_json(tree, definition, crs=crs, text=place)  # a wrong filter is refused whatever else is asked
    return [Asked(tree, definition, crs)]


def _id_condition(text: str) -> Condition:
    wanted = frozenset(part.strip() for part in text.split(","))
    return FieldTest(ID, lambda fid: fid in wanted)


def _field_condition(key: str) -> Condition:
    wanted = request.args[key]
    return FieldTest(key, lambda value: str(value) == wanted)


def _datetime_condition(text: str) -> Condition:
    """Whether ``updated_at`` lies in an instant or interval; features without a date always fit (Part 1, 7.15.4)."""
    start, slash, end = text.partition("/")
    low, high = _instant(start), _instant(end if slash else start)
    if low and high and low[:10] > high[:10]:
        raise InvalidParameter(name="datetime", value=text, reason="起止颠倒 / it starts after it ends")

    def fits(day: Any) -> bool:
        return not day or ((not low or day >= low[:10]) and (not high or day <= high[:10]))

    return FieldTest("updated_at", fits)


NO_MOMENT = "须为日期或时刻 / it must be a day or a moment: 2026-05-01, 2026-05-01T08:00:00Z, 2026-01-01/2026-05-01"


def _instant(text: str) -> str:
    if text in ("", ".."):
        return ""
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).isoformat()
    except ValueError:
        raise InvalidParameter(name="datetime", value=text, reason=NO_MOMENT) from None


def wanted_properties(definition: LayerDefinition) -> set[str] | None:
    """The fields ``properties`` asks for, None for all."""
    text = request.args.get("properties", "")
    if not text:
        return None
    wanted = {part.strip() for part in text.split(",") if part.strip()}
    unknown = wanted - {f.key for f in definition.all_fields}
    if unknown:
        raise InvalidParameter(name="properties", value=text, reason=f"没有字段 / no such field: {sorted(unknown)[0]}")
    return wanted


def feature_json(feature: Feature, geometry: Any, wanted: set[str] | None) -> dict[str, Any]:
    """A feature with the wanted properties and a geometry already in the CRS of the answer."""
    properties = {k: v for k, v in feature.properties.items() if wanted is None or k in wanted}
    return {"type": "Feature", "id": feature.id, "geometry": geometry, "properties": properties}
