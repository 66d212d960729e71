"""Which coordinate system a file is in, and why.

The stated CRS comes first; then 17 hypotheses (swapped axes, zone prefix, millimetres, degrees-minutes-seconds,
missing offsets, neighbouring zones …) by the share of vertices inside the district and the city. GCJ-02, BD-09 and
UTM 50N look "inside" all the same; they are told by the residuals against features that are known. Nothing is
re-interpreted silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy
import shapely

from geo_service.core.crs import transformer
from geo_service.core.late import pyproj
from geo_service.core.text import Text
from geo_service.ingest import gcj

Array = numpy.ndarray[Any, Any]
Move = Callable[[Array, Array], tuple[Array, Array]]
State = Literal["declared", "chosen", "assumed", "conflict", "unknown", "elsewhere", "refused", "shifted"]

CITY = (116.70, 38.55, 118.07, 40.26)
"""West, south, east, north of Tianjin in degrees."""
DISTRICT_MARGIN_M = 300.0
INSIDE, OUTSIDE = 0.95, 0.05
SAMPLE = 20_000
PREVIEW_POINTS = 60
MATCHED_MIN, FIT_M, FIT_SHARE, OTHER_SHARE = 5, 15.0, 0.30, 0.10
SHIFT_SHARE, SHIFT_MIN_M, SHIFT_RADIUS_M = 0.4, 15.0, 25.0
_M_PER_DEG_LON, _M_PER_DEG_LAT = 86_400.0, 111_020.0

_GEOGRAPHIC = frozenset({4490, 4326, 4979, 4480, 4479})
_DEGREES_TEXT = re.compile(r"(?:OGC:)?CRS84h?", re.IGNORECASE)


def _grid(code: int) -> Move:
    """From a projected CRS to degrees; WGS 84 based ones end in WGS 84, the same to within centimetres."""

    def move(x: Array, y: Array) -> tuple[Array, Array]:
        target = 4326 if code in (3857, 32650, 32651) else 4490
        lon, lat = transformer(code, target).transform(x, y)
        return lon, lat

    return move


def _same(x: Array, y: Array) -> tuple[Array, Array]:
    return x, y


def _sexagesimal(x: Array, y: Array) -> tuple[Array, Array]:
    return _from_packed(x), _from_packed(y)


def _from_packed(value: Array) -> Array:
    """Degrees of ``ddd.mmss…``."""
    degrees = numpy.floor(value)
    minutes = numpy.floor((value - degrees) * 100 + 1e-9)
    seconds = ((value - degrees) * 100 - minutes) * 100
    result: Array = degrees + minutes / 60 + seconds / 3600
    return result


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way to read coordinates: ``move`` takes them to degrees (EPSG:4490)."""

    key: str
    title: Text
    move: Move


def _projected(key: str, zh: str, en: str, code: int, change: Move = _same) -> Hypothesis:
    grid = _grid(code)
    return Hypothesis(key, Text(zh, en), lambda x, y: grid(*change(x, y)))


def _swap(x: Array, y: Array) -> tuple[Array, Array]:
    return y, x


HYPOTHESES: tuple[Hypothesis, ...] = (
    Hypothesis("4490", Text("EPSG:4490（经纬度）", "EPSG:4490 (longitude, latitude)"), _same),
    Hypothesis("4490-swapped", Text("EPSG:4490（纬度在前）", "EPSG:4490 with latitude first"), _swap),
    _projected("4548", "EPSG:4548（无带号）", "EPSG:4548 (no zone prefix)", 4548),
    _projected("4548-swapped", "EPSG:4548（X 北 Y 东）", "EPSG:4548 with axes swapped", 4548, _swap),
    _projected("4527", "EPSG:4527（带号 39）", "EPSG:4527 (zone 39)", 4527),
    _projected("4527-swapped", "EPSG:4527（带号 39，X 北 Y 东）", "EPSG:4527 with axes swapped", 4527, _swap),
    _projected("4498", "EPSG:4498（6 度带，带号 20）", "EPSG:4498 (6-degree zone 20)", 4498),
    _projected("4498-swapped", "EPSG:4498（X 北 Y 东）", "EPSG:4498 with axes swapped", 4498, _swap),
    _projected("3857", "EPSG:3857（网络墨卡托）", "EPSG:3857 (web Mercator)", 3857),
    _projected("4548-mm", "EPSG:4548（毫米）", "EPSG:4548 in mm", 4548, lambda x, y: (x / 1000, y / 1000)),
    _projected("4527-mm", "EPSG:4527（毫米）", "EPSG:4527 in mm", 4527, lambda x, y: (x / 1000, y / 1000)),
    _projected("4548-km", "EPSG:4548（公里）", "EPSG:4548 in km", 4548, lambda x, y: (x * 1000, y * 1000)),
    Hypothesis("4490-dms", Text("经纬度（度.分秒）", "degrees.minutes-seconds"), _sexagesimal),
    _projected("4548-no-east", "EPSG:4548（去掉 500 km）", "4548 less 500 km", 4548, lambda x, y: (x + 500_000, y)),
    _projected("4548-no-north", "EPSG:4548（去掉 4000 km）", "4548 less 4000 km", 4548, lambda x, y: (x, y + 4e6)),
    _projected("4549", "EPSG:4549（中央经线 120）", "EPSG:4549 (CM 120 E)", 4549),
    _projected("4547", "EPSG:4547（中央经线 114）", "EPSG:4547 (CM 114 E)", 4547),
)
"""How coordinates may be meant, likeliest first."""


