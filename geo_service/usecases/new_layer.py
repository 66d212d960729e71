"""A new layer: its schema proposed from a file, rehearsed against the definition an administrator made of it, created
as revision 1. Also: what an administrator may change of a layer that is there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from geo_service.core.access import Account
from geo_service.core.derived import Area, with_derived
from geo_service.core.features import Feature
from geo_service.core.layers import THEMES, LayerDefinition
from geo_service.core.revisions import Revision
from geo_service.core.validation import check_feature
from geo_service.errors import InvalidParameter, InvalidRequest, StorageFault, one_of
from geo_service.ingest.examination import Options, Request
from geo_service.ingest.examine import submit
from geo_service.rendering import symbols
from geo_service.storage import definitions, retired
from geo_service.storage.store import LayerStore
from geo_service.usecases.bulk_layer import LARGE, NewLayer, make_layer
from geo_service.usecases.uploads import Counter, Kept, Running, remember, result, upload_of

NO_LAYER = ""
"""The layer of a dry run whose layer does not exist yet."""


def rehearse(
    counter: Counter,
    kept: Kept,
    definition: LayerDefinition | None,
    options: Options,
    *,
    district: Mapping[str, Any] | None,
) -> Running:
    """A dry run of a file against a definition; without one its schema is proposed. Writes nothing.

    Raises
    ------
    InvalidParameter
        A definition that cannot be used; the name says where.
    Unavailable
        Too many files are waiting.
    """
    if definition is not None:
        require_usable(counter.desk.store, definition)
    job = submit(
        counter.evidence.path(kept.sha256),
        kept.name,
        jail=counter.jail,
        definition=definition,
        options=dataclasses.replace(options, district=district),
    )
    return remember(counter, Running(job, kept, NO_LAYER, "upsert", 0))


def require_usable(store: LayerStore, definition: LayerDefinition) -> None:
    """Nothing where a layer may be made of this definition.

    Raises
    ------
    InvalidParameter
        Something of it is wrong, or its id or serial is in use, by a layer out of service too.
    """
    for path, reason in definitions.misfits(definition):
        raise InvalidParameter(name=".".join(map(str, path)), value=_at(definition, path), reason=reason)
    for name, value, reason in _clashes(store, definition):
        raise InvalidParameter(name=name, value=value, reason=reason)


def _at(definition: LayerDefinition, path: Sequence[str | int]) -> str:
    value: Any = definition
    for step in path:
        value = value[step] if isinstance(step, int) else getattr(value, step)
    return str(value)[:60]


def _clashes(store: LayerStore, definition: LayerDefinition) -> list[tuple[str, str, str]]:
    others = [s.definition for s in store.layers()] + [r.definition for r in retired.retired_layers(store)]
    found = []
    if not definition.title.zh.strip():
        found.append(("title", "", "须填中文名称 / a Chinese title is needed"))
    if not definition.source.strip():
        found.append(("source", "", "须填资料来源 / the source is needed"))
    if definition.theme not in THEMES:
        found.append(("theme", definition.theme, one_of(THEMES)))
    if definition.symbol not in symbols.NAMES:
        found.append(("symbol", definition.symbol, "不在符号表中 / not in the symbol table"))
    if any(o.id == definition.id for o in others):
        found.append(("id", definition.id, "已有同名图层（可能已停用） / is in use, maybe by a layer out of service"))
    if any(o.serial == definition.serial for o in others):
        found.append(("serial", definition.serial, "编号字母已被别的图层使用 / is another layer's"))
    return found


def create(
    counter: Counter, account: Account, definition: LayerDefinition, features: Sequence[Feature], *, note: str
) -> Revision:
    """Revision 1 of a new layer.

    Raises
    ------
    InvalidParameter, Conflict
        A definition that cannot be used.
    """
    require_usable(counter.desk.store, definition)
    revision = counter.desk.store.create_layer(definition, features, kind="upload", author=account.name, note=note)
    return _recorded(counter, account, revision)


def create_from(counter: Counter, account: Account, running: Running, *, areas: Sequence[Area], note: str) -> Revision:
    """Revision 1 of the layer a rehearsal was for, with every row that fits.

    Raises
    ------
    InvalidRequest
        The rehearsal has not ended, found nothing usable, or was without a definition.
    InvalidParameter, Conflict
        Meanwhile its id or serial came into use.
    """
    found = result(running)
    definition = definition_of(running)
    if found is None or not found.readable or definition is None or running.layer != NO_LAYER:
        raise InvalidRequest(reason="试运行没有得到可用的数据 / the rehearsal gave no usable data")
    if found.tally.accepted > LARGE:
        layer = NewLayer(definition, Path(found.changes_file), tuple(areas), account.name, note or running.kept.name)
        revision = _create_large(counter, account, layer)
    else:
        proposed = (p.after() for p in found.changes())
        whole = [with_derived(definition, feature, areas) for feature in proposed if feature is not None]
        features = [f for f in whole if not any(x.level == "block" for x in check_feature(definition, f))]
        revision = create(counter, account, definition, features, note=note or running.kept.name)
    counter.desk.drafts.keep_upload(upload_of(running.kept, found))
    return revision


def _create_large(counter: Counter, account: Account, layer: NewLayer) -> Revision:
    store = counter.desk.store
    require_usable(store, layer.definition)
    try:
        make_layer(store, layer)
    except StorageFault:
        require_usable(store, layer.definition)  # somebody else was quicker
        raise
    return _recorded(counter, account, store.layer(layer.definition.id).revision)


def _recorded(counter: Counter, account: Account, revision: Revision) -> Revision:
    counter.desk.audit.record(
        actor=account.name,
        action="layer-create",
        target=revision.layer,
        features=revision.added,
        sha256=revision.sha256,
    )
    return revision


def definition_of(running: Running) -> LayerDefinition | None:
    """The definition a dry run was asked with, from the part of its folder the worker cannot write."""
    body = (running.job.folder.path / "in" / "request.json").read_bytes()
    return msgspec.json.decode(body, type=Request).definition


def change_definition(counter: Counter, account: Account, definition: LayerDefinition, *, note: str) -> Revision:
    """The new head of a layer with other rights or titles and the same features.

    Raises
    ------
    LayerNotFound
        There is no such layer in service.
    InvalidParameter
        Something of it is wrong.
    """
    before = counter.desk.store.layer(definition.id).definition
    if not definition.title.zh.strip():
        raise InvalidParameter(name="title", value="", reason="须填中文名称 / a Chinese title is needed")
    revision = counter.desk.store.update_definition(definition, author=account.name, note=note)
    counter.desk.audit.record(
        actor=account.name,
        action="layer-change",
        target=definition.id,
        secrecy=[before.secrecy, definition.secrecy],
        four_eyes=[before.policy.four_eyes, definition.policy.four_eyes],
    )
    return revision
