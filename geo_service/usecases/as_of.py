"""A layer as it was: a text that names a revision, a day, a moment or an edition."""

from __future__ import annotations

import datetime

from geo_service.core.revisions import Revision
from geo_service.errors import InvalidParameter, RevisionNotFound
from geo_service.storage.editions import Editions, revision_at
from geo_service.storage.store import LayerState, LayerStore

CHINA = datetime.timezone(datetime.timedelta(hours=8))
EDITION = "edition:"


def revision_as_of(state: LayerState, text: str, store: LayerStore, editions: Editions) -> Revision:
    """The revision of a layer that a text asks for: ``17``, ``2026-05-01`` (the end of that day in China),
    ``2026-05-01T12:00:00+08:00`` or ``edition:2025 二季度版``.

    Raises
    ------
    InvalidParameter
        None of these.
    RevisionNotFound, EditionNotFound
        The layer has no such revision, had none yet, or there is no such edition.
    """
    layer_id = state.definition.id
    if text.isascii() and text.isdigit() and len(text) <= 12:
        return store.revision(layer_id, int(text))
    if text.startswith(EDITION):
        name = text.removeprefix(EDITION)
        rev = editions.get(name).heads.get(layer_id)
        if rev is None:
            raise RevisionNotFound(layer=layer_id, rev=name)
        return store.revision(layer_id, rev)
    return revision_at(store, layer_id, moment_of(text))


def moment_of(text: str, *, name: str = "asOf") -> str:
    """A day (its end) or a moment as revisions carry it: UTC, ISO 8601, to the second. China's time where no zone is
    given.

    Raises
    ------
    InvalidParameter
        Neither a day nor a moment.
    """
    try:
        if len(text) == len("2026-05-01"):
            day = datetime.date.fromisoformat(text)
            at = datetime.datetime.combine(day, datetime.time(23, 59, 59), CHINA)
        else:
            at = datetime.datetime.fromisoformat(text.replace(" ", "+"))
        at = at if at.tzinfo else at.replace(tzinfo=CHINA)
        return at.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError):
        reason = "须为版本号、日期 2026-05-01 或时刻 / a revision, a day or a moment"
        raise InvalidParameter(name=name, value=text[:80], reason=reason) from None