def _from_baidu(x: Array, y: Array) -> tuple[Array, Array]:
    return gcj.from_gcj02(*gcj.from_bd09(x, y))


DEGREE_SHIFTS: tuple[Hypothesis, ...] = (
    Hypothesis("gcj02", Text("GCJ-02（火星坐标，高德/腾讯）", "GCJ-02 (Amap, Tencent)"), gcj.from_gcj02),
    Hypothesis("bd09", Text("BD-09（百度坐标）", "BD-09 (Baidu)"), _from_baidu),
)
"""Read from degrees only."""
UTM = _projected("32650", "EPSG:32650（UTM 50N）", "EPSG:32650 (UTM 50N)", 32650)
MORE = (_projected("4509", "EPSG:4509（6 度带，无带号）", "EPSG:4509 (6-degree, CM 117 E)", 4509), UTM)
CHOICES: Mapping[str, Hypothesis] = {h.key: h for h in (*HYPOTHESES, *DEGREE_SHIFTS, *MORE)}
"""Every reading a person may choose, by key."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many vertices a reading puts inside the district and the city, 0 to 1."""

    key: str
    title: Text
    district: float
    city: float


@dataclass(frozen=True, slots=True)
class Preview:
    """Some vertices in one reading, longitude and latitude, for a small map."""

    key: str
    title: Text
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """Residuals against known features: how many of the matched fit within 15 m once a hypothesis is undone."""

    key: str
    title: Text
    fitting: int
    matched: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrsVerdict:
    """What was found out about the coordinates; ``used`` is the key of the reading in use, empty while none is."""

    state: State
    used: str = ""
    declared: str = ""
    proposed: str = ""
    reason: Text = field(default_factory=lambda: Text("", ""))
    shares: tuple[Share, ...] = ()
    previews: tuple[Preview, ...] = ()
    fits: tuple[Fit, ...] = ()
    finding: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class District:
    """Where data may lie: the district's outline in degrees, and the city's box."""

    outline: shapely.Geometry
    city: tuple[float, float, float, float] = CITY

    @cached_property
    def area(self) -> shapely.Geometry:
        """The outline with its margin, prepared."""
        grown = shapely.buffer(self.outline, DISTRICT_MARGIN_M / _M_PER_DEG_LAT)
        shapely.prepare(grown)
        return grown

    def share(self, lon: Array, lat: Array) -> tuple[float, float]:
        """Shares of positions in the district and in the city."""
        fine = numpy.isfinite(lon) & numpy.isfinite(lat)
        x, y = numpy.where(fine, lon, 0.0), numpy.where(fine, lat, 0.0)
        west, south, east, north = self.city
        city = fine & (x >= west) & (x <= east) & (y >= south) & (y <= north)
        inside = shapely.contains_xy(self.area, x, y) & fine
        return float(inside.mean()), float(city.mean())


@dataclass(frozen=True, slots=True)
class Declared:
    """What a file states: its words, and how to read it; ``refused`` names the old datum."""

    text: str
    reading: Hypothesis | None = None
    refused: Text | None = None
    unreadable: bool = False


_OLD = (
    (r"New[ _]Beijing|新?1954新|新北京", Text("新北京 54 坐标系", "New Beijing")),
    (
        r"Beijing[ _]?(?:19)?54|Krasovsky|Krassovsky|Krassowsky|北京.{0,3}54|54.{0,4}北京",
        Text("北京 54 坐标系", "Beijing 1954"),
    ),
    (r"Xian[ _]?(?:19)?80|IAG[ _]?1975|西安.{0,3}80|80.{0,4}西安", Text("西安 80 坐标系", "Xian 1980")),
    (r"Tianjin[ _]?(?:19)?90|天津.{0,3}90|90.{0,4}天津", Text("天津 90 坐标系", "Tianjin 1990")),
)


