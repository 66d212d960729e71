"""How the names of a large layer sound, so that they are found by pinyin and initials: worked out once by a worker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy

from geo_service.core.columns import Column
from geo_service.storage.column_files import map_file
from geo_service.storage.elsewhere import do_elsewhere
from geo_service.storage.files import exclusive_if_free, write_file
from geo_service.storage.packing import save
from geo_service.storage.published import PublishedRevision

FOLDER = "sounds"
WAYS = ("initials", "pinyin")
NAME = "name"
_RUNS = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")


def sounds(title: str) -> dict[str, Any]:
    """Pinyin of a title, its initials, and where in the pinyin each character's syllable begins."""
    syllables = [s for run in _RUNS.findall(title) for s in (run.lower() if run.isascii() else _syllables(run))]
    starts = tuple(accumulate((len(s) for s in syllables[:-1]), initial=0)) if syllables else ()
    return {"pinyin": "".join(syllables), "initials": "".join(s[:1] for s in syllables), "starts": starts}


@lru_cache(maxsize=50_000)
def _syllables(run: str) -> tuple[str, ...]:
    """Syllables of a run of characters beyond ASCII: a character sounds as those beside it have it. Names of one layer
    share most of theirs."""
    from pypinyin import Style, lazy_pinyin  # 60 MB, needed where names are worked out only

    return tuple(s.casefold() for s in lazy_pinyin(run, style=Style.NORMAL, errors=_apart))


def _apart(text: str) -> Any:
    return list(text)


def prepare_sounds(ready: PublishedRevision) -> None:
    """Work out how the names of a revision sound, in a process of its own, where that is not known."""
    if NAME not in ready.columns:
        return
    with exclusive_if_free(ready.folder.parent / f".{ready.folder.name}.sounds.lock") as held:
        if held and not (ready.folder / FOLDER / "ready").exists():
            do_elsewhere(_make, (ready.layer, ready.rev, ready.sha256, ready.folder))


def sounding(ready: PublishedRevision, needle: str, most: int) -> Iterator[int]:
    """Codes of names that sound like a needle, at most so many by initials and by pinyin; none before that is known."""
    folder = ready.folder / FOLDER
    compact = needle.replace(" ", "").replace("'", "").replace("-", "")
    if not compact.isascii() or not compact or not (folder / "ready").exists():
        return
    first = ready.columns[NAME].first_text
    for way in WAYS:
        for at_start in (True, False):
            for code in _column(folder, way).first_containing(compact, most, at_start=at_start):
                yield code + first


def _column(folder: Path, way: str) -> Column:
    lines = numpy.load(folder / f"{way}.npy", mmap_mode="r")
    nothing = numpy.empty(0, numpy.int32)
    return Column(
        codes=nothing,
        blob=b"",
        offsets=numpy.zeros(1, numpy.int64),
        numbers=numpy.empty(0),
        texts=len(lines) - 1,
        folded=map_file(folder / f"{way}.bin"),
        lines=lines,
    )


def _make(about: tuple[str, int, str, Path]) -> None:
    """In a process of its own: a line for the sound of each distinct name."""
    ready = PublishedRevision(*about)
    column, folder = ready.columns[NAME], ready.folder / FOLDER
    codes = range(column.first_text, column.first_text + column.texts)
    found: dict[str, list[bytes]] = {way: [] for way in WAYS}
    for code in codes:
        heard = sounds(column.value(code))
        for way in WAYS:
            found[way].append(heard[way].replace("\n", " ").encode("utf-8", "replace") + b"\n")
    for way in WAYS:
        write_file(folder / f"{way}.bin", [b"".join(found[way])])
        save(folder / f"{way}.npy", numpy.concatenate(([0], numpy.cumsum([len(line) for line in found[way]]))))
    (folder / "ready").touch()
