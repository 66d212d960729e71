"""Chinese first, English second: which language a request gets, words, numbers and dates in it.

Chinese sentences are the keys of the catalogue ``locale/en/LC_MESSAGES/messages.po``, read once when the application
is built. A language is chosen by ``?lang=``, else by the cookie it set, else by the setting. ``Accept-Language`` is not
asked: office computers send English headers for people who read Chinese, and a shared address must look the same for
everybody.
"""

from __future__ import annotations

import datetime
from functools import lru_cache
from typing import cast

from babel.dates import format_date, format_datetime
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from flask import Flask, Response, g, has_request_context, request

from geo_service.core.text import Text
from geo_service.settings import PACKAGE
from geo_service.web.current import deployment

LANGUAGES = ("zh", "en")
LOCALES = {"zh": "zh_Hans_CN", "en": "en_GB"}
CATALOGUE = PACKAGE / "locale" / "en" / "LC_MESSAGES" / "messages.po"
COOKIE, YEAR_S = "lang", 365 * 24 * 3600
CHINA = datetime.timezone(datetime.timedelta(hours=8), "UTC+8")
"""China keeps one time all year (GB/T 7408)."""


def install(app: Flask) -> None:
    """Choose a language for every request and give templates their words: ``_``, ``said`` and formats."""
    app.before_request(_choose)
    app.after_request(_remember)
    app.context_processor(lambda: {"lang": language(), "_": gettext})
    for function in (said, number, percent, day, moment, within, is_chinese):
        app.add_template_global(function)


def language() -> str:
    """The language of the request, ``zh`` or ``en``; Chinese outside of one."""
    return cast("str", g.get("lang", "zh")) if has_request_context() else "zh"


def negotiate(asked: str | None, remembered: str | None, default: str) -> str:
    """The first of what is asked for, what was chosen before and the setting that is a language we speak."""
    return next(value for value in (asked, remembered, default, "zh") if value in LANGUAGES)


def gettext(message: str, **params: object) -> str:
    """A Chinese sentence of ours in the language of the request, with ``{name}`` places filled in."""
    words = catalogue().get(("", message), message) if language() == "en" else message
    return words.format(**params) if params else words


def within(context: str, message: str) -> str:
    """A word that comes with the data (a section of the plan) in the language of the request, itself if unknown."""
    return catalogue().get((context, message), message) if language() == "en" else message


def said(text: Text) -> str:
    """The side of a bilingual text for the request; the other where that is empty."""
    return text.get(language()) or text.zh or text.en


def is_chinese(text: object) -> bool:
    """Whether a text is written in Chinese, wholly or in part."""
    return isinstance(text, str) and any("\u4e00" <= letter <= "\u9fff" for letter in text)


def number(value: float, decimals: int = 0) -> str:
    """A number with separators and at most so many decimals."""
    pattern = "#,##0" + ("." + "#" * decimals if decimals else "")
    return str(format_decimal(value, pattern, locale=_locale()))


def percent(share: float, decimals: int = 0) -> str:
    """A share of 0 to 1 as a percentage."""
    pattern = "#,##0" + ("." + "#" * decimals if decimals else "") + "%"
    return format_percent(share, pattern, locale=_locale())


def day(value: str) -> str:
    """An ISO date as people write it; anything else as it is."""
    try:
        date = datetime.date.fromisoformat(value)
    except ValueError:
        return value
    return format_date(date, "long" if language() == "zh" else "d MMM y", locale=_locale())


def moment(value: str) -> str:
    """An ISO time in UTC as local time to the minute; anything else as it is."""
    try:
        at = datetime.datetime.fromisoformat(value)
    except ValueError:
        return value
    pattern = "y年M月d日 HH:mm" if language() == "zh" else "d MMM y, HH:mm"
    at = at if at.tzinfo else at.replace(tzinfo=datetime.UTC)
    return format_datetime(at.astimezone(CHINA), pattern, tzinfo=CHINA, locale=_locale())


@lru_cache(maxsize=1)
def catalogue() -> dict[tuple[str, str], str]:
    """English by context (mostly empty) and Chinese."""
    with CATALOGUE.open("rb") as file:
        messages = read_po(file, locale="en", abort_invalid=True)
    return {(m.context or "", str(m.id)): str(m.string) for m in messages if m.id and m.string}


def _locale() -> str:
    return LOCALES[language()]


def _choose() -> None:
    g.lang = negotiate(request.args.get("lang"), request.cookies.get(COOKIE), deployment().settings.language)


def _remember(response: Response) -> Response:
    if response.mimetype != "text/html":
        return response
    response.content_language.add({"zh": "zh-CN"}.get(language(), language()))
    response.vary.add("Cookie")
    if request.args.get("lang") in LANGUAGES:
        secure = request.is_secure
        response.set_cookie(COOKIE, language(), max_age=YEAR_S, samesite="Lax", secure=secure, httponly=False)
    return response
