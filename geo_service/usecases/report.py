"""Answer a planner's question on revisions of the store: inputs, run, and the answer as plain values.

An answer is a pure function of the question, its parameters and the revisions it read. Whoever keeps those three (they
all stand in the address of the result) keeps the answer, and can tell when a layer has moved on.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from geo_service.analysis.progress import Progress
from geo_service.analysis.questions import QUESTIONS, find_question
from geo_service.analysis.result import STATUSES, Column, Parameter, Question, Result, Role, read_parameters
from geo_service.core.features import geometry_of, to_frame
from geo_service.core.late import geopandas, pandas
from geo_service.core.layers import Kind
from geo_service.core.plan import Ledger
from geo_service.core.revisions import Revision
from geo_service.core.text import Text
from geo_service.errors import InvalidParameter, LayerNotFound, MissingData, UnusableLayer
from geo_service.storage.store import LayerState, LayerStore
from geo_service.usecases.browse import text_json
from geo_service.usecases.memo import Memo
from geo_service.usecases.summary import summarise
from geo_service.usecases.views import RevisionViews

NAMED = 5
KINDS: Mapping[Kind, Text] = {
    "point": Text("点", "points"),
    "line": Text("线", "lines"),
    "polygon": Text("面", "areas"),
}
MOST_FEATURES = 200_000
"""Features one question may read."""


@dataclass(frozen=True, slots=True)
class Read:
    """A layer a question read: in which role, at which revision, and which revision is the head now."""

    role: Role
    state: LayerState
    revision: Revision

    @property
    def is_outdated(self) -> bool:
        """Whether the layer moved on (a role that asks for an earlier revision never does)."""
        return not self.role.previous and self.revision.rev != self.state.revision.rev


@dataclass(frozen=True, slots=True)
class Answer:
    """A result with the question, the parameters and the revisions it is of; ``seconds`` is the time it took."""

    question: Question
    parameters: Mapping[str, Any]
    reads: tuple[Read, ...]
    result: Result
    seconds: float


@dataclass(frozen=True, slots=True)
class Sources:
    """What questions read from: the layers somebody may see, the store behind them, the ledger, what is remembered."""

    states: Sequence[LayerState]
    store: LayerStore
    views: RevisionViews
    ledger: Ledger
    memo: Memo[Any]


def choose_reads(sources: Sources, question: Question, chosen: Mapping[str, str]) -> tuple[Read, ...]:
    """The layers of every role: ``chosen`` maps a role to ``layer[@rev],...``, the role's defaults otherwise.

    Raises
    ------
    InvalidParameter
        A role that needs a layer has none, or a revision is no number.
    LayerNotFound, RevisionNotFound
        A layer or revision that is not there, or not for this reader.
    """
    known = {s.definition.id: s for s in sources.states}
    for key in chosen:
        question.role(key)
    reads = tuple(read for role in question.roles for read in _reads_of(sources, role, chosen.get(role.key), known))
    for role in question.roles:
        if role.part != "ledger" and role.placed and not role.optional:
            _require_places(sources, role, [r for r in reads if r.role.key == role.key])
    return reads


def lacking(sources: Sources, question: Question) -> MissingData | None:
    """What a question lacks on the layers it reads unless others are chosen, None where it can be answered."""
    try:
        choose_reads(sources, question, {})
    except MissingData as error:
        return error
    return None


def _require_places(sources: Sources, role: Role, reads: Sequence[Read]) -> None:
    """Nothing where some feature has a position.

    Raises
    ------
    MissingData
        None has; the first are named.
    """
    summaries = [sources.views.summary(r.state.definition, r.revision) for r in reads]
    if any(s.located for s in summaries):
        return
    titles = [r.state.definition.title for r in reads]
    count = sum(s.count for s in summaries)
    ids = [f.id for r in reads for f in sources.views.features(r.revision)[:NAMED]][:NAMED]
    zh, en = "、".join(t.zh for t in titles), ", ".join(t.en for t in titles)
    if count:
        some = "、".join(ids)
        reason = (
            f"图层“{zh}”的 {count} 个要素都没有位置（如 {some}） / none of the {count} features of {en} has a position"
        )
    else:
        reason = f"图层“{zh}”没有要素 / {en} has no features"
    raise MissingData(name=role.key, role=_title(role), reason=reason, upload=reads[0].revision.layer)


def _title(role: Role) -> str:
    return f"{role.title.zh} / {role.title.en}"


def _reads_of(sources: Sources, role: Role, chosen: str | None, known: Mapping[str, LayerState]) -> list[Read]:
    if role.part == "ledger":
        return []
    names = default_layers(role, known) if chosen is None else [n for n in chosen.split(",") if n]
    if not names and not role.optional:
        kinds = ("、".join(KINDS[k].zh for k in role.kinds), ", ".join(KINDS[k].en for k in role.kinds))
        wanted = (f"（{kinds[0]}图层）", f" (a layer of {kinds[1]})") if role.kinds else ("", "")
        reason = f"还没有选图层{wanted[0]} / no layer is chosen{wanted[1]}"
        raise MissingData(name=role.key, role=_title(role), reason=reason, upload="")
    return [_read(sources, role, name, known) for name in names]


def default_layers(role: Role, known: Container[str]) -> list[str]:
    """The layers that play a role unless others are chosen: of its defaults the first that is there, or all of them
    where several may."""
    there = [name for name in role.defaults if name in known]
    return there if role.several else there[:1]


def _read(sources: Sources, role: Role, name: str, known: Mapping[str, LayerState]) -> Read:
    layer_id, _, rev = name.partition("@")
    if layer_id not in known:
        raise LayerNotFound(layer=layer_id)
    state = known[layer_id]
    if rev and not (rev.isascii() and rev.isdigit() and len(rev) < 12):
        raise InvalidParameter(name=role.key, value=name, reason="写作 图层@版本 / write layer@revision")
    wanted = int(rev) if rev else state.revision.rev
    if role.previous and not rev:
        wanted = max(1, wanted - 1)
    head = state.revision
    return Read(role, state, head if wanted == head.rev else sources.store.revision(layer_id, wanted))


def run(sources: Sources, question: Question, given: Mapping[str, Any], chosen: Mapping[str, str]) -> Answer:
    """The answer to a question.

    Raises
    ------
    InvalidParameter
        A parameter out of range, a layer without what the question needs, or too many features.
    """
    parameters, reads = read_parameters(question, given), choose_reads(sources, question, chosen)
    return work_out(sources, question, parameters, reads)


def work_out(
    sources: Sources,
    question: Question,
    parameters: Mapping[str, Any],
    reads: tuple[Read, ...],
    said: Callable[[float], None] = lambda _: None,
) -> Answer:
    """The answer on chosen layers; ``said`` hears how many of the layers have been read, then the share worked out."""
    started = time.perf_counter()
    inputs = gather(sources, question, reads, said)
    result = _run(question, inputs, parameters, lambda share: said(len(reads) + share))
    return Answer(question, parameters, reads, result, round(time.perf_counter() - started, 3))


def _run(question: Question, inputs: Mapping[str, Any], parameters: Mapping[str, Any], progress: Progress) -> Result:
    """What the question answers; a layer it cannot use is refused by the title of its role.

    Raises
    ------
    UnusableLayer
        Invalid or unfit features, a field that is not there.
    """
    titles = {r.key: _title(r) for r in question.roles}
    try:
        return question.told(inputs, parameters, progress) if question.told else question.run(inputs, parameters)
    except InvalidParameter as error:
        role = titles.get(str(error.params.get("name")))
        if role is None:
            raise
        raise UnusableLayer(**error.params, role=role) from error


def gather(
    sources: Sources, question: Question, reads: Sequence[Read], said: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """The frames a question runs on, by role; a role without a layer is left out.

    Raises
    ------
    InvalidParameter
        More than 200 000 features.
    """
    inputs: dict[str, Any] = {}
    count = 0
    for number, read in enumerate(reads, 1):
        count += len(sources.views.features(read.revision))
        if count > MOST_FEATURES:
            raise InvalidParameter(name="layers", value=count, reason=f"> {MOST_FEATURES:,}")
        said(number)
    for role in question.roles:
        frames = [_frame(sources, r) for r in reads if r.role.key == role.key]
        if role.part == "ledger":
            inputs[role.key] = pandas.DataFrame({"commitment": list(sources.ledger.commitments)})
        elif frames:
            inputs[role.key] = frames[0] if len(frames) == 1 else pandas.concat(frames)
    return inputs


def _frame(sources: Sources, read: Read) -> geopandas.GeoDataFrame:
    frame = to_frame(sources.views.features(read.revision))
    return frame.assign(layer=[read.state.definition.title] * len(frame))


# ---- the answer as JSON values


def answer_json(answer: Answer, sources: Sources | None = None) -> dict[str, Any]:
    """Everything an answer says, as JSON values in both languages; page, API, export, print and command line show this.

    With ``sources`` also how precise the features were that it read.
    """
    result = answer.result
    precisions = {id(r): precision_of(sources, r) for r in answer.reads} if sources else {}
    return {
        "id": answer.question.id,
        "title": text_json(answer.question.title),
        "headline": text_json(result.headline),
        "figures": {k: cell_json(v) for k, v in result.figures.items()},
        "columns": [_column_json(c) for c in result.columns],
        "rows": rows_json(result.table, result.columns),
        "more": [
            {
                "title": text_json(t.title),
                "columns": [_column_json(c) for c in t.columns],
                "rows": rows_json(t.rows, t.columns),
            }
            for t in result.more
        ],
        "chart": _chart_json(result),
        "classes": [{"key": c.key, "title": text_json(c.title), "tone": c.tone} for c in result.classes],
        "layer": layer_json(result.layer),
        "method": text_json(result.method),
        "notes": [text_json(n) for n in result.notes],
        "parameters": [_parameter_json(p, answer.parameters[p.key]) for p in answer.question.parameters],
        "reads": [read_json(r) | {"precisions": precisions.get(id(r), {})} for r in answer.reads],
        "outdated": any(r.is_outdated for r in answer.reads),
        "seconds": answer.seconds,
    }


def _column_json(column: Column) -> dict[str, Any]:
    return {"key": column.key, "title": text_json(column.title), "unit": column.unit}


def _chart_json(result: Result) -> dict[str, Any] | None:
    chart = result.chart
    if chart is None:
        return None
    return {
        "kind": chart.kind,
        "title": text_json(chart.title),
        "category": chart.category,
        "series": list(chart.series),
        "table": chart.table,
        "tones": list(chart.tones),
        "leave_out": [text_json(t) for t in chart.leave_out],
    }


def _parameter_json(parameter: Parameter, value: Any) -> dict[str, Any]:
    return {
        "key": parameter.key,
        "title": text_json(parameter.title),
        "value": value,
        "value_title": next((text_json(c.title) for c in parameter.choices if c.value == value), None),
        "default": parameter.value,
        "unit": parameter.unit,
        "standard": parameter.standard,
        "clause": parameter.clause,
        "status": parameter.status,
        "status_title": text_json(STATUSES[parameter.status]),
    }


def read_json(read: Read) -> dict[str, Any]:
    """A layer a question read."""
    return {
        "role": read.role.key,
        "role_title": text_json(read.role.title),
        "layer": read.revision.layer,
        "title": text_json(read.state.definition.title),
        "rev": read.revision.rev,
        "head": read.state.revision.rev,
        "outdated": read.is_outdated,
    }


def brought_up(body: Mapping[str, Any], heads: Mapping[str, int]) -> dict[str, Any]:
    """An answer with what is the newest revision of its layers now, and whether any of them moved on.

    A layer that is out of service keeps the revision that was read.
    """
    asked = find_question(str(body["id"]))
    reads = []
    for read in body["reads"]:
        head = heads.get(read["layer"], read["rev"])
        reads.append(read | {"head": head, "outdated": not asked.role(read["role"]).previous and head != read["rev"]})
    return {**body, "reads": reads, "outdated": any(r["outdated"] for r in reads)}


def precision_of(sources: Sources, read: Read) -> dict[str, int]:
    """How many features of each precision class a question read."""
    features = sources.views.features(read.revision)
    return dict(summarise(read.state.definition, features).precisions)


def rows_json(table: pandas.DataFrame, columns: Sequence[Column]) -> list[list[Any]]:
    """A table as rows of JSON values in the order of its columns."""
    series = [[cell_json(v) for v in table[c.key].tolist()] for c in columns]
    return [list(row) for row in zip(*series, strict=True)]


def cell_json(value: Any) -> Any:
    """A cell as a JSON value: texts that differ in English as objects, what is not known as None."""
    if isinstance(value, Text):
        return value.zh if value.zh == value.en else text_json(value)
    if isinstance(value, (numpy.generic,)):
        value = value.item()
    if value is None or value is pandas.NaT or value is pandas.NA:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, (bool, int, str)) else str(value)


def layer_json(layer: geopandas.GeoDataFrame | None) -> dict[str, Any] | None:
    """The result layer as GeoJSON in EPSG:4490 at 7 decimals; what is not known of a feature is left out."""
    if layer is None:
        return None
    frame = layer if "id" in layer else layer.assign(id=layer.index)
    rows = frame[[k for k in frame.columns if k != frame.geometry.name]].to_dict("records")
    features = [
        {
            "type": "Feature",
            "geometry": geometry_of(shape),
            "properties": {str(k): cell for k, v in row.items() if (cell := cell_json(v)) is not None},
        }
        for row, shape in zip(rows, frame.geometry, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def catalogue_json() -> list[dict[str, Any]]:
    """Every question with its roles and parameters, as JSON values."""
    return [question_json(q) for q in QUESTIONS]


def question_json(question: Question) -> dict[str, Any]:
    """One question with its roles and parameters."""
    return {
        "id": question.id,
        "theme": question.theme,
        "title": text_json(question.title),
        "explanation": text_json(question.explanation),
        "roles": [
            {
                "key": r.key,
                "title": text_json(r.title),
                "defaults": list(r.defaults),
                "optional": r.optional,
                "several": r.several,
            }
            for r in question.roles
            if r.part != "ledger"
        ],
        "parameters": [_parameter_json(p, p.value) for p in question.parameters],
    }
