"""People by subdistrict or community: a table somebody sends becomes a draft of the layer, or a revision at once."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.access import Account
from geo_service.core.drafts import Draft, DraftChange
from geo_service.core.features import Feature
from geo_service.core.layers import LayerDefinition
from geo_service.core.population import DATE, FIELD, SOURCE, Reading, read_people, with_population_fields
from geo_service.core.revisions import Revision
from geo_service.core.validation import Finding
from geo_service.errors import AccessDenied, InvalidParameter, InvalidRequest, RejectedUpload
from geo_service.ingest.jail import Jail, read_plainly
from geo_service.ingest.limits import LIMITS
from geo_service.ingest.plain_table import PlainTable, TableRequest
from geo_service.storage.audit import Audit
from geo_service.storage.drafts import Upload
from geo_service.storage.store import LayerStore
from geo_service.usecases import review
from geo_service.usecases.uploads import Counter, Kept, finding_json, may_work

PATIENCE_S = 60.0
SOURCE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Statement:
    """What a table is and says: where the numbers come from, the day they are of, and the reading of its rows."""

    source: str
    date: str
    table: PlainTable
    reading: Reading


def read_statement(
    jail: Jail, path: Path, name: str, features: Sequence[Feature], *, source: str, date: str
) -> Statement:
    """A table of people read in the jail and matched to the areas of a layer.

    Raises
    ------
    InvalidParameter
        Without a source or a day.
    RejectedUpload
        The file is no table, or damaged.
    """
    source = "".join(c for c in source if c.isprintable()).strip()[:SOURCE_LENGTH]
    if not source:
        reason = "请写明来源，如“第七次全国人口普查公报” / say where the numbers come from"
        raise InvalidParameter(name="source", value="", reason=reason)
    try:
        day = datetime.date.fromisoformat(date).isoformat()
    except ValueError:
        reason = "请填截至日期，如 2020-11-01 / give the day they are of, as 2020-11-01"
        raise InvalidParameter(name="date", value=date[:20], reason=reason) from None
    table = read_table(jail, path, name)
    return Statement(source, day, table, read_people(table.rows, features))


def read_table(jail: Jail, path: Path, name: str) -> PlainTable:
    """The rows of a CSV or XLSX file.

    Raises
    ------
    RejectedUpload
        It is no table, damaged, or took too long.
    """
    folder = jail.open_job()
    try:
        (folder.path / "in" / "request.json").write_bytes(msgspec.json.encode(TableRequest(str(path.resolve()))))
        jail.submit(folder, "table", read=(path,)).wait(PATIENCE_S)
        body = read_plainly(folder.path / "out" / "result.json", LIMITS.file_bytes)
        found = msgspec.json.decode(body, type=PlainTable)
    except (TimeoutError, OSError, msgspec.DecodeError):
        found = PlainTable(refused=Finding(code="file-broken", params={"reason": "CSV / XLSX"}))
    finally:
        folder.cancel()
        folder.discard()
    if found.refused is not None:
        reason = f"{found.refused.sentence('zh')} / {found.refused.sentence('en')}"
        raise RejectedUpload(file=name, reason=reason)
    return found


def changed(features: Sequence[Feature], statement: Statement) -> list[Feature]:
    """The areas whose people, source or day differ from what is there."""
    people = statement.reading.people
    after = [_with_people(f, people.get(f.id), statement) for f in features]
    return [new for old, new in zip(features, after, strict=True) if new != old]


def _with_people(feature: Feature, people: int | None, statement: Statement) -> Feature:
    known = people is not None
    values: dict[str, Any] = {
        FIELD: people,
        SOURCE: statement.source if known else None,
        DATE: statement.date if known else None,
    }
    kept = {k: v for k, v in values.items() if v is not None or k in feature.properties}
    return dataclasses.replace(feature, properties={**feature.properties, **kept})


def _prepared(store: LayerStore, audit: Audit, layer_id: str, author: str) -> tuple[LayerDefinition, int]:
    """The layer with the fields for people, and its head revision."""
    state = store.layer(layer_id)
    fields = with_population_fields(state.definition)
    if fields == state.definition.fields:
        return state.definition, state.revision.rev
    wider = dataclasses.replace(state.definition, fields=fields)
    revision = store.update_definition(wider, author=author, note="增加人口字段 / fields for people")
    audit.record(actor=author, action="layer-change", target=layer_id, fields=[FIELD, SOURCE, DATE])
    return wider, revision.rev


def propose(counter: Counter, account: Account, kept: Kept, layer_id: str, statement: Statement) -> Draft:
    """The draft of what a table says; whoever reviews it sees every number before and after.

    Raises
    ------
    AccessDenied
        The account may not edit these areas.
    InvalidRequest
        The table is not usable, or says what is there already.
    """
    store, audit = counter.desk.store, counter.desk.audit
    if not may_work(account, store.layer(layer_id).definition):
        raise AccessDenied(action=f"填报人口 / report people: {layer_id}")
    differing = _differing(store, layer_id, statement)
    _, rev = _prepared(store, audit, layer_id, account.name)
    changes = [DraftChange(fid=f.id, operation="modify", after=f, base_rev=rev) for f in differing]
    counter.desk.drafts.keep_upload(_upload(kept, statement))
    report = {"findings": [finding_json(f) for f in statement.reading.findings], "format": statement.table.format}
    return review.create_draft(
        counter.desk, account, layer_id, changes, mode="attributes", note=_note(kept.name, statement), report=report
    )


def commit(store: LayerStore, audit: Audit, name: str, layer_id: str, statement: Statement, *, author: str) -> Revision:
    """The new head of the layer with what a table says; for administrators at the command line.

    Raises
    ------
    InvalidRequest
        The table is not usable, or says what is there already.
    """
    differing = _differing(store, layer_id, statement)
    _, rev = _prepared(store, audit, layer_id, author)
    changes: dict[str, Feature | None] = {f.id: f for f in differing}
    note = _note(name, statement)
    revision = store.commit(layer_id, changes, base=rev, kind="upload", author=author, note=note)
    audit.record(
        actor=author, action="people-import", target=layer_id, rev=revision.rev, people=statement.reading.total
    )
    return revision


def _differing(store: LayerStore, layer_id: str, statement: Statement) -> list[Feature]:
    if not statement.reading.usable:
        raise InvalidRequest(reason="表中有须先改正的问题 / the table has findings to mend first")
    differing = changed(store.snapshot(layer_id).features, statement)
    if not differing:
        raise InvalidRequest(
            reason="与现有人口、来源、日期完全相同 / the same people, source and day are there already"
        )
    return differing


def _note(name: str, statement: Statement) -> str:
    return f"人口 {statement.reading.total}（{statement.source}，截至 {statement.date}；文件 {name}）"


def _upload(kept: Kept, statement: Statement) -> Upload:
    return Upload(
        id=kept.id[:16],
        sha256=kept.sha256,
        name=kept.name,
        size=kept.size,
        format=statement.table.format,
        encoding=statement.table.encoding,
        crs_declared="",
        crs_used="",
        kept_path=f"uploads/originals/{kept.sha256[:2]}/{kept.sha256}",
        by=kept.owner,
        at=kept.at,
    )
