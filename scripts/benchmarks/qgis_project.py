"""Run by the Python of an installed QGIS: write the project of the sheet that GetPrint prints.

Arguments: a JSON file that says what is on the sheet (see ``getprint.described``), and the project to write.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
from qgis import core as q  # type: ignore[import-not-found]  # installed with QGIS only
from qgis.PyQt.QtGui import QColor, QFont  # type: ignore[import-not-found]  # as above

MM = q.QgsUnitTypes.LayoutMillimeters
POINTS_OF_MM = 72 / 25.4
FAMILY = "Noto Sans SC"
SHAPES = {"circle": "circle", "square": "square", "diamond": "diamond", "pentagon": "pentagon"}
ANGLES = {"diag": (45,), "diag2": (135,), "cross": (45, 135), "grid": (0, 90), "horizontal": (0,), "vertical": (90,)}


def main(told: dict[str, Any], target: str) -> None:
    """The project with its layers, their looks and names, one layout and its atlas."""
    project = q.QgsProject.instance()
    project.setCrs(q.QgsCoordinateReferenceSystem("EPSG:4548"))
    project.viewSettings().setMapScales([float(s) for s in told["scales"]])
    project.viewSettings().setUseProjectScales(True)
    project.writeEntry("WMSMaxAtlasFeatures", "/", 100)
    layers = [opened(each) for each in told["layers"]]
    for layer in reversed(layers):
        project.addMapLayer(layer)
    coverage = next(layer for layer in layers if layer.name() == told["atlas"])
    for name in ("sheet", "atlas"):
        layout = laid_out(project, told, layers, name)
        if name == "atlas":
            driven_by(layout, coverage, told)
        project.layoutManager().addLayout(layout)
    if not project.write(target):
        raise SystemExit(project.error())


# ---------------------------------------------------------------- layers
def opened(each: dict[str, Any]) -> Any:
    """A layer of its GeoPackage with one look per class, and its names."""
    layer = q.QgsVectorLayer(f"{each['file']}|layername={each['id']}", each["id"], "ogr")
    if not layer.isValid():
        raise SystemExit(f"{each['id']} does not open")
    looks = [q.QgsRendererCategory(found["key"], symbol(found), found["title"]) for found in each["classes"]]
    layer.setRenderer(q.QgsCategorizedSymbolRenderer("look", looks))
    if each["label"]:
        layer.setLabeling(q.QgsVectorLayerSimpleLabeling(names(each)))
        layer.setLabelsEnabled(True)
    return layer


def symbol(found: dict[str, Any]) -> Any:
    """The look of a class: shape and character, line with dashes, or fill with outline and hatch."""
    return {"point": marker, "line": line, "polygon": fill}[found["kind"]](found)


def marker(found: dict[str, Any]) -> Any:
    whole = q.QgsMarkerSymbol.createSimple(
        {"name": SHAPES[found["shape"]], "size": str(found["size"]), "outline_color": found["color"],
         "outline_width": "0.3", "color": found["color"] if found["fill"] == "full" else "#FFFFFF"}
    )  # fmt: skip
    ink = QColor("#FFFFFF" if found["fill"] == "full" else found["color"])
    whole.appendSymbolLayer(q.QgsFontMarkerSymbolLayer(FAMILY, found["glyph"], found["size"] * 0.6, ink))
    return whole


def line(found: dict[str, Any]) -> Any:
    whole = q.QgsLineSymbol.createSimple({"color": found["color"], "width": str(found["size"])})
    if found["dash"]:
        whole.symbolLayer(0).setUseCustomDashPattern(True)
        whole.symbolLayer(0).setCustomDashVector(found["dash"])
    return whole


def fill(found: dict[str, Any]) -> Any:
    colour = QColor(found["color"])
    red, green, blue, alpha = colour.red(), colour.green(), colour.blue(), round(255 * found["fill"])
    whole = q.QgsFillSymbol.createSimple({"color": f"{red},{green},{blue},{alpha}", "outline_style": "no"})
    for angle in ANGLES.get(found["hatch"], (45,) if found["hatch"] else ()):
        hatch = q.QgsLinePatternFillSymbolLayer()
        hatch.setLineAngle(angle)
        hatch.setDistance(1.6)
        hatch.setSubSymbol(q.QgsLineSymbol.createSimple({"color": found["color"], "width": "0.15"}))
        whole.appendSymbolLayer(hatch)
    outline = q.QgsSimpleLineSymbolLayer(colour, found["size"])
    if found["dash"]:
        outline.setUseCustomDashPattern(True)
        outline.setCustomDashVector(found["dash"])
    whole.appendSymbolLayer(outline)
    return whole


def text_format(size_mm: float, *, bold: bool = False, colour: str = "#1A202C") -> Any:
    made = q.QgsTextFormat()
    font = QFont(FAMILY)
    font.setBold(bold)
    made.setFont(font)
    made.setNamedStyle("Bold" if bold else "Regular")
    made.setSize(size_mm)
    made.setSizeUnit(q.QgsUnitTypes.RenderMillimeters)
    made.setColor(QColor(colour))
    return made


def names(each: dict[str, Any]) -> Any:
    """Names with a white halo, where our sheet has them: around points, in areas, along lines."""
    style = text_format(each["label"]["size"], bold=each["label"]["bold"], colour=each["label"]["color"])
    halo = q.QgsTextBufferSettings()
    halo.setEnabled(True)
    halo.setSize(0.4)
    halo.setSizeUnit(q.QgsUnitTypes.RenderMillimeters)
    halo.setColor(QColor("#FFFFFF"))
    style.setBuffer(halo)
    made = q.QgsPalLayerSettings()
    made.setFormat(style)
    made.fieldName = each["label"]["field"]
    made.priority = each["label"]["priority"]
    made.mergeLines = each["kind"] == "line"
    kinds = {"point": made.OrderedPositionsAroundPoint, "line": made.Curved, "polygon": made.Horizontal}
    made.placement = kinds[each["kind"]]
    return made


# ---------------------------------------------------------------- the sheet
def laid_out(project: Any, told: dict[str, Any], layers: list[Any], name: str) -> Any:
    """The A3 sheet block by block, at the millimetres of ours."""
    layout = q.QgsPrintLayout(project)
    layout.initializeDefaults()
    layout.setName(name)
    layout.pageCollection().page(0).setPageSize(q.QgsLayoutSize(*told["paper"], MM))
    frame = placed(layout, q.QgsLayoutItemMap(layout), told["frame"])
    frame.setLayers(layers)
    frame.setKeepLayerSet(True)
    frame.setExtent(q.QgsRectangle(*told["bounds"]))
    frame.setFrameEnabled(True)
    kilometres(frame)
    frame.setId("map0")
    inset = placed(layout, q.QgsLayoutItemMap(layout), (324, 180, 50, 46))
    inset.setLayers([layer for layer in layers if layer.name() in ("boundary", "subdistricts")])
    inset.setId("map1")
    inset.setKeepLayerSet(True)
    inset.setExtent(q.QgsRectangle(*told["district"]))
    inset.overview().setLinkedMap(frame)
    legend(layout, frame)
    table(layout, frame, next((x for x in layers if x.name() == told["table"]), None), told["columns"])
    bar(layout, frame)
    arrow = placed(layout, q.QgsLayoutItemPicture(layout), (295.8, 30.4, 16, 20))
    arrow.setPicturePath("/usr/share/qgis/svg/arrows/NorthArrow_02.svg")
    for text, size, box in told["texts"]:
        write(layout, text, size, box)
    return layout


def placed(layout: Any, item: Any, box: tuple[float, ...]) -> Any:
    layout.addLayoutItem(item)
    item.attemptMove(q.QgsLayoutPoint(box[0], box[1], MM))
    item.attemptResize(q.QgsLayoutSize(box[2], box[3], MM))
    return item


def write(layout: Any, text: str, size_mm: float, box: tuple[float, ...]) -> None:
    label = placed(layout, q.QgsLayoutItemLabel(layout), box)
    label.setText(text)
    label.setFont(font_of(size_mm))


def font_of(size_mm: float) -> Any:
    font = QFont(FAMILY)
    font.setPointSizeF(size_mm * POINTS_OF_MM)
    return font


def kilometres(frame: Any) -> None:
    """Crosses of the kilometre grid with coordinates in the gutter."""
    grid = q.QgsLayoutItemMapGrid("km", frame)
    grid.setIntervalX(1000)
    grid.setIntervalY(1000)
    grid.setStyle(q.QgsLayoutItemMapGrid.Cross)
    grid.setAnnotationEnabled(True)
    grid.setAnnotationFont(font_of(2.0))
    grid.setAnnotationPrecision(0)
    frame.grids().addGrid(grid)


def legend(layout: Any, frame: Any) -> None:
    """What is in the frame, in two columns."""
    made = placed(layout, q.QgsLayoutItemLegend(layout), (324, 26.8, 86, 100))
    made.setLinkedMap(frame)
    made.setAutoUpdateModel(True)
    made.setLegendFilterByMapEnabled(True)
    made.setColumnCount(2)
    for style in (q.QgsLegendStyle.Group, q.QgsLegendStyle.Subgroup, q.QgsLegendStyle.SymbolLabel):
        made.setStyleFont(style, font_of(2.5))
    made.setTitle("图例")


def table(layout: Any, frame: Any, layer: Any, columns: list[str]) -> None:
    """The rows of what the map shows, 40 at the most."""
    if layer is None:
        return
    made = q.QgsLayoutItemAttributeTable.create(layout)
    layout.addMultiFrame(made)
    made.setVectorLayer(layer)
    made.setMap(frame)
    made.setDisplayOnlyVisibleFeatures(True)
    made.setMaximumNumberOfFeatures(40)
    made.setDisplayedFields(columns)
    made.setContentTextFormat(text_format(2.2))
    made.setHeaderTextFormat(text_format(2.2, bold=True))
    part = q.QgsLayoutFrame(layout, made)
    part.attemptMove(q.QgsLayoutPoint(324, 128, MM))
    part.attemptResize(q.QgsLayoutSize(86, 50, MM))
    made.addFrame(part)


def bar(layout: Any, frame: Any) -> None:
    made = placed(layout, q.QgsLayoutItemScaleBar(layout), (19, 263.6, 60, 10))
    made.setLinkedMap(frame)
    made.setUnits(q.QgsUnitTypes.DistanceKilometers)
    made.setUnitsPerSegment(1)
    made.setUnitLabel("km")
    made.setTextFormat(text_format(2.5))


def driven_by(layout: Any, coverage: Any, told: dict[str, Any]) -> None:
    """A page per subdistrict at the smallest of our scales that holds it."""
    atlas = layout.atlas()
    atlas.setCoverageLayer(coverage)
    atlas.setPageNameExpression("name")
    atlas.setEnabled(True)
    frame = layout.itemById("map0")
    frame.setAtlasDriven(True)
    frame.setAtlasScalingMode(q.QgsLayoutItemMap.Predefined)
    layout.reportContext().setPredefinedScales([float(s) for s in told["scales"]])


if __name__ == "__main__":
    application = q.QgsApplication([], False)  # QGIS's own signature: no windows
    application.initQgis()
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")), sys.argv[2])
