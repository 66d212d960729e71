"""What ingest has to say about a file: its finding sentences, the refusal, and a log that cannot be flooded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from geo_service.core.text import Text
from geo_service.core.validation import FINDINGS, Finding, Level, Report, register
from geo_service.ingest.limits import LIMITS

_Table = Mapping[str, tuple[Level, Text]]

_FILE: _Table = {
    "file-empty": ("block", Text("文件是空的；请重新导出", "the file is empty; export it again")),
    "file-too-large": (
        "block",
        Text("文件 {size} MB，超过上限 {limit} MB；请分批上传", "{size} MB is over the limit of {limit} MB; split it"),
    ),
    "file-broken": (
        "block",
        Text(
            "文件已损坏或不完整，无法读取：{reason}；请重新导出",
            "the file is damaged or cut off: {reason}; export it again",
        ),
    ),
    "format-unknown": (
        "block",
        Text(
            "认不出这是什么格式；可上传：Shapefile（zip）、GeoPackage、GeoJSON、KML/KMZ、DXF、FlatGeobuf、FileGDB（zip）、"
            "MapInfo（zip）、GPX、CSV、XLSX、界址点 TXT、WKT、高程格网（GeoTIFF、ASC）",
            "this format is not recognised; send a zipped Shapefile, GeoPackage, GeoJSON, KML/KMZ, DXF, FlatGeobuf, "
            "zipped FileGDB or MapInfo, GPX, CSV, XLSX, boundary-point TXT, WKT or a grid of heights (GeoTIFF, ASC)",
        ),
    ),
    "format-dwg": (
        "block",
        Text(
            "这是 DWG 图纸；请在 CAD 中另存为 DXF（2004 至 2018 版，ASCII）再上传",
            "this is a DWG drawing; save it as DXF (2004 to 2018, ASCII) in CAD",
        ),
    ),
    "format-dxf-binary": (
        "block",
        Text("这是二进制 DXF；请另存为 ASCII DXF", "this is a binary DXF; save it as ASCII DXF"),
    ),
    "format-archive": (
        "block",
        Text("这是 {kind} 压缩包；请改用 zip 压缩后上传", "this is a {kind} archive; pack the files as zip instead"),
    ),
    "format-mapgis": (
        "block",
        Text(
            "这是 MapGIS 文件；请在 MapGIS 中转出为 Shapefile 再压缩为 zip",
            "this is a MapGIS file; export it as Shapefile and zip it",
        ),
    ),
    "format-supermap": (
        "block",
        Text(
            "这是 SuperMap 数据源；请导出为 Shapefile 或 GeoPackage",
            "this is a SuperMap data source; export it as Shapefile or GeoPackage",
        ),
    ),
    "format-office": (
        "block",
        Text("这是旧版 {kind} 文件；请另存为 {advice}", "this is an old {kind} file; save it as {advice}"),
    ),
    "format-raster": (
        "block",
        Text("这是 {kind}，没有矢量要素；请上传矢量数据", "this is {kind} without vector features; send vector data"),
    ),
    "raster-not-heights": (
        "block",
        Text(
            "栅格为 {found}，读不出高程；请导出单波段 DEM（gdal_translate -b 1 -ot Float32）",
            "the raster is {found}, no heights can be read; export one band (gdal_translate -b 1 -ot Float32)",
        ),
    ),
    "raster-turned": (
        "block",
        Text(
            "栅格有旋转或没有像元大小；请先正射为北向上（gdalwarp）",
            "the raster is turned or says no size of its cells; make it north-up first (gdalwarp)",
        ),
    ),
    "raster-too-large": (
        "block",
        Text(
            "格网 {found}，超过 {limit} 格；请裁到本区或重采样（如 gdalwarp -tr 10 10）",
            "a grid of {found}, more than {limit} cells; cut it to the district or resample it (gdalwarp -tr 10 10)",
        ),
    ),
    "format-gml": (
        "block",
        Text("不接收 GML；请转存为 GeoPackage 或 GeoJSON", "GML is not taken; save it as GeoPackage or GeoJSON"),
    ),
    "format-json-other": (
        "block",
        Text("这是 {kind}，不是 GeoJSON；请转存为 GeoJSON", "this is {kind}, not GeoJSON; save it as GeoJSON"),
    ),
    "format-xml-other": (
        "block",
        Text("XML 根元素是「{root}」，不是 KML 或 GPX", "the XML root is “{root}”, neither KML nor GPX"),
    ),
    "format-geoparquet": (
        "block",
        Text("不接收 GeoParquet；请转存为 GeoPackage", "GeoParquet is not taken; save it as GeoPackage"),
    ),
    "format-network": (
        "block",
        Text(
            "文件是指向别处数据的“连接文件”（{kind}），出于安全不予打开；请导出数据本身",
            "the file is a pointer to data elsewhere ({kind}) and is not opened for safety; export the data itself",
        ),
    ),
    "format-database": (
        "block",
        Text("这是 SQLite 数据库，但不是 GeoPackage", "this is an SQLite database but not a GeoPackage"),
    ),
    "xml-doctype": (
        "block",
        Text("XML 中含有 DOCTYPE 声明，出于安全不予打开", "the XML holds a DOCTYPE, which is not opened for safety"),
    ),
    "sidecars-missing": (
        "block",
        Text("缺少配套文件 {missing}；请把 {all} 一起压缩为 zip", "{missing} is missing; zip {all} together"),
    ),
    "layer-choose": (
        "block",
        Text("文件中有多个图层：{layers}；请选择其中一个", "the file holds several layers: “{layers}”; choose one"),
    ),
    "layer-missing": (
        "block",
        Text("文件中没有图层「{layer}」；有：{layers}", "the file has no layer “{layer}”; it has “{layers}”"),
    ),
    "file-no-features": ("block", Text("文件中没有要素", "the file holds no features")),
    "gpkg-view": (
        "warn",
        Text(
            "图层「{layer}」是视图或虚拟表，未读取；请导出为普通表",
            "“{layer}” is a view or virtual table and was not read",
        ),
    ),
    "too-many-features": (
        "block",
        Text("要素超过上限 {limit}；请分批上传", "more than {limit} features; split the file"),
    ),
    "too-many-fields": (
        "block",
        Text("字段数 {found} 超过上限 {limit}", "{found} fields are over the limit of {limit}"),
    ),
    "too-many-vertices": (
        "block",
        Text("顶点总数超过上限 {limit}；请分批上传或抽稀", "more than {limit} vertices; split or simplify the file"),
    ),
    "kml-network-link": (
        "warn",
        Text("有 {count} 个网络链接，未打开", "{count} network links were not followed"),
    ),
    "crs-link-ignored": (
        "warn",
        Text("坐标系写成了链接，未打开；按坐标数值判断", "the CRS is given as a link, which was not followed"),
    ),
    "dxf-too-deep": (
        "block",
        Text(
            "图块嵌套展开后超过上限（{reason}）；请在 CAD 中炸开图块后再导出",
            "nested blocks expand beyond the limit ({reason}); explode them in CAD before export",
        ),
    ),
    "dxf-unreadable-entities": (
        "warn",
        Text(
            "有 {count} 个图元不是点线面或无法读取，已略过", "{count} entities are not points, lines or areas; skipped"
        ),
    ),
}

_ARCHIVE: _Table = {
    "zip-broken": ("block", Text("压缩包已损坏或不完整：{reason}", "the archive is damaged or cut off: {reason}")),
    "zip-path": ("block", Text("压缩包内有不安全的路径「{member}」", "the archive holds an unsafe path “{member}”")),
    "zip-special": (
        "block",
        Text("压缩包内「{member}」是链接或设备，不是普通文件", "“{member}” in the archive is a link or device"),
    ),
    "zip-encrypted": ("block", Text("压缩包已加密；请去掉密码后上传", "the archive is encrypted; remove the password")),
    "zip-method": (
        "block",
        Text("压缩方法不支持（「{member}」）；请用普通 zip 压缩", "“{member}” uses an odd compression; use plain zip"),
    ),
    "zip-duplicate": (
        "block",
        Text("压缩包内有同名文件「{member}」", "the archive holds “{member}” twice (upper and lower case are alike)"),
    ),
    "zip-overlap": ("block", Text("压缩包条目互相重叠，疑似压缩炸弹", "entries of the archive overlap: a zip bomb")),
    "zip-lies": (
        "block",
        Text("「{member}」的实际大小与压缩包声明不符", "“{member}” is not of the size the archive states"),
    ),
    "zip-ratio": (
        "block",
        Text(
            "「{member}」压缩比超过 {limit} 倍，疑似压缩炸弹", "“{member}” is compressed over {limit} times: a zip bomb"
        ),
    ),
    "zip-size": ("block", Text("解压后超过上限 {limit} MB", "unpacked it is over {limit} MB")),
    "zip-members": (
        "block",
        Text("压缩包内有 {found} 个文件，超过上限 {limit}", "{found} members are over the limit of {limit}"),
    ),
    "zip-nested": (
        "block",
        Text("压缩包里只有另一个压缩包；请先解开一层", "the archive only holds another archive; unpack it once"),
    ),
}

_JOB: _Table = {
    "job-time": (
        "block",
        Text(
            "处理超过 {limit} 秒，已停止；请拆分或简化数据",
            "it took over {limit} s and was stopped; split or simplify it",
        ),
    ),
    "job-memory": (
        "block",
        Text("处理所需内存超过上限，已停止；请拆分或简化数据", "it needed too much memory and was stopped; split it"),
    ),
    "job-crashed": (
        "block",
        Text(
            "读取程序在这个文件上异常退出（{reason}）；文件可能已损坏",
            "the reader died on this file ({reason}); it may be damaged",
        ),
    ),
    "job-cancelled": ("block", Text("已取消", "cancelled")),
    "job-fault": (
        "block",
        Text(
            "读取程序出错（{reason}）；请把文件交给管理员",
            "the reader failed ({reason}); hand the file to the administrator",
        ),
    ),
}

_TEXT: _Table = {
    "encoding-chosen": ("warn", Text("文字编码判为 {encoding}：{reason}", "text is read as {encoding}: {reason}")),
    "encoding-unsure": (
        "acknowledge",
        Text(
            "文字编码无法确定，暂按 {encoding} 读取；请核对预览",
            "the text encoding is unsure; read as {encoding}: check",
        ),
    ),
    "encoding-declared-wrong": (
        "warn",
        Text(
            "文件声明编码为 {declared}，实际是 {encoding}；已按 {encoding} 读取",
            "the file states {declared} but is {encoding}; read as {encoding}",
        ),
    ),
    "text-cut": (
        "warn",
        Text(
            "字段「{field}」的文字在字段宽度处被截断 {count} 处", "field “{field}” has {count} texts cut at its width"
        ),
    ),
    "text-undecodable": (
        "block",
        Text("字段「{field}」有文字不能按 {encoding} 解码", "field “{field}” holds text that is not {encoding}"),
    ),
    "text-control": (
        "fixed",
        Text(
            "字段「{field}」中有 {count} 处不可见控制字符，已去除",
            "{count} values of field “{field}” held control characters, now removed",
        ),
    ),
    "cell-too-long": (
        "block",
        Text("字段「{field}」的内容超过 {limit} KB", "field “{field}” holds more than {limit} KB in a cell"),
    ),
    "json-broken": ("block", Text("JSON 语法错误：{reason}", "the JSON is wrong: {reason}")),
    "json-depth": ("block", Text("JSON 嵌套过深", "the JSON is nested too deeply")),
    "json-duplicate-key": ("block", Text("键「{key}」重复", "the key “{key}” appears twice")),
    "json-not-number": ("block", Text("JSON 中有 {value}，不是数", "the JSON holds {value}, which is not a number")),
    "json-not-feature": ("block", Text("不是 GeoJSON 要素", "is not a GeoJSON Feature")),
    "row-too-large": ("block", Text("单个要素超过 {limit} MB", "one feature is over {limit} MB")),
    "csv-broken": ("block", Text("表格无法读取：{reason}", "the table cannot be read: {reason}")),
    "table-no-coordinates": (
        "block",
        Text(
            "表格中找不到坐标列；请提供 经度、纬度，或 X、Y，或 WKT 列；只改属性或只删除时，"
            "方式请选“仅属性”或“仅删除列表”",
            "no coordinate columns; give longitude and latitude, or x and y, or WKT; to change values or delete only, "
            "choose “Attributes only” or “Delete listed” as the mode",
        ),
    ),
    "value-not-number": ("block", Text("「{value}」不是坐标数值", "“{value}” is not a coordinate")),
    "txt-line": ("block", Text("第 {line} 行应为 点号,圈号,X,Y", "line {line} must be point,ring,X,Y")),
    "wkt-broken": ("block", Text("WKT 无法读取：{reason}", "the WKT cannot be read: {reason}")),
}

_CRS: _Table = {
    "crs-conflict": (
        "block",
        Text(
            "坐标像是 {proposed}，而文件声明 {declared}"
            "（按声明有 {declared_share}% 在本区，按前者有 {proposed_share}%）；请选择",
            "the coordinates look like {proposed}, but the file states “{declared}” "
            "({declared_share}% of the vertices are in the district as stated, {proposed_share}% the other way); "
            "choose",
        ),
    ),
    "crs-assumed": (
        "acknowledge",
        Text(
            "文件没有声明坐标系；坐标像是 {proposed}（{proposed_share}% 的顶点在本区内），请确认",
            "no CRS is stated; the coordinates look like {proposed} ({proposed_share}% in the district); confirm",
        ),
    ),
    "crs-unknown": (
        "block",
        Text(
            "坐标系无法判断：按任何一种解释，都没有 95% 的顶点落在本区；示例坐标 {x}, {y}。请写明坐标系后重新上传",
            "the CRS cannot be told: no reading puts 95% of the vertices in the district (first: {x}, {y}). State it",
        ),
    ),
    "crs-elsewhere": (
        "block",
        Text(
            "按声明的 {declared}，数据不在本市（中心约 {x}, {y}）",
            "as stated (“{declared}”) the data are not in this city (centre about {x}, {y})",
        ),
    ),
    "crs-old-datum": (
        "block",
        Text(
            "坐标系 {declared} 属于{datum}；与 CGCS2000 相差 64–71 米且没有公开的转换参数，"
            "请先在测绘部门转换到 CGCS2000",
            "“{declared}” is on {datum}, 64–71 m off CGCS2000 without public parameters; have it converted first",
        ),
    ),
    "crs-no-transform": (
        "block",
        Text("坐标系 {declared} 无法精确转换到 CGCS2000", "“{declared}” cannot be transformed exactly to CGCS2000"),
    ),
    "crs-datum-shift": (
        "block",
        Text(
            "与现有要素比较，{fit}/{matched} 个偏移符合 {hypothesis}；请选择按 {hypothesis} 改正后导入",
            "against existing features {fit} of {matched} offsets fit {hypothesis}; choose to import them as such",
        ),
    ),
    "crs-uniform-shift": (
        "acknowledge",
        Text(
            "与现有要素比较，整体偏移约 东 {east_m} 米、北 {north_m} 米（{fit}/{matched} 个一致），请确认坐标是否有误",
            "all is shifted by about {east_m} m east, {north_m} m north ({fit} of {matched} agree); check it",
        ),
    ),
    "crs-chosen": (
        "warn",
        Text("坐标按上传人选择的 {used} 解释", "coordinates are read as {used}, as the uploader chose"),
    ),
    "crs-partly-outside": (
        "warn",
        Text("{outside}% 的顶点在本区之外", "{outside}% of the vertices are outside the district"),
    ),
}

_FIELDS: _Table = {
    "field-unmapped": (
        "warn",
        Text("源字段「{field}」没有对应的图层字段，未导入", "the file's field “{field}” has no field here; not taken"),
    ),
    "field-ambiguous": (
        "warn",
        Text("源字段「{field}」可能是 {candidates}，请指定", "the file's field “{field}” may be {candidates}; choose"),
    ),
    "value-type": (
        "block",
        Text(
            "字段「{field}」的值「{value}」不能理解为{expected}；请更正",
            "field “{field}” is “{value}”, not {expected}; correct it",
        ),
    ),
}

_GEOMETRY: _Table = {
    "geometry-unreadable": ("block", Text("几何无法读取：{reason}", "the geometry cannot be read: {reason}")),
    "geometry-coordinates": ("block", Text("坐标不对：{reason}", "the coordinates are wrong: {reason}")),
    "geometry-empty": (
        "acknowledge",
        Text("没有几何，将列为待落图", "has no geometry and will be listed as unlocated"),
    ),
    "geometry-ring-short": ("block", Text("面的环少于 4 个点", "a ring has fewer than 4 points")),
    "geometry-ring-closed": ("fixed", Text("面的环未闭合，已闭合", "an open ring was closed")),
    "geometry-vertices": (
        "block",
        Text(
            "单个要素 {found} 个顶点，超过上限 {limit}；请抽稀或拆分", "{found} vertices are over the limit of {limit}"
        ),
    ),
    "geometry-crossing": (
        "block",
        Text(
            "{problem}，第一处 {x}, {y}。未自动修复，因为{why}。请删除交叉的折点后重新上传",
            "{problem_en}, the first at {x}, {y}. Not repaired because {why_en}. Remove the crossing vertices",
        ),
    ),
    "geometry-fixed": (
        "fixed",
        Text(
            "{problem}，已自动修复（面积变化 {change_m2} m²）",
            "{problem_en}; repaired (area changed by {change_m2} m²)",
        ),
    ),
    "geometry-duplicate": ("warn", Text("与第 {first} 行几何完全相同", "has exactly the geometry of line {first}")),
    "geometry-sliver": ("warn", Text("面积只有 {area_m2} m²", "is only {area_m2} m² large")),
    "geometry-outside": ("warn", Text("有 {count} 个要素不在本区内", "{count} features are outside the district")),
    "geometry-moved-far": (
        "acknowledge",
        Text("位置移动了 {distance_m} 米", "has moved by {distance_m} m"),
    ),
    "geometry-area-jump": (
        "acknowledge",
        Text("面积由 {before_m2} 变为 {after_m2} m²", "its area goes from {before_m2} to {after_m2} m²"),
    ),
    "tile-broken": (
        "block",
        Text(
            "与相邻的面有重叠、缝隙或边界折点不一致",
            "overlaps its neighbour, leaves a gap or shares no vertices with it",
        ),
    ),
}

_IDENTITY: _Table = {
    "identity-duplicate": (
        "block",
        Text(
            "GS_ID {fid} 出现多次（首次在第 {first} 行）；请只留一行，若是拆分，其余各行清空 GS_ID",
            "GS_ID {fid} appears again (first in line {first}); of a split, only one row keeps it",
        ),
    ),
    "identity-unknown": (
        "acknowledge",
        Text("GS_ID {fid} 不在本图层；将按新要素处理", "GS_ID {fid} is not in this layer; taken as a new feature"),
    ),
    "identity-unmatched": (
        "block",
        Text("没有找到对应的现有要素，本模式下不能新增", "matches no feature; this mode adds none"),
    ),
    "identity-split": (
        "acknowledge",
        Text(
            "第 {rows} 行合起来覆盖原要素 {fid}，疑似拆分；请确认由谁继承编号",
            "lines {rows} cover {fid}: a split? Say who keeps the id",
        ),
    ),
    "identity-merge": (
        "acknowledge",
        Text("覆盖了原要素 {fids}，疑似合并；请确认", "covers the features {fids}: a merge? Confirm"),
    ),
    "base-behind": (
        "warn",
        Text(
            "文件依据的是版本 {base}，现为 {head}；将逐字段合并", "the file was made from revision {base}, now {head}"
        ),
    ),
    "base-mixed": ("warn", Text("文件中的 GS_REV 不一致：{revisions}", "GS_REV differs within the file: {revisions}")),
    "jump-deleted": (
        "acknowledge",
        Text("将删除 {count} 个要素，占现有的 {share}%", "{count} features go, {share}% of what is there"),
    ),
    "jump-count": (
        "acknowledge",
        Text("要素数由 {before} 变为 {after}", "the number of features goes from {before} to {after}"),
    ),
}

INGEST_FINDINGS: _Table = {**_FILE, **_ARCHIVE, **_JOB, **_TEXT, **_CRS, **_FIELDS, **_GEOMETRY, **_IDENTITY}
"""Every finding of this room."""

register(INGEST_FINDINGS)


class Refused(Exception):
    """A file that cannot be read further, known inside this room only; ``finding`` says why and what to do."""

    def __init__(self, code: str, *, row: int | None = None, field: str | None = None, **params: Any) -> None:
        self.finding = Finding(code=code, row=row, field=field, params=params)
        super().__init__(self.finding.sentence("en"))


class FindingLog:
    """Findings in the order they were made; at most ``keep`` of one code are kept, all are counted."""

    def __init__(self, keep: int = LIMITS.findings) -> None:
        self.keep = keep
        self.counts: Counter[str] = Counter()
        self.bad_rows: set[int] = set()
        self._kept: list[Finding] = []

    def add(self, code: str, **about: Any) -> None:
        """Note a finding; ``row``, ``fid``, ``name``, ``field`` and ``point`` place it, the rest is its sentence's."""
        self.counts[code] += 1
        if about.get("row") and FINDINGS[code][0] == "block":
            self.bad_rows.add(about["row"])
        if self.counts[code] <= self.keep:
            place = {key: about.pop(key) for key in ("row", "fid", "name", "field", "point") if key in about}
            self._kept.append(Finding(code=code, params=about, **place))

    def add_rows(self, code: str, found: Sequence[tuple[int, str]]) -> None:
        """Note one finding for each of many (row, feature's code); those above the kept number are only counted."""
        room = max(0, self.keep - self.counts[code])
        for row, fid in found[:room]:
            self.add(code, row=row, fid=fid)
        self.counts[code] += len(found[room:])
        if FINDINGS[code][0] == "block":
            self.bad_rows.update(row for row, _ in found[room:])

    def extend(self, findings: Iterable[Finding]) -> None:
        """Note findings made elsewhere."""
        for finding in findings:
            self.counts[finding.code] += 1
            if self.counts[finding.code] <= self.keep:
                self._kept.append(finding)

    @property
    def report(self) -> Report:
        """What was kept."""
        return Report(tuple(self._kept))

    def blocks(self) -> int:
        """How many blocking findings were made, the kept and the others."""
        return sum(count for code, count in self.counts.items() if FINDINGS[code][0] == "block")
