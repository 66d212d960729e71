"""The change feed: every revision of the layers a reader may see, and what changed in a layer since a revision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geo_service.core.revisions import Change, Revision, compare
from geo_service.storage.store import LayerState, LayerStore
from geo_service.usecases import browse
from geo_service.usecases.markup import Element, tag, write
from geo_service.usecases.ogc import BASE, JSON, TITLE, link

ATOM = "application/atom+xml"
Entry = tuple[LayerState, Revision]


def entries(store: LayerStore, states: Sequence[LayerState], *, since: str, limit: int) -> list[Entry]:
    """Revisions later than a moment (UTC, ISO 8601; "" for all), newest first."""
    found = [(s, r) for s in states for r in store.revisions(s.definition.id) if r.at > since]
    return sorted(found, key=lambda e: (e[1].at, e[0].definition.id, e[1].rev), reverse=True)[:limit]


def as_json(found: Sequence[Entry]) -> dict[str, Any]:
    """The feed as JSON."""
    rows = [
        browse.revision_json(revision)
        | {
            "layer": state.definition.id,
            "title": browse.text_json(state.definition.title),
            "links": [link(_changes_of(revision), "item", JSON)],
        }
        for state, revision in found
    ]
    alternate = link(f"{BASE}/changes?f=atom", "alternate", ATOM)
    return {"revisions": rows, "links": [link(f"{BASE}/changes", "self", JSON), alternate]}


def _changes_of(revision: Revision) -> str:
    return f"{BASE}/collections/{revision.layer}/changes?since={revision.parent}&until={revision.rev}"


def as_atom(host: str, found: Sequence[Entry], now: str) -> bytes:
    """The feed as Atom (RFC 4287), for feed readers."""
    updated = found[0][1].at if found else now
    root = tag(
        "feed",
        tag("title", TITLE),
        tag("id", f"{host}{BASE}/changes"),
        tag("updated", updated),
        tag("link", rel="self", type=ATOM, href=f"{host}{BASE}/changes?f=atom"),
        *(_entry(host, state, revision) for state, revision in found),
        xmlns="http://www.w3.org/2005/Atom",
    )
    return write(root)


def _entry(host: str, state: LayerState, revision: Revision) -> Element:
    counts = f"+{revision.added} ~{revision.modified} −{revision.deleted}"
    return tag(
        "entry",
        tag("title", f"{state.definition.title.zh} r{revision.rev}：{revision.note} ({counts})"),
        tag("id", f"{host}/layers/{revision.layer}#r{revision.rev}"),
        tag("updated", revision.at),
        tag("author", tag("name", revision.author or "—")),
        tag("link", rel="alternate", href=f"{host}/layers/{revision.layer}/history"),
        tag("link", rel="related", type=JSON, href=host + _changes_of(revision)),
    )


def between(store: LayerStore, layer_id: str, since: int, until: int) -> tuple[Change, ...]:
    """What leads from one revision to another; from 0, before the first, everything is added."""
    if since:
        return store.difference(layer_id, since, until)
    return compare((), store.snapshot(layer_id, until).features)


def changes_json(
    changes: Sequence[Change], *, layer: str, since: int, until: int, offset: int, limit: int
) -> dict[str, Any]:
    """A page of what leads from one revision to another: each feature as it is at the end, None where it is gone."""
    page = changes[offset : offset + limit]
    here = f"{BASE}/collections/{layer}/changes?since={since}&until={until}"
    links = [link(f"{here}&offset={offset}&limit={limit}", "self", JSON)]
    if offset + limit < len(changes):
        links.append(link(f"{here}&offset={offset + limit}&limit={limit}", "next", JSON))
    return {
        "collection": layer,
        "since": since,
        "until": until,
        "numberMatched": len(changes),
        "changes": [_change_json(change) for change in page],
        "links": links,
    }


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "id": change.fid,
        "operation": change.operation,
        "fields": list(change.fields),
        "feature": browse.feature_json(change.after) if change.after else None,
    }
