"""A table of people by subdistrict or community, matched by name to the areas of a layer."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from geo_service.core.features import Feature
from geo_service.core.layers import Field, LayerDefinition
from geo_service.core.text import Text
from geo_service.core.validation import Finding, register

Row = tuple[int, Sequence[str]]

FIELD, SOURCE, DATE = "population", "population_source", "population_date"
FIELDS = (
    Field(key=FIELD, title=Text("人口", "Population"), type="integer", unit="人", minimum=0),
    Field(key=SOURCE, title=Text("人口来源", "Source of the population")),
    Field(key=DATE, title=Text("人口截至", "Population as of"), type="date"),
)
"""What a table of people fills; a layer that lacks these fields gets them."""

MOST_PEOPLE = 10_000_000
HEADER_ROWS = 20
NAME_TITLES = frozenset(
    {"名称", "街道", "街道名称", "街镇", "社区", "社区名称", "单位", "地区", "name", "subdistrict", "community", "area"}
)
TOTALS = frozenset({"合计", "总计", "小计", "全区", "南开区", "total", "sum"})
ENDINGS = ("社区居民委员会", "社区居委会", "居委会", "街道办事处", "办事处", "街道", "社区", "街")

register(
    {
        "people-no-header": (
            "block",
            Text(
                "表头不对：前 20 行中须有一行含名称列（如“街道”“社区”）和人口列（标题含“人口”）；现第一行为：{found}",
                "no header: within 20 rows there must be a column of names (街道, name) and one of people (人口, "
                "population); the first row has: {found}",
            ),
        ),
        "people-two-columns": (
            "block",
            Text(
                "有几列都像人口：{found}；请只留一列，或把标题改为“人口”",
                "several columns look like people: {found}; keep one, or call it population",
            ),
        ),
        "people-unknown-name": (
            "block",
            Text("图层中没有“{value}”{near}；请改名", "the layer has no “{value}”{near_en}; correct the name"),
        ),
        "people-ambiguous": (
            "block",
            Text(
                "“{value}”在图层中有 {count} 个；请写全称", "“{value}” is {count} areas of the layer; write it in full"
            ),
        ),
        "people-duplicate": (
            "block",
            Text("“{value}”与第 {first} 行重复；请只留一行", "“{value}” repeats row {first}; keep one of them"),
        ),
        "people-not-a-number": (
            "block",
            Text(
                "“{area}”的人口“{value}”不是 0 至 10 000 000 的整数；请填人数，不写“万”",
                "“{area}” has “{value}” people, not a whole number from 0 to 10 000 000; write heads, not 万",
            ),
        ),
        "people-empty": (
            "warn",
            Text("“{area}”没有填人口，按未知处理", "“{area}” has no number; its population stays unknown"),
        ),
        "people-no-rows": ("block", Text("表头之下没有数据行", "there is no row below the header")),
        "people-total": ("fixed", Text("“{value}”是合计行，未采用", "“{value}” is a total and was left out")),
        "people-short-name": ("fixed", Text("“{value}”按“{area}”采用", "“{value}” was taken as “{area}”")),
        "people-missing": (
            "warn",
            Text(
                "表中没有 {count} 个分区，其人口记为未知：{names}",
                "the table lacks {count} areas, whose population becomes unknown: {names}",
            ),
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Reading:
    """People by feature id (None: unknown) and everything there is to say about the table."""

    people: Mapping[str, int | None]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether nothing keeps the table out."""
        return not any(f.level == "block" for f in self.findings)

    @property
    def total(self) -> int:
        """All people that are known."""
        return sum(p for p in self.people.values() if p is not None)


def with_population_fields(definition: LayerDefinition) -> tuple[Field, ...]:
    """The layer's own fields and those of ``FIELDS`` it lacks."""
    known = {f.key for f in definition.all_fields}
    return (*definition.fields, *(f for f in FIELDS if f.key not in known))


def read_people(rows: Sequence[Row], features: Sequence[Feature]) -> Reading:
    """The people of each area as a table states them; an area it does not name becomes unknown."""
    header = _header(rows)
    if isinstance(header, Finding):
        return Reading({}, (header,))
    first, name_at, people_at = header
    areas = _by_name(features)
    taken: dict[str, int] = {}
    people: dict[str, int | None] = {}
    findings: list[Finding] = []
    for number, cells in rows[first + 1 :]:
        name, value = _cell(cells, name_at), _cell(cells, people_at)
        if not name and not value:
            continue
        fid, said = _match(number, name, areas, taken)
        findings += [said] if said else []
        if fid:
            taken[fid] = number
            people[fid], said = _count(number, areas.names[fid], value)
            findings += [said] if said else []
    findings += _absent(people, areas, findings)
    return Reading({f.id: people.get(f.id) for f in features} if people else {}, tuple(findings))


