"""Look at layers: the catalogue behind the map, pages of features, one feature."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import shapely
from shapely.geometry import box

from geo_service.core import crs
from geo_service.core.derived import Area
from geo_service.core.features import Feature
from geo_service.core.layers import THEMES, Field
from geo_service.core.plan import Ledger
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.rendering import symbols
from geo_service.storage.store import LayerState, LayerStore
from geo_service.usecases.lines import Lines
from geo_service.usecases.summary import Summary, layer_symbol
from geo_service.usecases.views import RevisionViews


def heads_key(states: Iterable[LayerState]) -> str:
    """A short hash that changes when any of these layers gets a new revision or definition."""
    text = "\n".join(f"{s.definition.id} {s.revision.rev} {s.revision.sha256}" for s in states)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def catalogue(states: Sequence[LayerState], views: RevisionViews, *, canvas_features: int) -> dict[str, Any]:
    """Everything the map's layer tree needs, as JSON values in both languages."""
    ordered = sorted(states, key=lambda s: (list(THEMES).index(s.definition.theme), s.definition.order))
    layers = [layer_json(s, views, canvas_features=canvas_features) for s in ordered]
    used = {s.definition.theme for s in states}
    return {
        "key": heads_key(states),
        "district": {"bbox": district_bbox(states, views)},
        "groups": [{"id": theme, "title": text_json(title)} for theme, title in THEMES.items() if theme in used],
        "layers": layers,
    }


def district_bbox(states: Sequence[LayerState], views: RevisionViews) -> list[float]:
    """The bbox of the district outline, or of everything located where there is no outline."""
    boxes = {s.definition.id: views.summary(s.definition, s.revision).bbox for s in states}
    known = [b for b in boxes.values() if b]
    if boxes.get("boundary"):
        known = [boxes["boundary"]]  # type: ignore[list-item]  # tested in the line above
    if not known:
        return [117.1, 39.06, 117.19, 39.15]
    return [round(float(v), 7) for v in shapely.total_bounds([box(*b) for b in known])]


def areas_of(states: Sequence[LayerState], views: RevisionViews) -> tuple[Area, ...]:
    """The subdistricts as they are now, for derived attributes; none where there is no such layer."""
    state = next((s for s in states if s.definition.id == "subdistricts"), None)
    features = views.features(state.revision) if state else ()
    return tuple(Area(f.name, shape) for f in features if (shape := f.shape()) is not None)


def layer_json(state: LayerState, views: RevisionViews, *, canvas_features: int) -> dict[str, Any]:
    """One layer of the catalogue."""
    definition, revision = state.definition, state.revision
    summary = views.summary(definition, revision)
    return {
        "id": definition.id,
        "title": text_json(definition.title),
        "theme": definition.theme,
        "kind": definition.kind,
        "source": definition.source,
        "secrecy": definition.secrecy,
        "rev": revision.rev,
        "updated": revision.at,
        **_counts_json(summary),
        **({} if summary.prepared else {"preparing": True}),
        "shown": definition.shown,
        "drawn": "mvt" if summary.count > canvas_features else "geojson",
        "data_url": f"/api/layers/{definition.id}/r{revision.rev}.geojson",
        "tile_url": f"/tiles/{definition.id}/r{revision.rev}/{{z}}/{{x}}/{{y}}.mvt",
        "min_zoom": 0,
        "label_zoom": definition.label_zoom,
        "order": definition.order,
        "symbol": symbols.as_json(layer_symbol(definition)),
        "fields": [field_json(f) for f in definition.all_fields],
        "commitments": list(definition.commitments),
    }


def _counts_json(summary: Summary) -> dict[str, Any]:
    return {
        "count": summary.count,
        "located": summary.located,
        "illustrative": summary.illustrative,
        "precisions": dict(summary.precisions),
        "classes": dict(summary.classes),
        "bbox": list(summary.bbox) if summary.bbox else None,
    }


