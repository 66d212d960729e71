"""The error tree: each refusal has a stable code, a status, a sentence in both languages and a docstring."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterator

import pytest

from geo_service import errors
from geo_service.errors import GeoServiceError


def walk(root: type[GeoServiceError]) -> Iterator[type[GeoServiceError]]:
    yield root
    for child in root.__subclasses__():
        yield from walk(child)


TREE = [cls for cls in walk(GeoServiceError) if cls.__module__.startswith("geo_service.")]
NAMES = [cls.__name__ for cls in TREE]
each = pytest.mark.parametrize("cls", TREE, ids=NAMES)


def places(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


@each
def test_it_says_itself_in_both_languages(cls: type[GeoServiceError]) -> None:
    assert re.search("[\u4e00-\u9fff]", cls.zh)
    assert not re.search("[\u4e00-\u9fff]", cls.en)
    assert cls.zh[-1] in "。？"
    assert cls.en[-1] in ".?"
    assert bool(cls.advice_zh) == bool(cls.advice_en)


@each
def test_both_languages_speak_of_the_same_things(cls: type[GeoServiceError]) -> None:
    """Only the word for what somebody tried may have a place of its own in each language."""
    zh, en = places(cls.zh + cls.advice_zh), places(cls.en + cls.advice_en)
    assert zh - {"action"} == en - {"action", "verb"}


@each
def test_it_has_a_kebab_case_code_of_its_own_a_status_and_a_docstring(cls: type[GeoServiceError]) -> None:
    assert "code" in vars(cls)
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", cls.code)
    assert 400 <= cls.status < 600
    assert cls.__doc__
    assert cls.__doc__ != (cls.__base__ and cls.__base__.__doc__)


@each
def test_a_missing_parameter_never_fails_inside_an_error(cls: type[GeoServiceError]) -> None:
    for language in ("zh", "en"):
        assert cls().sentence(language)


def test_codes_are_unique() -> None:
    assert [code for code, n in Counter(cls.code for cls in TREE).items() if n > 1] == []


def test_a_class_keeps_to_the_status_family_of_its_parent() -> None:
    for cls in TREE[1:]:
        base = cls.__base__
        assert base is GeoServiceError or cls.status // 100 == base.status // 100, cls.__name__  # type: ignore[union-attr]  # never None here


def test_the_drawing_at_the_top_of_the_file_is_the_tree() -> None:
    """Names, nesting and statuses as drawn equal those of the classes."""
    drawn = {}
    parents: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^ {4}([│ ├└─]*)(\w+)(?: +(\d{3}))?", line)
        if found:
            depth = len(found[1]) // 4
            parents[depth] = found[2]
            drawn[found[2]] = (parents.get(depth - 1), int(found[3]) if found[3] else None)
    assert set(drawn) == set(NAMES)
    for cls in TREE[1:]:
        parent, status = drawn[cls.__name__]
        assert cls.__base__ is not None
        assert parent == cls.__base__.__name__
        assert status in (None, cls.status), cls.__name__
        assert status is not None or cls.status == cls.__base__.status, cls.__name__
