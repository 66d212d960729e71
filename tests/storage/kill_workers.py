"""Processes that the kill -9 test starts and kills."""

from __future__ import annotations

import datetime
import json
import os
import random
from pathlib import Path

from geo_service.core.features import Feature
from geo_service.errors import EditConflict
from geo_service.storage import store as store_module
from geo_service.storage.publisher import Publisher
from geo_service.storage.store import LayerStore, open_store
from tests.storage.store_samples import point

FEATURES = 300
HOT = 20
"""So many features are fought over by all writers."""


def url(home: Path) -> str:
    """The database the test chose for this home."""
    return (home.parent / "database_url").read_text()


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def write(home: Path, worker: int) -> None:
    """Count a hot feature up, acknowledge, and again, until killed. Odd workers publish by the background thread."""
    if worker % 2:
        store_module.PUBLISHED_AT_ONCE, store_module.PUBLISH_DELAY_S = -1, 0.0
    store = open_store(url(home), home, now)
    publisher = Publisher(store, home)
    chance = random.Random(os.getpid())
    with (home.parent / f"acknowledged.{worker}").open("a") as acknowledged:
        while True:
            try:
                rev, fid, token = _count_up(store, chance, worker)
            except EditConflict:
                continue
            acknowledged.write(f"{rev} {fid} {token}\n")
            acknowledged.flush()
            if chance.random() < 0.2:
                publisher.revision("schools").path(chance.choice(["gzip", "br"]))


def _count_up(store: LayerStore, chance: random.Random, worker: int) -> tuple[int, str, str]:
    base = store.layer("schools").revision.rev
    before = store.feature("schools", point(chance.randrange(HOT)).id, base)
    token = f"{worker}-{os.getpid()}-{chance.random()}"
    properties = {**before.properties, "pupils": before.properties["pupils"] + 1, "name": token}
    after = Feature(before.id, properties, before.geometry)
    made = store.commit("schools", {after.id: after}, base=base, kind="edit", author=token, note="")
    return made.rev, after.id, token


def read(home: Path) -> None:
    """Read the published file again and again; leave a note of anything torn, short or going back."""
    path, last, count = home / "layers" / "schools.geojson", 0, 0
    while True:
        data = path.read_bytes()
        try:
            body = json.loads(data)
            rev, found = body["geo_service"]["rev"], len(body["features"])
        except ValueError as error:
            _note(home, "torn", repr(error))
            continue
        if found != FEATURES or rev < last:
            _note(home, "torn", f"{found} features, revision {rev} after {last}")
        last, count = rev, count + 1
        if count % 20 == 0:
            _replace(home.parent / "reads", str(count))


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all: the process may be killed at any moment."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def _note(home: Path, name: str, text: str) -> None:
    with (home.parent / name).open("a") as file:
        file.write(f"{text}\n")
