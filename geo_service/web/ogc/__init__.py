"""OGC API: Features Parts 1 to 5, and drafts that QGIS edits live.

``/ogc`` serves what is published; changing it needs ``If-Match``. ``/ogc/drafts/<draft>`` serves one's own draft on a
fixed base revision and takes plain POST, PUT, PATCH and DELETE, for QGIS never sends ``If-Match``; the draft is then
submitted and reviewed like an upload. Requirement numbers are those of OGC 17-069r4, 18-058r1, 19-079r2, 20-002.
"""

from __future__ import annotations

from geo_service.web.ogc import documents, downloads, edits, items, processes, qgis, records, tiles, wms, wmts
from geo_service.web.ogc.places import blueprint

__all__ = (
    "blueprint",
    "documents",
    "downloads",
    "edits",
    "items",
    "processes",
    "qgis",
    "records",
    "tiles",
    "wms",
    "wmts",
)
