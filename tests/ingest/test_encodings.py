"""Chinese shapefiles in every encoding, with every label, are read right: 24 of 24."""

from __future__ import annotations

import itertools

import pytest

from geo_service.ingest.encoding import CANDIDATES, decide_encoding

from .conftest import Upload
from .hostile import SQUARE, packed, shapefile

ROWS = ["长虹街（一期）更新片区", "学校", "红旗南路·小区№3", "ａｂｃ１２３"]
LABELS = {
    "no label": (None, 0x00), "GBK": (b"GBK", 0x00), "UTF-8": (b"UTF-8", 0x00), "936": (b"936", 0x4D),
    "ANSI 936": (b"ANSI 936", 0x4D), "OEM": (b"OEM", 0x57), "ISO-8859-1": (b"ISO-8859-1", 0x57),
    "UTF-8 behind a BOM": (b"\xef\xbb\xbfUTF-8", 0x00),
}  # fmt: skip
VARIANTS = list(itertools.product(("UTF-8", "GBK", "GB18030"), LABELS))


def labelled(encoding: str, label: str, rows: list[str]) -> bytes:
    parts = shapefile([(row, SQUARE) for row in rows], encoding=encoding)
    said, language = LABELS[label]
    table = bytearray(parts[".dbf"])
    table[29] = language
    parts[".dbf"] = bytes(table)
    parts.pop(".cpg", None)
    return packed(parts | ({".cpg": said} if said else {}))


@pytest.mark.parametrize(("encoding", "label"), VARIANTS, ids=[f"{e}, {label}" for e, label in VARIANTS])
def test_text_is_read_right_whatever_the_label_says(encoding: str, label: str, upload: Upload) -> None:
    rows = [*ROWS, "㑇㐂园𠀀"] if encoding != "GBK" else ROWS
    found = upload(labelled(encoding, label, rows), "a.zip")
    assert [change.properties["name"] for change in found.changes() if change.properties] == rows
    assert found.encoding is not None
    assert found.encoding.sure


def test_the_one_word_that_is_valid_in_both_is_read_as_chinese() -> None:
    assert decide_encoding(["学校".encode("gbk")]).encoding == "gb18030"
    assert "学校".encode("gbk").decode("utf-8") == "ѧУ", "this is what makes it hard"


def test_text_of_no_known_encoding_is_asked_about_with_five_rows_in_each() -> None:
    odd = [b"\xff\xff\x81 %d" % n for n in range(9)]
    choice = decide_encoding(odd)
    assert not choice.sure
    assert [preview.encoding for preview in choice.previews] == list(CANDIDATES)
    assert {len(preview.texts) for preview in choice.previews} == {5}


def test_a_chosen_encoding_is_used_and_not_questioned(upload: Upload) -> None:
    found = upload(labelled("GBK", "UTF-8", ["学校"]), "a.zip", options={"encoding": "gb18030"})
    assert [c.properties["name"] for c in found.changes() if c.properties] == ["学校"]
    assert "encoding-declared-wrong" not in found.counts