@lru_cache(maxsize=64)
def read_declared(crs: str | None) -> Declared | None:
    """What a stated CRS means; None where nothing is stated. A name PROJ does not know costs 0.1 s each time."""
    if not crs:
        return None
    if _DEGREES_TEXT.fullmatch(crs):
        return Declared("EPSG:4326", HYPOTHESES[0])
    try:
        system = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return _by_name(crs) or Declared(crs[:60], unreadable=True)
    return _by_system(system)


def _by_name(text: str) -> Declared | None:
    found = next((datum for pattern, datum in _OLD if re.search(pattern, text, re.IGNORECASE)), None)
    return Declared(text[:60], refused=found) if found else None


def _by_system(system: pyproj.CRS) -> Declared:
    code = system.to_epsg(min_confidence=70)
    title = f"EPSG:{code}" if code else system.name[:60]
    datum = system.geodetic_crs.datum if system.geodetic_crs else None
    names = " ".join([system.name, datum.name if datum else "", system.ellipsoid.name if system.ellipsoid else ""])
    old = _by_name(names)
    if old:
        return Declared(title, refused=old.refused)
    if code in _GEOGRAPHIC or (code is None and system.is_geographic and _is_modern(names)):
        return Declared(title, HYPOTHESES[0])
    if system.is_engineering if hasattr(system, "is_engineering") else False:
        return Declared(title, unreadable=True)
    return _exactly(system, code, title, modern=_is_modern(names))


def _is_modern(names: str) -> bool:
    return bool(re.search(r"CGCS|China[ _]2000|China Geodetic|WGS[ _]?(?:19)?84|World Geodetic", names, re.IGNORECASE))


def _exactly(system: pyproj.CRS, code: int | None, title: str, *, modern: bool) -> Declared:
    """A projected CRS through PROJ: to 4490 without a ballpark, or to WGS 84 where it is built on that."""
    known = CHOICES.get(str(code))
    if known:
        return Declared(title, known)
    for target in (4490, 4326):
        try:
            moving = transformer(code or system.to_wkt(), target)
        except pyproj.exceptions.ProjError:
            continue
        if target == 4490 or modern:
            return Declared(title, Hypothesis("declared", Text(title, title), _moved(moving)))
    return Declared(title, unreadable=True)


def _moved(moving: pyproj.Transformer) -> Move:
    def move(x: Array, y: Array) -> tuple[Array, Array]:
        lon, lat = moving.transform(x, y)
        return lon, lat

    return move


def diagnose(
    coordinates: Array, crs: str | None, district: District, *, chosen: str = ""
) -> tuple[CrsVerdict, Hypothesis | None]:
    """The verdict on vertices (n × 2, in the file's own numbers) and the reading to use, None while there is none."""
    x, y = _sample(coordinates)
    declared = read_declared(crs)
    shares = _shares(x, y, district, declared)
    if chosen:
        reading = declared.reading if chosen == "declared" and declared else CHOICES.get(chosen)
        if reading:
            return _chosen(reading, declared, shares, x, y), reading
    if declared and declared.refused:
        return _refused(declared, shares), None
    if declared and declared.unreadable:
        return _unreadable(declared, shares, x, y)
    if declared and declared.reading:
        return _judge_declared(declared, declared.reading, shares, x, y)
    return _judge_undeclared(shares, x, y)


