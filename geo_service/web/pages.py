"""The documents around the map: plan, unlocated list, layers, features, status and help. Thin: ask, then render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, g, render_template, request

from geo_service.analysis.questions import QUESTIONS
from geo_service.analysis.result import STATUSES
from geo_service.analysis.result import THEMES as QUESTION_THEMES
from geo_service.core import crs
from geo_service.core.access import may_edit
from geo_service.core.features import Feature
from geo_service.core.layers import ATTACHMENTS_FIELD, PLAN_STATUS_CODES, PRECISION_CODES, THEMES, Field
from geo_service.core.progress import status_of
from geo_service.core.progress_words import ARITHMETIC, KINDS, PROMISES, amount_text, number, promise_text, target_text
from geo_service.core.progress_words import headline as headline_text
from geo_service.core.query import parse_count
from geo_service.core.wording import FIELD_TYPES
from geo_service.errors import BrokenInstallation, GeoServiceError
from geo_service.ingest.confine import kernel_support
from geo_service.rendering import small_map, symbols
from geo_service.usecases import browse, doctor, downloads, ledger, record, status, tables
from geo_service.usecases.ledger import Member, PlanOverview
from geo_service.usecases.summary import layer_symbol
from geo_service.web import assets, i18n, page_words, progress_bars
from geo_service.web.attachments import attachments_of
from geo_service.web.current import deployment, visible_layer, visible_layers
from geo_service.web.help_methods import METHODS
from geo_service.web.help_topics import TOPICS, topic
from geo_service.web.session import account

blueprint = Blueprint("pages", __name__)

ROWS_PER_PAGE = 200
SURROUNDINGS = ("boundary", "streets", "water")


@dataclass(frozen=True, slots=True)
class Place:
    """A point in degrees (EPSG:4490) and in metres (EPSG:4548), x before y."""

    degrees: tuple[float, float]
    metres: tuple[float, float]


# ---- the plan


@blueprint.get("/plan")
def plan() -> str:
    """The plan by section with the progress of every commitment."""
    whole, chosen = overview(), _chosen()
    sections = ledger.select_entries(whole, **chosen)
    totals = ledger.totals_of(e for s in sections for e in s.entries)
    used = {e.commitment.layer for e in whole.entries}
    layers = [s.definition for s in visible_layers() if s.definition.id in used]
    return render_template(
        "plan.html", page="plan", overview=whole, sections=sections, totals=totals, chosen=chosen, layers=layers
    )


@blueprint.get("/plan/features")
def plan_features() -> str:
    """The features behind a number of the plan page, over all commitments a filter leaves."""
    sections = ledger.select_entries(overview(), **_chosen())
    members = [m for s in sections for e in s.entries for m in e.members]
    return render_template("plan_features.html", page="plan", chosen=_chosen(), **_rows(members))


@blueprint.get("/plan/<commitment_id>")
def commitment(commitment_id: str) -> str:
    """One commitment: its words, its arithmetic, its features."""
    entry = overview().entry(commitment_id)
    return render_template("commitment.html", page="plan", entry=entry, **_rows(entry.members))


@blueprint.get("/unlocated")
def unlocated() -> str:
    """Everything the plan speaks of that is not on the map yet, by layer and commitment."""
    gaps = ledger.unlocated(overview())
    wanted = request.args.get("layer", "")
    chosen = [gap for gap in gaps if wanted in ("", gap.entry.commitment.layer)]
    return render_template(
        "unlocated.html",
        page="unlocated",
        gaps=chosen,
        groups=ledger.by_layer(chosen),
        layers={definition.id: definition for definition, _ in ledger.by_layer(gaps)},
        members_without=sum(len(gap.unlocated) for gap in chosen),
        members_missing=sum(gap.missing or 0 for gap in chosen),
        wanted=wanted,
    )


# ---- layers and features


@blueprint.get("/layers")
def layers() -> str:
    """The catalogue of layers by theme."""
    here = deployment()
    body = browse.catalogue(visible_layers(), here.views, canvas_features=here.settings.canvas_features)
    definitions = {s.definition.id: s.definition for s in visible_layers()}
    return render_template("layers.html", page="layers", catalogue=body, definitions=definitions)


@blueprint.get("/layers/<layer_id>")
def layer(layer_id: str) -> str:
    """One layer: what it is, its fields and how complete they are, its revisions."""
    here, state = deployment(), visible_layer(layer_id)
    body = browse.layer_detail_json(state, here.views, canvas_features=here.settings.canvas_features)
    plan = () if "preparing" in body else overview().entries  # it is counted from the features
    entries = [e for e in plan if e.commitment.layer == layer_id]
    return render_template(
        "layer.html",
        page="layers",
        state=state,
        body=body,
        entries=entries,
        revisions=here.store.revisions(layer_id),
        symbol=layer_symbol(state.definition),
        downloads=downloads.offered(state.definition),
        editable=may_edit(account(), state.definition),
    )


@blueprint.get("/layers/<layer_id>/<fid>")
def feature(layer_id: str, fid: str) -> tuple[str, int]:
    """One feature under its permanent address; 410 with the last state once it was deleted."""
    here, state = deployment(), visible_layer(layer_id)
    rev = parse_count(request.args, "asOf", default=0, maximum=1 << 40, minimum=1) or None
    found = record.feature_record(here.store, here.ledger, state, fid, rev=rev)
    symbol = small_map.symbol_of(found.feature, layer_symbol(found.definition))
    page = render_template(
        "feature.html",
        page="layers",
        record=found,
        symbol=symbol,
        drawn=symbols.drawn_class(symbol, found.feature.properties),
        small=small_map.small_map(found.feature, _surroundings()),
        locator=small_map.locator(found.feature, _surroundings()),
        place=_place(found.feature),
        attachments=attachments_of(found.definition, found.feature.properties),
        **_attributes(found),
    )
    return page, 410 if found.deleted else 200


# ---- status and help


@blueprint.get("/about")
def about() -> str:
    """What is running, on which data, with which problems."""
    here, who = deployment(), g.get("account")
    browser_assets, broken = _assets()
    return render_template(
        "about.html",
        page="about",
        here=here,
        states=sorted(visible_layers(), key=lambda s: (list(THEMES).index(s.definition.theme), s.definition.order)),
        visible={s.definition.id for s in visible_layers()},
        problems=[p for p in here.seed_problems if _may_know(p.file.split(".")[0])],
        recoveries=[r for r in here.recoveries if _may_know(r.layer)],
        components=status.components(),
        browser_assets=browser_assets,
        broken=broken,
        jail=doctor.check_jail(kernel_support()),
        settings=status.setting_values(here.settings, all_values=bool(who and who.is_admin)),
    )


@blueprint.get("/help")
def help_index() -> str:
    """The contents of the help."""
    return render_template("help.html", page="help", topics=TOPICS)


@blueprint.get("/help/<topic_id>")
def help_topic(topic_id: str) -> str:
    """One page of the help."""
    found = topic(topic_id)
    return render_template(found.template(i18n.language()), page="help", topics=TOPICS, topic=found, **_ANALYSES)


# ---- what templates need

_ANALYSES = {
    "groups": {title: [q for q in QUESTIONS if q.theme == theme] for theme, title in QUESTION_THEMES.items()},
    "methods": METHODS,
    "statuses": STATUSES,
}

_TABLES = {
    "ARITHMETIC": ARITHMETIC,
    "KINDS": KINDS,
    "PLAN_STATUS_CODES": PLAN_STATUS_CODES,
    "PRECISION_CODES": PRECISION_CODES,
    "PRECISION_TITLES": progress_bars.PRECISION_TITLES,
    "PROMISES": PROMISES,
    "STATUS_TITLES": progress_bars.STATUS_TITLES,
    "error_titles": page_words.ERROR_TITLES,
    "field_types": FIELD_TYPES,
    "operations": page_words.OPERATIONS,
    "precision_meanings": page_words.PRECISION_MEANINGS,
    "revision_kinds": page_words.REVISION_KINDS,
    "audit_actions": page_words.AUDIT_ACTIONS,
    "themes": THEMES,
}


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {
        **_TABLES,
        "amount_text": amount_text,
        "colour_variable": small_map.colour_variable,
        "hatch_paths": small_map.HATCH_PATHS,
        "headline_text": headline_text,
        "here_with": here_with,
        "indicator_target": lambda indicator: i18n.said(page_words.indicator_text(indicator)),
        "ledger_problems": deployment().ledger_problems,
        "leading_class": small_map.leading_class,
        "map_link": map_link,
        "marker_path": small_map.marker_path,
        "plain_number": number,
        "position_bar": progress_bars.position_bar,
        "precision_bar": progress_bars.precision_bar,
        "promise_text": promise_text,
        "status_bar": progress_bars.status_bar,
        "status_of": status_of,
        "symbol_of_layer": layer_symbol,
        "target_text": target_text,
        "value_text": value_text,
    }


def overview() -> PlanOverview:
    """The plan against the layers this request may read, worked out once per set of revisions."""
    here, states = deployment(), visible_layers()
    key = ("plan", browse.heads_key(states), browse.heads_key(here.store.layers()))
    found: PlanOverview = here.memo.get(
        key, lambda: ledger.plan_overview(here.store, here.ledger, states=states, views=here.views)
    )
    return found


def map_link(layer_id: str, fid: str = "", *, table: str = "") -> str:
    """The map with one layer on, a feature selected, or the layer's table filtered to a commitment."""
    parts = [f"on={layer_id}"]
    if fid:
        parts.append(f"sel={layer_id}/{quote(fid, safe='')}")
    if table:
        condition = f"commitment = '{table}'"
        parts.append(f"table={layer_id}&filter={quote(condition, safe='')}")
    return "/#" + "&".join(parts)


