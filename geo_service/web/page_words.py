"""Words of the documents that belong to values of the code: kinds of revisions, field types, precision classes."""

from __future__ import annotations

from collections.abc import Mapping

from geo_service.core.plan import Indicator
from geo_service.core.revisions import Operation, RevisionKind
from geo_service.core.text import Text

REVISION_KINDS: Mapping[RevisionKind, Text] = {
    "seed": Text("首次导入", "First import"),
    "upload": Text("上传", "Upload"),
    "edit": Text("编辑", "Edit"),
    "merge": Text("合并", "Merge"),
    "rollback": Text("回退", "Rollback"),
    "external": Text("外部文件", "External file"),
}

OPERATIONS: Mapping[Operation, Text] = {
    "add": Text("新增", "Added"),
    "modify": Text("修改", "Changed"),
    "delete": Text("删除", "Deleted"),
}

AUDIT_ACTIONS: Mapping[str, Text] = {
    "account-add": Text("新增账号", "Account added"),
    "account-change": Text("修改账号", "Account changed"),
    "attach": Text("添加附件", "Attached"),
    "draft-create": Text("建变更单", "Draft made"),
    "draft-reject": Text("驳回变更单", "Draft rejected"),
    "draft-reopen": Text("撤回修改", "Draft reopened"),
    "draft-return": Text("退回修改", "Draft returned"),
    "draft-settle": Text("解决冲突", "Conflict settled"),
    "draft-submit": Text("提交审核", "Draft submitted"),
    "draft-withdraw": Text("作废变更单", "Draft withdrawn"),
    "edit": Text("直接修改", "Changed directly"),
    "edition-add": Text("命名版次", "Edition named"),
    "edition-remove": Text("删除版次名", "Edition's name removed"),
    "layer-change": Text("修改图层规则", "Layer's rules changed"),
    "layer-create": Text("新建图层", "Layer made"),
    "streets-import": Text("导入路网", "Streets imported"),
    "layer-restore": Text("恢复图层", "Layer restored"),
    "layer-retire": Text("停用图层", "Layer retired"),
    "original": Text("取出原件", "Original taken out"),
    "password-change": Text("更换密码", "Password changed"),
    "people-import": Text("导入人口", "People imported"),
    "publish": Text("发布", "Published"),
    "result-delete": Text("删除分析结果", "Result deleted"),
    "result-rename": Text("重命名分析结果", "Result renamed"),
    "result-save": Text("保存分析结果", "Result saved"),
    "sign-in": Text("登录", "Signed in"),
    "sign-out": Text("退出", "Signed out"),
    "token-add": Text("新建令牌", "Token made"),
    "token-revoke": Text("作废令牌", "Token revoked"),
    "upload": Text("上传文件", "File sent"),
}
"""What the log calls what people did; others are shown by their code."""

PRECISION_MEANINGS: Mapping[str, Text] = {
    "surveyed": Text(
        "有测量成果，可以在其误差范围内量算。", "From a survey; measure on it within the error that is given."
    ),
    "parcel": Text(
        "知道是哪一块地，图形只到地块，不到建筑。",
        "The parcel is known; the shape is the parcel's, not the building's.",
    ),
    "address": Text("由门牌地址定位，一般误差几十米。", "From a street address; usually a few dozen metres off."),
    "street": Text("只知道在哪条路的哪一段。", "Only the stretch of street is known."),
    "guess": Text(
        "由文字和周边推断，误差可能有几百米到两千米。",
        "Reasoned from texts and surroundings; may be off by two kilometres.",
    ),
    "illustrative": Text(
        "图形为示意：位置或外轮廓没有依据，不得量算、不得作为测绘成果使用。",
        "The shape is illustrative: position or outline has no evidence. Neither measure on it nor survey by it.",
    ),
    "unlocated": Text(
        "还没有位置，列在待落图清单中。", "No position yet; it stands in the list of unlocated features."
    ),
}
"""What a precision class allows a reader to do."""

ERROR_TITLES: Mapping[int, Text] = {
    400: Text("请求看不懂", "The request is not understood"),
    401: Text("需要登录", "Please sign in"),
    403: Text("没有权限", "Not allowed"),
    404: Text("没有找到", "Not found"),
    405: Text("方法不对", "Wrong method"),
    409: Text("与他人的修改冲突", "A conflict"),
    412: Text("版本已更新", "No longer current"),
    413: Text("内容太大", "Too large"),
    422: Text("文件未被接受", "Not accepted"),
    429: Text("请稍等", "Please wait"),
    500: Text("服务出错", "The service failed"),
    503: Text("暂时不可用", "Not available right now"),
}

_OPERATORS: Mapping[str, tuple[str, str]] = {
    "=": ("{}", "{}"),
    "≈": ("约 {}", "about {}"),
    "≥": ("≥ {}", "≥ {}"),
    ">": ("> {}", "> {}"),
    "→": ("达到 {}", "to reach {}"),
    "stock": ("累计 {}", "{} in all"),
    "rank": ("第 {}", "rank {}"),
    "qualitative": ("定性", "qualitative"),
}
_UNITS = {
    "亿元": "× 100 million yuan",
    "万平方米": "× 10,000 m²",
    "亩": "mu",
    "%": "%",
    "家": "firms",
    "户": "households",
}


def indicator_text(indicator: Indicator) -> Text:
    """The target of an indicator with its operator and unit."""
    if indicator.operator == ">" and not indicator.unit:  # the figure is the year to compare with
        return Text(f"较 {indicator.target} 年增长", f"above the level of {indicator.target}")
    zh, en = _OPERATORS.get(indicator.operator, ("{}", "{}"))
    unit = "" if indicator.operator == "rank" else _UNITS.get(indicator.unit, "")
    gap = "" if unit == "%" else " "
    amount_zh = f"{indicator.target}{'' if indicator.unit == '%' else ' '}{indicator.unit}".strip()
    return Text(zh.format(amount_zh), en.format(f"{indicator.target}{gap}{unit}".strip()))
