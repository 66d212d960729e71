"""Run by the Python of an installed QGIS: read a layer of the service, edit it, say what came of it as JSON.

Arguments: address that ends before ``/collections``, layer, account, token, ``read`` or ``edit``.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from qgis.core import (  # type: ignore[import-not-found]  # installed with QGIS only
    Qgis,
    QgsApplication,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsPointXY,
    QgsVectorDataProvider,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDate  # type: ignore[import-not-found]  # installed with QGIS only

NEW = {"name": "QGIS新增", "precision": "guess", "source": "QGIS", "count": 7}
CHANGED = {"name": "改名", "updated_at": QDate(2025, 3, 1), "error_m": 2.5, "plan_status": "planned"}
"""Fields no feature had a value in, too."""


def opened(address: str, layer: str, name: str, token: str) -> Any:
    account = f" username='{name}' password='{token}'" if token else ""
    found = QgsVectorLayer(f"url='{address}' typename='{layer}'{account}", layer, "OAPIF")
    if not found.isValid():
        raise SystemExit(found.error().message() or "the layer does not open")
    return found


def rows(layer: Any, request: Any = None) -> list[dict[str, Any]]:
    names = [f.name() for f in layer.fields()]
    found = layer.getFeatures(request) if request else layer.getFeatures()
    return [
        {n: v if isinstance(v, (str, int, float)) else None for n, v in zip(names, f.attributes())}  # noqa: B905  # QGIS's Python may be older
        | {"x": f.geometry().asPoint().x() if f.hasGeometry() else None}
        for f in found
    ]


def edit(layer: Any) -> None:
    """Add, change, move and delete; on an empty layer only the first."""
    before = list(layer.getFeatures())
    wanted = QgsVectorDataProvider.AddFeatures | QgsVectorDataProvider.ChangeGeometries
    assert layer.dataProvider().capabilities() & wanted == wanted, "the pencil is grey"
    layer.startEditing()
    new = QgsFeature(layer.fields())
    new.setGeometry(QgsGeometry.fromPointXY(QgsPointXY(511_000.25, 4_330_000.5)))
    for name, value in NEW.items():
        new[name] = value
    assert layer.addFeature(new)
    if before:
        for name, value in CHANGED.items():
            layer.changeAttributeValue(before[1].id(), layer.fields().indexOf(name), value)
        point = before[2].geometry().asPoint()
        layer.changeGeometry(before[2].id(), QgsGeometry.fromPointXY(QgsPointXY(point.x() + 10, point.y())))
        layer.deleteFeature(before[3].id())
    assert layer.commitChanges(), layer.commitErrors()


def main() -> None:
    address, name, account, token, what = sys.argv[1:]
    application = QgsApplication([], False)
    application.initQgis()
    layer = opened(address, name, account, token)
    if what == "edit":
        edit(layer)
        layer = opened(address, name, account, token)
    few = QgsFeatureRequest().setFilterExpression('"count" < 5 and "name" like \'点%\'')
    told = {
        "version": Qgis.QGIS_VERSION_INT,
        "crs": layer.crs().authid(),
        "count": layer.featureCount(),
        "rows": rows(layer),
        "few": len(rows(layer, few)),
        "fields": {f.name(): f.typeName() for f in layer.fields()},
    }
    sys.stdout.write(json.dumps(told, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    os._exit(0)  # QGIS crashes while it is taken down when a layer is still known to Python


main()
