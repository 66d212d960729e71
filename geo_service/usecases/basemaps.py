"""The bureau's own basemaps: what the map page is told of them, and their tiles."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from geo_service.core.basemaps import BasemapSource
from geo_service.errors import BasemapNotFound, BasemapUnavailable
from geo_service.rendering.tile_pictures import media_type, mercator_picture
from geo_service.storage.tile_file import TileFile, open_tile_file
from geo_service.storage.tile_service import fetch, tile_url
from geo_service.usecases.memo import Memo

KEPT_BYTES = 32 << 20
"""Pictures of services kept in memory, so that many readers are one request."""
REST_S = 30
"""How long a service that failed is left alone: its readers are told at once instead of waiting."""
PATIENCE_S = 2
"""How long a request waits for its turn while others wait for a service."""


class Basemaps:
    """The configured basemaps and the pictures of their tiles; any number of threads may ask.

    A slow or silent service must not stop the map: at most ``waiting`` requests wait for services at a time, and one
    that failed is not asked again for 30 s. Pictures are kept for the rest of the day.
    """

    def __init__(
        self, sources: Sequence[BasemapSource], *, now: Callable[[], datetime.datetime], waiting: int = 4
    ) -> None:
        self.sources = {source.id: source for source in sources}
        self._now = now
        self._turns = threading.BoundedSemaphore(waiting)
        self._resting: dict[str, tuple[datetime.datetime, str]] = {}
        self._files: Memo[TileFile] = Memo(64)
        self._pictures: Memo[bytes] = Memo(KEPT_BYTES, lambda data: len(data) + 100)

    @property
    def services(self) -> tuple[BasemapSource, ...]:
        """The basemaps this server asks another host for."""
        return tuple(source for source in self.sources.values() if not source.is_file)

    def described(self) -> list[dict[str, Any]]:
        """What a browser may know of each: never its address, path or key."""
        return [
            {
                "id": source.id,
                "title": {"zh": source.title.zh, "en": source.title.en},
                "attribution": source.attribution,
                "review_number": source.review_number,
                "tiles": [f"/basemaps/{source.id}/{number}" for number, _ in enumerate(source.tile_layers)],
                "min_zoom": source.min_zoom,
                "max_zoom": source.max_zoom,
                "default": source.default,
            }
            for source in self.sources.values()
        ]

    def tile(self, basemap_id: str, number: int, z: int, x: int, y: int) -> tuple[bytes, str]:
        """A tile of a layer of a basemap with its media type; empty where there is none.

        Raises
        ------
        BasemapNotFound
            No such basemap, or it has no layer of this number.
        BasemapUnavailable
            The service does not answer, or with something else than a picture.
        """
        source = self.sources.get(basemap_id)
        if source is None or number >= len(source.tile_layers):
            raise BasemapNotFound(basemap=basemap_id)
        if not source.min_zoom <= z <= source.max_zoom:
            return b"", ""
        data = self._data(source, source.tile_layers[number], z, x, y)
        kind = media_type(data)
        if data and not kind:
            raise BasemapUnavailable(basemap=source.id, reason="不是图片 / not a picture")
        return data, kind

    def _data(self, source: BasemapSource, layer: str, z: int, x: int, y: int) -> bytes:
        if source.is_file:
            return self._files.get(source.id, lambda: open_tile_file(Path(source.url))).tile(z, x, y)
        if source.grid != "cgcs2000":
            return self._fetched(source, layer, z, x, y)
        key = (source.id, layer, z, x, y, self._now().date(), "mercator")
        return self._pictures.get(key, lambda: self._mercator(source, layer, z, x, y))

    def _mercator(self, source: BasemapSource, layer: str, z: int, x: int, y: int) -> bytes:
        try:
            return mercator_picture(z, y, lambda row: self._fetched(source, layer, z, x, row))
        except (OSError, ValueError) as error:
            raise BasemapUnavailable(basemap=source.id, reason=str(error)[:80]) from None

    def _fetched(self, source: BasemapSource, layer: str, z: int, x: int, y: int) -> bytes:
        key = (source.id, layer, z, x, y, self._now().date())
        return self._pictures.get(key, lambda: self._asked(source, tile_url(source, layer, z, x, y)))

    def _asked(self, source: BasemapSource, url: str) -> bytes:
        since, reason = self._resting.get(source.id, (None, ""))
        if since and (self._now() - since).total_seconds() < REST_S:
            raise BasemapUnavailable(basemap=source.id, reason=reason)
        if not self._turns.acquire(timeout=PATIENCE_S):
            raise BasemapUnavailable(basemap=source.id, reason="排队的请求太多 / too many requests waiting")
        try:
            return fetch(url, basemap=source.id)
        except BasemapUnavailable as error:
            self._resting[source.id] = (self._now(), str(error.params["reason"]))
            raise
        finally:
            self._turns.release()
