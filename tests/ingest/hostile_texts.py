"""Encodings, odd values and coordinate systems as files really bring them, each of them whole files of the corpus."""

from __future__ import annotations

import io
from collections.abc import Iterator

import openpyxl

from .hostile import GOOD, SQUARE, Entry, collection, group, packed, shapefile


def workbook(*rows: list[object]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_values(**values: object) -> bytes:
    return collection({**GOOD, "properties": {"name": "甲", **values}}).encode()


@group
def odd_values(url: str) -> Iterator[Entry]:
    """Dates and numbers as people write them, and what no field can hold."""
    for text in ("2025年3月1日", "2025.3.1", "2025/03/01", "20250301"):
        yield Entry(f"date {text}", with_values(finished_on=text), "ok", 1)
    for text in ("2025年13月1日", "去年", "31/02/2025"):
        yield Entry(f"no date {text}", with_values(finished_on=text), "value-type")
    for text in ("1,234", "约20户", "1e400", "-5", "9" * 400):
        code = "ok" if text == "1,234" else "field-range" if text == "-5" else "value-type"
        yield Entry(f"number {text[:9]}", with_values(households=text), code, int(code == "ok"))
    yield Entry("integer over 64 bits", with_values(households=2**70), "value-type")
    yield Entry("code that is none", with_values(grade="中"), "field-code")
    yield Entry("unknown column", with_values(秘密="x"), "field-unmapped", 1)
    deep = '{"a":' * 40 + "1" + "}" * 40
    yield Entry("value 40 deep", collection(GOOD).replace('"好"', deep).encode(), "ok", 1)
    deeper = '{"a":' * 50_000 + "1" + "}" * 50_000
    yield Entry("value 50 000 deep", collection(GOOD).replace('"好"', deeper).encode(), "json-depth")
    table = ["name", "wkt"], ["=HYPERLINK(1)", "POLYGON((117.15 39.1,117.16 39.1,117.16 39.11,117.15 39.1))"]
    yield Entry("XLSX with a formula", workbook(*table), "ok", 1)
    yield Entry("XLSX of four rows", workbook(*table, *([["乙", None]] * 3)), "geometry-empty", 4)
    yield Entry("XLSX without coordinates", workbook(["name"], ["甲"]), "table-no-coordinates")
    yield Entry("XLSX empty", workbook([]), "table-no-coordinates")
    yield Entry("CSV of 10 000 columns", (",".join(f"c{i}" for i in range(10_000)) + "\n1").encode(), "too-many-fields")
    five = "备注说明情况"
    for encoding, width in (("GBK", 5), ("UTF-8", 3)):
        parts = shapefile([("旧路基", SQUARE)], encoding=encoding, field=five[:width])
        yield Entry(f"field name cut in {encoding}", packed(parts), "ok", 1)


@group
def coordinate_systems(url: str) -> Iterator[Entry]:
    """Systems that are refused, and why; other places."""
    for crs in ("EPSG:4214", "EPSG:4610", "EPSG:2436", "EPSG:2384", "EPSG:4555", "EPSG:4568"):
        yield Entry(f"CRS {crs}", packed(shapefile(crs=crs)), "crs-old-datum")
    for name in ("天津90坐标系", "北京54", "西安80"):
        parcel = f"[属性描述]\n坐标系={name}\n带号=39\n[地块坐标]\n3,1,A,甲,面,,,,@\n"
        points = "J1,1,4329200,512900\nJ2,1,4329200,513400\nJ3,1,4329900,513400\n"
        yield Entry(f"TXT in {name}", (parcel + points).encode("gb18030"), "crs-old-datum")
    yield Entry("CRS of another continent", packed(shapefile(crs="EPSG:27700")), "crs-no-transform")
    yield Entry("prj of nonsense", packed({**shapefile(), ".prj": b"GEOGCS[" * 2000}), "file-broken")
    yield Entry("prj of words", packed({**shapefile(), ".prj": "天津城建坐标".encode("gbk")}), "crs-assumed", 1)