def here_with(**changes: object) -> str:
    """The address of this page with some arguments changed or, None or empty, dropped; ``lang`` is in the cookie."""
    merged = {**request.args.to_dict(), **changes}
    kept = {key: str(value) for key, value in merged.items() if key != "lang" and value not in (None, "")}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def value_text(item: Field, value: Any) -> str:
    """A value as people read it, with its unit; empty where there is none."""
    if value is None or value == "":
        return ""
    if item.key == ATTACHMENTS_FIELD.key:
        return i18n.gettext("{n} 个附件", n=len(str(value).split()))
    if item.type in ("date", "datetime"):
        return i18n.day(str(value)) if item.type == "date" else i18n.moment(str(value))
    shown = tables.display(item, value, i18n.language())
    if isinstance(shown, (int, float)) and not isinstance(shown, bool):
        shown = i18n.number(shown, 2) if item.unit else f"{shown:g}" if isinstance(shown, float) else str(shown)
    return f"{shown} {item.unit}".rstrip()


def _chosen() -> dict[str, Any]:
    chosen: dict[str, Any] = {name: request.args.get(name, "")[:200] for name in ("section", "layer", "promise")}
    return {**chosen, "text": request.args.get("q", "")[:200], "spatial": request.args.get("spatial") == "yes"}