def layer_detail_json(state: LayerState, views: RevisionViews, *, canvas_features: int) -> dict[str, Any]:
    """One layer with its description, rules and how complete each field is (share of features, 0 to 1)."""
    summary = views.summary(state.definition, state.revision)
    return layer_json(state, views, canvas_features=canvas_features) | {
        "description": text_json(state.definition.description),
        "policy": {"four_eyes": state.definition.policy.four_eyes, "must_tile": state.definition.policy.must_tile},
        "geometry_types": list(state.definition.geometry_types),
        "sha256": state.revision.sha256,
        "completeness": {
            f.key: summary.filled.get(f.key, 0) / summary.count if summary.count and summary.prepared else None
            for f in state.definition.all_fields
        },
    }


def field_json(item: Field) -> dict[str, Any]:
    """One field of the schema."""
    return {
        "key": item.key,
        "type": item.type,
        "title": text_json(item.title),
        "unit": item.unit,
        "codes": [{"value": code.value, "title": text_json(code.title)} for code in item.codes],
        "words": {code.value: code.title.en for code in item.words},
    }


def text_json(text: Text) -> dict[str, str]:
    """Words in both languages."""
    return {"zh": text.zh, "en": text.en}


def feature_json(feature: Feature) -> dict[str, Any]:
    """A GeoJSON Feature."""
    return {
        "type": "Feature",
        "id": feature.id,
        "geometry": feature.geometry,
        "properties": dict(feature.properties),
    }


def features_json(features: Sequence[Feature]) -> Any:
    """GeoJSON Features for an answer; those of a large layer go out as they are stored, byte for byte."""
    if isinstance(features, Lines):
        return msgspec.Raw(b"[" + features.text() + b"]")
    return [feature_json(f) for f in features]


def feature_detail_json(store: LayerStore, ledger: Ledger, layer_id: str, fid: str, rev: int | None) -> dict[str, Any]:
    """A feature with its plan sentence, measures in EPSG:4548 and history."""
    feature = store.feature(layer_id, fid, rev)
    commitment = ledger.commitment(str(feature.properties.get("commitment") or ""))
    return feature_json(feature) | {
        "layer": layer_id,
        "rev": rev or store.layer(layer_id).revision.rev,
        "commitment": commitment_json(commitment) if commitment else None,
        "measures": measures(feature),
        "history": [revision_json(r) for r in store.feature_history(layer_id, fid)],
    }


def commitment_json(commitment: Any) -> dict[str, Any]:
    """What a feature card shows of its commitment."""
    return {
        "id": commitment.id,
        "name": text_json(commitment.name),
        "section": commitment.section,
        "clause": commitment.clause,
        "verb": commitment.verb,
        "promise": commitment.promise,
        "due": commitment.due,
        "due_means": commitment.due_means,
        "quantity": {
            "kind": commitment.quantity.kind,
            "target": commitment.quantity.target,
            "unit": commitment.quantity.unit,
        },
    }


def revision_json(revision: Revision) -> dict[str, Any]:
    """What people see of a revision."""
    return {
        "rev": revision.rev,
        "at": revision.at,
        "author": revision.author,
        "kind": revision.kind,
        "note": revision.note,
        "added": revision.added,
        "modified": revision.modified,
        "deleted": revision.deleted,
        "sha256": revision.sha256,
    }


def measures(feature: Feature) -> dict[str, float]:
    """Area or length of a feature in EPSG:4548, rounded to 0.1 m2 and 0.01 m; empty for points."""
    shape = feature.shape()
    if shape is None:
        return {}
    if shape.geom_type.endswith("Polygon"):
        return {"area_m2": round(crs.area_m2(shape), 1), "perimeter_m": round(crs.length_m(shape), 2)}
    if shape.geom_type.endswith("LineString"):
        return {"length_m": round(crs.length_m(shape), 2)}
    return {}
