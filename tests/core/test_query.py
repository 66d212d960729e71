"""Query arguments: what is understood and what is refused."""

from __future__ import annotations

import pytest

from geo_service.core.query import parse_bbox, parse_count
from geo_service.errors import InvalidBbox, InvalidParameter


def test_a_bbox_is_west_south_east_north() -> None:
    assert parse_bbox("117.1,39,117.2,39.1") == (117.1, 39.0, 117.2, 39.1)


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "2,0,1,1", "0,2,1,1", "0,0,nan,1", "0,0,inf,1", "0,0,181,1", "0,-91,1,1"],
)
def test_a_bad_bbox_is_refused(text: str) -> None:
    with pytest.raises(InvalidBbox):
        parse_bbox(text)


def test_a_huge_limit_is_clamped_and_a_strange_one_refused() -> None:
    assert parse_count({"limit": "99999999"}, "limit", default=10, maximum=1000) == 1000
    assert parse_count({}, "limit", default=10, maximum=1000) == 10
    for text in ("ten", "1.5", "-1"):
        with pytest.raises(InvalidParameter):
            parse_count({"limit": text}, "limit", default=10, maximum=1000)