def _rows(members: Sequence[Member]) -> dict[str, Any]:
    """The rows a precision and a status leave, by pages, and how many every other choice would leave."""
    precision, reported = request.args.get("precision", ""), request.args.get("status", "")
    found = ledger.select_members(members, precision=precision, status=reported)
    last = max(1, -(-len(found) // ROWS_PER_PAGE))
    number = parse_count(request.args, "page", default=1, maximum=last, minimum=1)
    return {
        "rows": found[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE],
        "matched": len(found),
        "number_of_page": number,
        "pages": last,
        "precision": precision,
        "precision_options": [
            (key, i18n.said(title), len(ledger.select_members(members, precision=key, status=reported)))
            for key, title in progress_bars.PRECISION_FILTERS.items()
        ],
        "status": reported,
        "status_options": [
            (key, i18n.said(title), len(ledger.select_members(members, precision=precision, status=key)))
            for key, title in progress_bars.STATUS_FILTERS.items()
        ],
    }


def _attributes(found: record.FeatureRecord) -> dict[str, Any]:
    """The feature's own fields: those with a value, and the titles of those nobody has filled in."""
    told = {"name", "status", "plan_status", "commitment", "precision", "error_m", "source", "source_en"}
    fields = [f for f in found.definition.all_fields if f.key not in told]
    values = [(f, value_text(f, found.feature.properties.get(f.key))) for f in fields]
    return {
        "attributes": [(f, text) for f, text in values if text],
        "blanks": [f for f, text in values if not text],
        "source": _source(found.feature),
    }


def _source(found: Feature) -> str:
    translated = found.properties.get("source_en") if i18n.language() == "en" else ""
    return str(translated or found.properties.get("source") or "")


def _place(found: Feature) -> Place | None:
    """A point that stands for the feature: inside of an area, on a line."""
    shape = found.shape()
    if shape is None:
        return None
    point = shape.representative_point()
    return Place((point.x, point.y), crs.to_plane(point.x, point.y))


def _may_know(layer_id: str) -> bool:
    """Whether a reader may be told about a layer's files: not of layers that are there but not for this reader."""
    return layer_id in {s.definition.id for s in visible_layers()} or layer_id not in {
        s.definition.id for s in deployment().store.layers()
    }


def _surroundings() -> small_map.Surroundings:
    here = deployment()
    states = {s.definition.id: s for s in visible_layers() if s.definition.id in SURROUNDINGS}
    rows = [here.views.features(states[name].revision) if name in states else () for name in SURROUNDINGS]
    key = ("surroundings", browse.heads_key(states.values()))
    found: small_map.Surroundings = here.memo.get(key, lambda: small_map.surroundings(*rows))
    return found


def _assets() -> tuple[tuple[status.Component, ...], GeoServiceError | None]:
    try:
        return status.assets(assets.manifest()), None
    except BrokenInstallation as error:
        return (), error
