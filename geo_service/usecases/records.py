"""Metadata of layers: OGC API Records (20-004r1) as GeoJSON, ISO 19139 as XML. Both say how far to trust positions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from geo_service.core.layers import LayerDefinition, Theme
from geo_service.storage.store import LayerState
from geo_service.usecases.downloads import FALLBACK, offered
from geo_service.usecases.markup import Element, tag, write
from geo_service.usecases.ogc import BASE, GEOJSON, HTML, JSON, link
from geo_service.usecases.ogc_tiles import SCHEME
from geo_service.usecases.summary import Summary
from geo_service.usecases.views import RevisionViews

ISO = "application/xml"
OWNER = "天津市南开区发展和改革委员会"
_TOPICS: dict[Theme, str] = {
    "projects": "planningCadastre",
    "resilience": "environment",
    "public": "society",
    "transport": "transportation",
    "economy": "economy",
    "reference": "boundaries",
}
"""Themes as topic categories of ISO 19115, B.5.27."""
_CODELIST = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml"
_SECURITY = {"public": "unclassified", "internal": "restricted"}


def catalogue(
    states: Sequence[LayerState], views: RevisionViews, *, text: str, limit: int, offset: int
) -> dict[str, Any]:
    """A page of the records of layers whose id, names, words or source hold a text."""
    found = [s for s in states if text.casefold() in _searched(s.definition)]
    page = found[offset : offset + limit]
    return {
        "type": "FeatureCollection",
        "numberMatched": len(found),
        "numberReturned": len(page),
        "features": [record(state, views) for state in page],
        "links": [link(f"{BASE}/records", "self", GEOJSON), link("/layers", "alternate", HTML)],
    }


def _searched(definition: LayerDefinition) -> str:
    parts = (definition.id, *_names(definition), definition.source, *(f.title.zh for f in definition.all_fields))
    return "\n".join(parts).casefold()


def _names(definition: LayerDefinition) -> tuple[str, ...]:
    title, description = definition.title, definition.description
    return (title.zh, title.en, description.zh, description.en)


def record(state: LayerState, views: RevisionViews) -> dict[str, Any]:
    """The record of a layer (record core, clause 7)."""
    definition, revision = state.definition, state.revision
    summary = views.summary(definition, revision)
    west, south, east, north = summary.bbox or FALLBACK
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "id": definition.id,
        "conformsTo": ["http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"],
        "time": None,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "type": "dataset",
            "title": definition.title.zh,
            "description": definition.description.zh or definition.title.zh,
            "titles": {"zh": definition.title.zh, "en": definition.title.en},
            "keywords": [definition.title.en, definition.theme, *definition.commitments],
            "language": {"code": "zh"},
            "updated": revision.at,
            "formats": [{"name": f.title.en, "mediaType": f.media_type} for f in offered(definition)],
            "contacts": [{"organization": OWNER, "roles": ["owner"]}],
            "license": "restricted" if definition.secrecy == "internal" else "other",
            "source": definition.source,
            "lineage": lineage(definition, summary),
            "revision": revision.rev,
            "count": summary.count,
            "precisions": dict(summary.precisions),
        },
        "links": _links(definition),
    }


def lineage(definition: LayerDefinition, summary: Summary) -> str:
    """Where a layer comes from, and how many of its positions are surveyed, illustrative or missing."""
    counts = summary.precisions
    told = f"共 {summary.count} 个要素：实测 {counts.get('surveyed', 0)}，示意 {summary.illustrative}，"
    return f"{definition.source}。{told}待落图 {counts.get('unlocated', 0)}。示意位置不得作为测绘成果使用。"


def _links(definition: LayerDefinition) -> list[dict[str, str]]:
    layer = f"{BASE}/collections/{definition.id}"
    files = (
        link(f"{BASE}/download/{definition.id}.{f.key}", "enclosure", f.media_type, f.title.zh)
        for f in offered(definition)
    )
    return [
        link(f"{BASE}/records/{definition.id}", "self", GEOJSON),
        link(f"{BASE}/records/{definition.id}?f=iso19139", "alternate", ISO, "ISO 19139"),
        link(f"/layers/{definition.id}", "alternate", HTML, definition.title.zh),
        link(f"{BASE}/records", "collection", GEOJSON),
        link(layer, "item", JSON, "OGC API Features"),
        link(f"{layer}/tiles/{SCHEME}/tilejson", "item", JSON, "TileJSON"),
        *files,
    ]


# ---- ISO 19139


def iso_19139(host: str, state: LayerState, views: RevisionViews) -> bytes:
    """A layer's metadata as an ISO 19139 document (profile of ISO 19115:2003), in Chinese."""
    definition, revision = state.definition, state.revision
    summary = views.summary(definition, revision)
    root = tag(
        "gmd:MD_Metadata",
        _text("gmd:fileIdentifier", definition.id),
        tag("gmd:language", _code("gmd:LanguageCode", "chi")),
        tag("gmd:characterSet", _code("gmd:MD_CharacterSetCode", "utf8")),
        tag("gmd:hierarchyLevel", _code("gmd:MD_ScopeCode", "dataset")),
        tag("gmd:contact", _party("pointOfContact")),
        tag("gmd:dateStamp", tag("gco:DateTime", revision.at.removesuffix("Z"))),
        _text("gmd:metadataStandardName", "ISO 19115:2003/19139"),
        _text("gmd:metadataStandardVersion", "1.0"),
        *(tag("gmd:referenceSystemInfo", _reference_system(code)) for code in (4490, 4548)),
        tag("gmd:identificationInfo", _identification(state, summary)),
        tag("gmd:distributionInfo", _distribution(host, definition)),
        tag("gmd:dataQualityInfo", _quality(definition, summary)),
        xmlns__gmd="http://www.isotc211.org/2005/gmd",
        xmlns__gco="http://www.isotc211.org/2005/gco",
        xmlns__gml="http://www.opengis.net/gml",
        xmlns__xlink="http://www.w3.org/1999/xlink",
    )
    return write(root)