def _sample(coordinates: Array) -> tuple[Array, Array]:
    step = max(1, len(coordinates) // SAMPLE)
    picked = coordinates[::step]
    return picked[:, 0], picked[:, 1]


def _shares(x: Array, y: Array, district: District, declared: Declared | None) -> tuple[Share, ...]:
    readings = {h.key: h for h in HYPOTHESES}
    if declared and declared.reading:
        readings.setdefault(declared.reading.key, declared.reading)
    shares = []
    for reading in readings.values():
        with numpy.errstate(all="ignore"):
            lon, lat = reading.move(x, y)
            inside, city = district.share(numpy.asarray(lon), numpy.asarray(lat))
        shares.append(Share(reading.key, reading.title, round(inside, 4), round(city, 4)))
    return tuple(sorted(shares, key=lambda s: (-s.district, -s.city)))


def _share_of(shares: tuple[Share, ...], key: str) -> Share:
    return next(s for s in shares if s.key == key)


def _percent(share: float) -> int:
    return round(share * 100)


def _chosen(
    reading: Hypothesis, declared: Declared | None, shares: tuple[Share, ...], x: Array, y: Array
) -> CrsVerdict:
    return CrsVerdict(
        state="chosen",
        used=reading.key,
        declared=declared.text if declared else "",
        reason=Text(f"上传人选择按 {reading.title.zh} 解释。", f"The uploader chose {reading.title.en}."),
        shares=shares[:5],
        previews=(_preview(reading, x, y),),
        finding="crs-chosen",
        params={"used": reading.title},
    )


def _refused(declared: Declared, shares: tuple[Share, ...]) -> CrsVerdict:
    datum = declared.refused or Text("", "")
    return CrsVerdict(
        state="refused",
        declared=declared.text,
        reason=Text(
            f"文件声明的坐标系属于{datum.zh}，没有公开的精确转换。", f"{datum.en} has no public exact transformation."
        ),
        shares=shares[:3],
        finding="crs-old-datum",
        params={"declared": declared.text, "datum": datum},
    )


def _unreadable(
    declared: Declared, shares: tuple[Share, ...], x: Array, y: Array
) -> tuple[CrsVerdict, Hypothesis | None]:
    verdict = CrsVerdict(
        state="refused",
        declared=declared.text,
        proposed=shares[0].key if shares[0].district >= INSIDE else "",
        reason=Text("声明的坐标系无法精确转换到 CGCS2000。", "The stated CRS has no exact transformation to CGCS2000."),
        shares=shares[:3],
        previews=_previews(shares[:1], x, y),
        finding="crs-no-transform",
        params={"declared": declared.text},
    )
    return verdict, None


def _judge_declared(
    declared: Declared, reading: Hypothesis, shares: tuple[Share, ...], x: Array, y: Array
) -> tuple[CrsVerdict, Hypothesis | None]:
    own, best = _share_of(shares, reading.key), shares[0]
    if best.district >= INSIDE and own.district < OUTSIDE and best.key != own.key:
        return _conflict(declared, reading, shares, x, y), None
    if own.city < 0.5:
        return _elsewhere(declared, reading, shares, x, y), None
    inside = own.district >= INSIDE
    reason = Text(
        f"文件声明 {declared.text}，{_percent(own.district)}% 的顶点在本区内。",
        f"The file states “{declared.text}”; {_percent(own.district)}% of the vertices are in the district.",
    )
    verdict = CrsVerdict(
        state="declared",
        used=reading.key,
        declared=declared.text,
        reason=reason,
        shares=shares[:5],
        previews=(_preview(reading, x, y),),
        finding="" if inside else "crs-partly-outside",
        params={} if inside else {"outside": 100 - _percent(own.district)},
    )
    return verdict, reading


def _conflict(declared: Declared, reading: Hypothesis, shares: tuple[Share, ...], x: Array, y: Array) -> CrsVerdict:
    own, best = _share_of(shares, reading.key), shares[0]
    proposed = CHOICES[best.key]
    return CrsVerdict(
        state="conflict",
        declared=declared.text,
        proposed=best.key,
        reason=Text(
            f"坐标像是 {best.title.zh}，而文件声明 {declared.text}。",
            f"The coordinates look like {best.title.en}, but the file states “{declared.text}”.",
        ),
        shares=shares[:5],
        previews=(_preview(proposed, x, y), _preview(reading, x, y)),
        finding="crs-conflict",
        params={
            "proposed": best.title,
            "declared": declared.text,
            "declared_share": _percent(own.district),
            "proposed_share": _percent(best.district),
        },
    )


def _elsewhere(declared: Declared, reading: Hypothesis, shares: tuple[Share, ...], x: Array, y: Array) -> CrsVerdict:
    lon, lat = reading.move(numpy.array([numpy.median(x)]), numpy.array([numpy.median(y)]))
    return CrsVerdict(
        state="elsewhere",
        declared=declared.text,
        reason=Text("按声明的坐标系，数据不在本市。", "As stated the data are not in this city."),
        shares=shares[:3],
        previews=(_preview(reading, x, y),),
        finding="crs-elsewhere",
        params={"declared": declared.text, "x": f"{float(lon[0]):.4f}", "y": f"{float(lat[0]):.4f}"},
    )


def _judge_undeclared(shares: tuple[Share, ...], x: Array, y: Array) -> tuple[CrsVerdict, Hypothesis | None]:
    best = shares[0]
    rivals = [s for s in shares[1:] if s.district >= INSIDE]
    if best.district >= INSIDE and not rivals:
        reading = CHOICES[best.key]
        verdict = CrsVerdict(
            state="assumed",
            used=best.key,
            proposed=best.key,
            reason=Text(
                f"文件没有声明坐标系；按 {best.title.zh} 有 {_percent(best.district)}% 的顶点在本区内。",
                f"No CRS is stated; as {best.title.en} {_percent(best.district)}% of the vertices are in the district.",
            ),
            shares=shares[:5],
            previews=_previews(shares[:2], x, y),
            finding="crs-assumed",
            params={"proposed": best.title, "proposed_share": _percent(best.district)},
        )
        return verdict, reading
    verdict = CrsVerdict(
        state="unknown",
        reason=Text(
            "按任何一种解释，都没有 95% 的顶点落在本区。", "No reading puts 95% of the vertices in the district."
        ),
        shares=shares[:5],
        previews=_previews(tuple(s for s in shares[:2] if s.city > 0), x, y),
        finding="crs-unknown",
        params={"x": f"{float(x[0]):.3f}", "y": f"{float(y[0]):.3f}"},
    )
    return verdict, None


def _previews(shares: tuple[Share, ...], x: Array, y: Array) -> tuple[Preview, ...]:
    return tuple(_preview(CHOICES[s.key], x, y) for s in shares if s.key in CHOICES)


def _preview(reading: Hypothesis, x: Array, y: Array) -> Preview:
    step = max(1, len(x) // PREVIEW_POINTS)
    with numpy.errstate(all="ignore"):
        lon, lat = reading.move(x[::step], y[::step])
    points = tuple((round(float(a), 6), round(float(b), 6)) for a, b in zip(lon, lat, strict=True))
    return Preview(reading.key, reading.title, tuple(p for p in points if numpy.isfinite(p).all()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftVerdict:
    """What offsets against known features say: ``key`` of the reading that explains them, or a uniform shift."""

    key: str = ""
    fits: tuple[Fit, ...] = ()
    uniform_m: tuple[float, float] | None = None
    uniform_count: int = 0
    matched: int = 0


def diagnose_shift(known: Array, read: Array) -> ShiftVerdict:
    """Whether positions read (n × 2 degrees) are offset from the known ones as GCJ-02, BD-09 or UTM would be.

    A hypothesis is undone and pairs within 15 m are counted: it holds where at least 30 % fit and at most 10 % fit any
    other. Fewer than 5 pairs say nothing.
    """
    matched = len(known)
    if matched < MATCHED_MIN:
        return ShiftVerdict(matched=matched)
    fits = tuple(sorted(_fits(known, read), key=lambda f: -f.fitting))
    best = fits[0]
    others = max(f.fitting for f in fits[1:])
    if best.fitting >= FIT_SHARE * matched and others <= OTHER_SHARE * matched:
        return ShiftVerdict(key=best.key, fits=fits, matched=matched)
    shift, count = _uniform(_metres(read - known))
    if count >= SHIFT_SHARE * matched and float(numpy.hypot(*shift)) > SHIFT_MIN_M:
        return ShiftVerdict(fits=fits, matched=matched, uniform_m=shift, uniform_count=count)
    return ShiftVerdict(fits=fits, matched=matched)


def _fits(known: Array, read: Array) -> list[Fit]:
    lon, lat = read[:, 0], read[:, 1]
    undone: list[tuple[str, Text, tuple[Array, Array]]] = [("", Text("原样", "as it is"), (lon, lat))]
    undone += [(h.key, h.title, h.move(lon, lat)) for h in DEGREE_SHIFTS]
    undone.append((UTM.key, UTM.title, UTM.move(*transformer(4490, 4548).transform(lon, lat))))
    made = []
    for key, title, (a, b) in undone:
        residual = _metres(numpy.column_stack([a, b]) - known)
        made.append(Fit(key, title, int((numpy.hypot(residual[:, 0], residual[:, 1]) < FIT_M).sum()), len(known)))
    return made


def _metres(degrees: Array) -> Array:
    scaled: Array = degrees * numpy.array([_M_PER_DEG_LON, _M_PER_DEG_LAT])
    return scaled


def _uniform(offsets: Array, limit: int = 1000) -> tuple[tuple[float, float], int]:
    """The commonest offset and how many of the pairs share it."""
    some = offsets[:: max(1, len(offsets) // limit)]
    near = numpy.hypot(*(some[:, None, :] - some[None, :, :]).transpose(2, 0, 1)) < SHIFT_RADIUS_M
    centre = some[near[int(near.sum(axis=1).argmax())]].mean(axis=0)
    agree = numpy.hypot(*(offsets - centre).T) < SHIFT_RADIUS_M
    return (float(round(centre[0], 1)), float(round(centre[1], 1))), int(agree.sum())
