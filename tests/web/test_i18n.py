"""Two languages, complete: every sentence of templates and code has its English, and none is left over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from flask import Flask, g
from flask.testing import FlaskClient
from jinja2.ext import babel_extract

from geo_service.deployment import Deployment
from geo_service.settings import ROOT
from geo_service.web import i18n
from geo_service.web.help_topics import TOPICS

CHINESE = re.compile("[\u4e00-\u9fff]")
KEPT_CHINESE = "示意"
"""The mark on the map, which English readers meet too."""


def _sentences() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        yield from _extracted(path, babel_extract)
    for path in sorted((ROOT / "geo_service" / "web").glob("*.py")):
        yield from _extracted(path, "python")


def _extracted(path: Path, method: object) -> Iterator[tuple[str, str]]:
    with path.open("rb") as file:
        for _, message, _, _ in extract(method, file, keywords={"_": None, "gettext": None}):  # type: ignore[arg-type]  # a method may be a function
            yield str(message), path.relative_to(ROOT).as_posix()


SENTENCES = dict(_sentences())


def catalogue() -> dict[tuple[str, str], str]:
    with i18n.CATALOGUE.open("rb") as file:
        return {(m.context or "", str(m.id)): str(m.string) for m in read_po(file) if m.id}


def test_every_sentence_has_an_english_one() -> None:
    known = catalogue()
    missing = {sentence: place for sentence, place in SENTENCES.items() if not known.get(("", sentence))}
    lines = "".join(f'\n# {place}\nmsgid "{sentence}"\nmsgstr ""\n' for sentence, place in missing.items())
    assert not missing, f"add to {i18n.CATALOGUE.relative_to(ROOT)}:\n{lines}"


def test_no_translation_is_left_over() -> None:
    assert {message for context, message in catalogue() if not context} - SENTENCES.keys() == set()


def test_both_languages_have_the_same_places_to_fill_in() -> None:
    for (_, message), words in catalogue().items():
        assert sorted(re.findall(r"\{(\w+)\}", message)) == sorted(re.findall(r"\{(\w+)\}", words)), message


def test_english_sentences_are_english() -> None:
    for words in catalogue().values():
        assert not CHINESE.search(words.replace(KEPT_CHINESE, "")), words


def test_every_section_of_the_plan_has_an_english_title(deployment: Deployment) -> None:
    rows = (*deployment.ledger.commitments, *deployment.ledger.indicators)
    titles = {" ".join(row.section.split(" ")[1:]) for row in rows}
    assert titles == {message for context, message in catalogue() if context == "section"}


def test_no_template_has_chinese_outside_of_the_catalogue() -> None:
    for path in sorted((ROOT / "templates").rglob("*.html")):
        if path.name.endswith(".zh.html"):
            continue
        text = re.sub(r"\{#.*?#\}", "", path.read_text("utf8"), flags=re.DOTALL)
        text = re.sub(r"""\b_\(\s*(?:"[^"]*"|'[^']*')""", "", text)
        text = re.sub(r"""["'](?:zh|中文|：|，|、)["']""", "", text)
        for allowed in ("南</span>", *_quoted_chinese(path)):
            text = text.replace(allowed, "")
        assert not CHINESE.search(text), f"{path.name}: {CHINESE.search(text)}"


def _quoted_chinese(path: Path) -> tuple[str, ...]:
    """English help quotes the plan's own words and what people may type."""
    if not path.name.endswith(".en.html"):
        return ()
    return tuple(sorted(set(re.findall("[\u4e00-\u9fff]+", path.read_text("utf8"))), key=len, reverse=True))


def test_every_help_topic_is_written_in_both_languages() -> None:
    written = {path.name for path in (ROOT / "templates" / "help").iterdir()}
    assert written == {f"{topic.id}.{language}.html" for topic in TOPICS for language in i18n.LANGUAGES}
    for topic in TOPICS:
        sizes = [len((ROOT / "templates" / topic.template(language)).read_text("utf8")) for language in i18n.LANGUAGES]
        assert min(sizes) > 500, topic.id


@pytest.mark.parametrize(
    ("asked", "remembered", "default", "chosen"),
    [
        (None, None, "zh", "zh"),
        (None, None, "en", "en"),
        (None, "en", "zh", "en"),
        ("zh", "en", "en", "zh"),
        ("fr", "en", "zh", "en"),
        ("<script>", "xx", "zh", "zh"),
    ],
)
def test_the_address_wins_over_the_cookie_and_the_cookie_over_the_setting(
    asked: str | None, remembered: str | None, default: str, chosen: str
) -> None:
    assert i18n.negotiate(asked, remembered, default) == chosen


def test_a_chosen_language_is_remembered(client: FlaskClient) -> None:
    assert '<html lang="zh-CN">' in client.get("/help").text
    response = client.get("/help?lang=en")
    assert '<html lang="en">' in response.text
    assert "SameSite=Lax" in response.headers["Set-Cookie"]
    assert response.headers["Content-Language"] == "en"
    assert '<html lang="en">' in client.get("/plan").text
    assert '<html lang="zh-CN">' in client.get("/plan?lang=zh").text


def test_an_english_browser_gets_chinese_until_somebody_asks(client: FlaskClient) -> None:
    response = client.get("/help", headers={"Accept-Language": "en-US,en;q=0.9"})
    assert '<html lang="zh-CN">' in response.text
    assert "Set-Cookie" not in response.headers or "lang=" not in response.headers["Set-Cookie"]


def test_data_answers_set_no_language_cookie(client: FlaskClient) -> None:
    assert "lang=" not in client.get("/api/layers?lang=en").headers.get("Set-Cookie", "")


@pytest.mark.parametrize(
    ("language", "number", "share", "day", "moment"),
    [
        ("zh", "12,345.68", "33.3%", "2025年12月31日", "2026年11月24日 12:05"),
        ("en", "12,345.68", "33.3%", "31 Dec 2025", "24 Nov 2026, 12:05"),
    ],
)
def test_numbers_and_dates_are_written_as_the_language_does(
    app: Flask, language: str, number: str, share: str, day: str, moment: str
) -> None:
    with app.test_request_context("/"):
        g.lang = language
        assert i18n.number(12345.678, 2) == number
        assert i18n.percent(1 / 3, 1) == share
        assert i18n.day("2025-12-31") == day
        assert i18n.moment("2026-11-24T04:05:06Z") == moment
        assert i18n.day("下周") == "下周"
        assert i18n.moment("") == ""


def test_names_in_a_sentence_are_not_read_as_places_to_fill_in(app: Flask) -> None:
    with app.test_request_context("/"):
        g.lang = "en"
        assert i18n.gettext("{name}的位置图", name="{0}{rev}50%") == "Map of {0}{rev}50%"
        assert i18n.gettext("没有这句话") == "没有这句话"