def _text(name: str, value: str) -> Element:
    return tag(name, tag("gco:CharacterString", value))


def _code(name: str, value: str) -> Element:
    return tag(name, value, codeList=f"{_CODELIST}#{name.partition(':')[2]}", codeListValue=value)


def _party(role: str) -> Element:
    return tag(
        "gmd:CI_ResponsibleParty",
        _text("gmd:organisationName", OWNER),
        tag("gmd:role", _code("gmd:CI_RoleCode", role)),
    )


def _reference_system(code: int) -> Element:
    identifier = tag("gmd:RS_Identifier", _text("gmd:code", str(code)), _text("gmd:codeSpace", "EPSG"))
    return tag("gmd:MD_ReferenceSystem", tag("gmd:referenceSystemIdentifier", identifier))


def _identification(state: LayerState, summary: Summary) -> Element:
    definition, revision = state.definition, state.revision
    date = tag(
        "gmd:CI_Date",
        tag("gmd:date", tag("gco:Date", revision.at[:10])),
        tag("gmd:dateType", _code("gmd:CI_DateTypeCode", "revision")),
    )
    citation = tag(
        "gmd:CI_Citation",
        _text("gmd:title", definition.title.zh),
        _text("gmd:alternateTitle", definition.title.en),
        tag("gmd:date", date),
        _text("gmd:edition", f"r{revision.rev}"),
    )
    return tag(
        "gmd:MD_DataIdentification",
        tag("gmd:citation", citation),
        _text("gmd:abstract", definition.description.zh or definition.title.zh),
        tag("gmd:status", _code("gmd:MD_ProgressCode", "onGoing")),
        tag("gmd:pointOfContact", _party("owner")),
        tag("gmd:descriptiveKeywords", _keywords(definition)),
        tag("gmd:resourceConstraints", _security(definition)),
        tag("gmd:spatialRepresentationType", _code("gmd:MD_SpatialRepresentationTypeCode", "vector")),
        tag("gmd:language", _code("gmd:LanguageCode", "chi")),
        tag("gmd:characterSet", _code("gmd:MD_CharacterSetCode", "utf8")),
        tag("gmd:topicCategory", tag("gmd:MD_TopicCategoryCode", _TOPICS[definition.theme])),
        tag("gmd:extent", _extent(summary.bbox or FALLBACK)),
    )


def _keywords(definition: LayerDefinition) -> Element:
    words = (definition.title.zh, definition.title.en, *definition.commitments)
    return tag("gmd:MD_Keywords", *(_text("gmd:keyword", word) for word in words))


def _security(definition: LayerDefinition) -> Element:
    code = _code("gmd:MD_ClassificationCode", _SECURITY[definition.secrecy])
    return tag("gmd:MD_SecurityConstraints", tag("gmd:classification", code))


def _extent(bbox: Iterable[float]) -> Element:
    west, south, east, north = bbox
    names = ("westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude")
    sides = zip(names, (west, east, south, north), strict=True)
    box = tag("gmd:EX_GeographicBoundingBox", *(tag(f"gmd:{n}", tag("gco:Decimal", f"{v:.7f}")) for n, v in sides))
    return tag("gmd:EX_Extent", tag("gmd:geographicElement", box))


def _distribution(host: str, definition: LayerDefinition) -> Element:
    formats = (
        tag("gmd:MD_Format", _text("gmd:name", f.title.en), tag("gmd:version", gco__nilReason="inapplicable"))
        for f in offered(definition)
    )
    places = [
        (f"{host}{BASE}/collections/{definition.id}", "OGC API Features", definition.title.zh),
        (f"{host}{BASE}/wms?SERVICE=WMS&REQUEST=GetCapabilities", "OGC:WMS", definition.id),
        *((f"{host}{BASE}/download/{definition.id}.{f.key}", "WWW:DOWNLOAD", f.title.en) for f in offered(definition)),
    ]
    online = (tag("gmd:onLine", _online(*place)) for place in places)
    transfer = tag("gmd:transferOptions", tag("gmd:MD_DigitalTransferOptions", *online))
    return tag("gmd:MD_Distribution", *(tag("gmd:distributionFormat", f) for f in formats), transfer)


def _online(url: str, protocol: str, name: str) -> Element:
    return tag(
        "gmd:CI_OnlineResource",
        tag("gmd:linkage", tag("gmd:URL", url)),
        _text("gmd:protocol", protocol),
        _text("gmd:name", name),
    )


def _quality(definition: LayerDefinition, summary: Summary) -> Element:
    scope = tag("gmd:DQ_Scope", tag("gmd:level", _code("gmd:MD_ScopeCode", "dataset")))
    statement = tag("gmd:LI_Lineage", _text("gmd:statement", lineage(definition, summary)))
    return tag("gmd:DQ_DataQuality", tag("gmd:scope", scope), tag("gmd:lineage", statement))