@dataclass(frozen=True, slots=True)
class _Areas:
    names: dict[str, str]
    exact: dict[str, list[str]]
    short: dict[str, list[str]]


def _by_name(features: Sequence[Feature]) -> _Areas:
    exact, short = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for feature in features:
        exact[_plain(feature.name)].append(feature.id)
        short[_stem(feature.name)].append(feature.id)
    return _Areas({f.id: f.name for f in features}, exact, short)


def _cell(cells: Sequence[str], at: int) -> str:
    return cells[at].strip() if at < len(cells) else ""


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).lower()


def _stem(text: str) -> str:
    plain = _plain(text)
    ending = next((e for e in ENDINGS if plain.endswith(e) and len(plain) > len(e)), "")
    return plain.removesuffix(ending)


def _header(rows: Sequence[Row]) -> tuple[int, int, int] | Finding:
    """Where the header is: its place among the rows, the column of names, the column of people."""
    for place, (number, cells) in enumerate(rows[:HEADER_ROWS]):
        titles = [re.sub(r"[(（].*", "", _plain(c)) for c in cells]
        names = [i for i, t in enumerate(titles) if t in NAME_TITLES]
        people = [i for i, t in enumerate(titles) if "人口" in t or t.startswith("population") or t == "people"]
        exact = [i for i in people if titles[i] in ("人口", "population")]
        chosen = exact if len(exact) == 1 else people
        if names and len(chosen) > 1:
            found = "、".join(cells[i] for i in chosen)
            return Finding(code="people-two-columns", row=number, params={"found": found})
        if names and chosen:
            return place, names[-1] if "社区" in titles[names[-1]] else names[0], chosen[0]
    shown = "、".join(c for c in (rows[0][1] if rows else ()) if c)[:120] or "—"
    return Finding(code="people-no-header", row=rows[0][0] if rows else None, params={"found": shown})


def _match(number: int, name: str, areas: _Areas, taken: Mapping[str, int]) -> tuple[str, Finding | None]:
    """The id of the area a row is of, empty where it is none."""
    params: dict[str, object] = {"value": name}
    if _plain(name) in TOTALS:
        return "", Finding(code="people-total", row=number, params=params)
    found = areas.exact.get(_plain(name)) or areas.short.get(_stem(name)) or []
    if not found:
        return "", Finding(code="people-unknown-name", row=number, params=params | _near(name, areas))
    if len(found) > 1:
        return "", Finding(code="people-ambiguous", row=number, params=params | {"count": len(found)})
    [fid] = found
    if fid in taken:
        return "", Finding(code="people-duplicate", row=number, params=params | {"first": taken[fid]})
    if _plain(name) != _plain(areas.names[fid]):
        return fid, Finding(code="people-short-name", row=number, params=params | {"area": areas.names[fid]})
    return fid, None


def _near(name: str, areas: _Areas) -> dict[str, object]:
    near = difflib.get_close_matches(name, list(areas.names.values()), n=2, cutoff=0.5)
    if not near:
        return {"near": "", "near_en": ""}
    return {"near": f"，可能是“{'”“'.join(near)}”", "near_en": f" (perhaps {', '.join(near)})"}


def _count(number: int, area: str, value: str) -> tuple[int | None, Finding | None]:
    if not value:
        return None, Finding(code="people-empty", row=number, params={"area": area})
    plain = re.sub(r"[,，\s]", "", unicodedata.normalize("NFKC", value)).removesuffix("人")
    if plain.isascii() and plain.isdigit() and int(plain[:20]) <= MOST_PEOPLE:
        return int(plain), None
    return None, Finding(code="people-not-a-number", row=number, params={"area": area, "value": value[:40]})


def _absent(people: Mapping[str, object], areas: _Areas, findings: Sequence[Finding]) -> Iterator[Finding]:
    if not people:
        if not any(f.level == "block" for f in findings):
            yield Finding(code="people-no-rows")
        return
    absent = [name for fid, name in areas.names.items() if fid not in people]
    if absent:
        names = "、".join(absent[:20]) + ("…" if len(absent) > 20 else "")
        yield Finding(code="people-missing", params={"count": len(absent), "names": names})
