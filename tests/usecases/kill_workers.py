"""A process that receives, drafts, publishes and exports until the kill -9 test kills it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import random
from collections.abc import Iterator
from pathlib import Path

from geo_service.core.access import Account, Grant
from geo_service.core.drafts import DraftChange
from geo_service.core.features import Feature
from geo_service.core.query import Query
from geo_service.core.revisions import Revision
from geo_service.deployment import Deployment, open_deployment
from geo_service.errors import StaleRevision
from geo_service.settings import Settings, read_settings
from geo_service.storage.store import LayerStore
from geo_service.usecases import downloads, review

LAYER = "schools"
FEATURES = 60
SENDER = Account(name="sender", display="李工", grants=(Grant("editor"),))
CHECKER = Account(name="checker", display="王科", grants=(Grant("reviewer"),))
FORMATS = ("geojson", "csv", "kml", "xlsx")


def settings(home: Path) -> Settings:
    """A deployment without the layers shipped, on the database that was chosen for this home."""
    chosen = home.with_suffix(".database")
    return read_settings(
        {
            "GEO_SERVICE_HOME": str(home),
            "GEO_SERVICE_LAYERS": str(home.parent / "no-layers"),
            "GEO_SERVICE_DATABASE": chosen.read_text() if chosen.exists() else "",
        }
    )


def work(home: Path, worker: int) -> None:
    """Do everything again and again; each thing is written down only once it was acknowledged."""
    deployment = open_deployment(settings(home))
    chance = random.Random(os.getpid())
    with (home.parent / f"acknowledged.{worker}").open("a") as acknowledged:
        while True:
            for line in _round(deployment, chance, worker):
                acknowledged.write(line + "\n")
                acknowledged.flush()


def _publish(desk: review.Desk, store: LayerStore, draft_id: str) -> Revision:
    """Look and publish; look again where another process published in between."""
    while True:
        with contextlib.suppress(StaleRevision):
            return review.publish(desk, CHECKER, draft_id, seen_head=store.layer(LAYER).revision.rev)


def _round(deployment: Deployment, chance: random.Random, worker: int) -> Iterator[str]:
    body = chance.randbytes(chance.randrange(1, 400_000))
    kept = deployment.counter.evidence.receive(io.BytesIO(body), "a.geojson", SENDER)
    yield f"upload {kept.id} {hashlib.sha256(body).hexdigest()}"
    desk, store = deployment.counter.desk, deployment.store
    head = store.layer(LAYER).revision.rev
    fid = f"NK-SCH-{worker * FEATURES // 2 + chance.randrange(FEATURES // 2):03d}"
    before = store.feature(LAYER, fid, head)
    token = f"{worker}-{os.getpid()}-{chance.random()}"
    after = Feature(fid, {**before.properties, "name": token}, before.geometry)
    change = DraftChange(fid=fid, operation="modify", after=after, base_rev=head)
    draft = review.create_draft(desk, SENDER, LAYER, [change], mode="upsert", note=token, base_rev=head)
    yield f"draft {draft.id} {token}"
    review.take_step(desk, SENDER, draft.id, "submit")
    review.decide(desk, CHECKER, draft.id, [fid], "accept")
    yield f"submitted {draft.id} {token}"
    made = _publish(desk, store, draft.id)
    yield f"published {draft.id} {made.rev} {fid} {token}"
    state = store.layer(LAYER)
    order = downloads.order(state.definition, state.revision, chance.choice(FORMATS), None, Query())
    path = downloads.fulfil(order, deployment.views, deployment.downloads)
    yield f"exported {path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
