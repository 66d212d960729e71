"""Everything the service refuses or fails to do, as one tree.

::

    GeoServiceError
    ├── InvalidRequest        400  the question is malformed
    │   ├── InvalidBbox
    │   ├── InvalidFilter
    │   ├── InvalidParameter
    │   │   ├── MissingData
    │   │   └── UnusableLayer
    │   ├── UnknownField
    │   ├── UnprintableText
    │   └── WeakPassword
    ├── AccessDenied          403  not yours to see or do
    │   ├── NeedsReview
    │   ├── NotForPublication
    │   ├── SignInRequired    401
    │   └── TooManyAttempts   429
    ├── NotFound              404  no such thing
    │   ├── LayerNotFound
    │   ├── FeatureNotFound
    │   ├── RevisionNotFound
    │   ├── CommitmentNotFound
    │   ├── AccountNotFound
    │   ├── DraftNotFound
    │   ├── EditionNotFound
    │   ├── AttachmentNotFound
    │   ├── JobNotFound
    │   ├── ResultNotFound
    │   ├── BasemapNotFound
    │   └── PageNotFound
    ├── MethodNotAllowed      405
    ├── NotAcceptable         406
    ├── PreconditionRequired  428
    ├── Conflict              409  somebody was faster
    │   ├── EditConflict
    │   ├── WrongState
    │   ├── EmptyDraft
    │   ├── UndecidedChanges
    │   ├── UnresolvedConflicts
    │   ├── JobCancelled
    │   └── StaleRevision     412
    ├── RequestTooLarge       413
    │   └── SheetTooLarge
    ├── UnsupportedMedia      415
    ├── RejectedUpload        422  the file was read and is not acceptable
    │   ├── InvalidEdit
    │   ├── BrokenLayerFile
    │   ├── BrokenLedgerFile
    │   └── BrokenBasemapFile
    └── ServiceFault          500  our fault
        ├── BrokenInstallation
        ├── CannotListen
        ├── StorageFault
        │   └── DiskFull      507
        ├── JobTimedOut       504
        └── Unavailable       503
            ├── BeingPrepared
            └── BasemapUnavailable

Each class carries a stable kebab-case ``code``, an HTTP ``status`` and one sentence in Chinese and in English. The
sentences are ``str.format`` templates over the keyword arguments of the constructor, so a message always says what and
where; ``advice`` says what to do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar


class GeoServiceError(Exception):
    """Anything the service says no to, with a sentence for people in both languages."""

    code: ClassVar[str] = "geo-service-error"
    status: ClassVar[int] = 500
    zh: ClassVar[str] = "服务出现问题。"
    en: ClassVar[str] = "The service has a problem."
    advice_zh: ClassVar[str] = ""
    advice_en: ClassVar[str] = ""

    def __init__(self, **params: object) -> None:
        self.params = params
        super().__init__(self.sentence("en"))

    def sentence(self, language: str) -> str:
        """What is wrong and what to do, in ``zh`` or ``en``."""
        parts = (self.zh, self.advice_zh) if language == "zh" else (self.en, self.advice_en)
        joiner = "" if language == "zh" else " "
        params = {k: _said(v, language) if k in BILINGUAL else v for k, v in self.params.items()}
        return joiner.join(part for part in parts if part).format_map(_Params(params))


def _said(value: object, language: str) -> object:
    """A pair's side, or what several findings say."""
    if isinstance(value, (list, tuple)):
        return ("；" if language == "zh" else "; ").join(str(each.sentence(language)) for each in value)
    return one_side(value, language)


def one_side(text: object, language: str) -> object:
    """The half of “中文 / English” that is in ``zh`` or ``en``; anything that is not such a pair as it is.

    A list that follows the English half belongs to both.

    >>> one_side("须为整数 / a whole number", "en")
    'a whole number'
    >>> one_side("可用 / use one of: A4, A3", "zh")
    '可用：A4, A3'
    """
    if not isinstance(text, str):
        return text
    for cut in re.finditer(" / ", text):
        zh, en = text[: cut.start()], text[cut.end() :]
        own, colon, shared = en.partition(": ")
        if _CHINESE.search(zh) and not _CHINESE.search(own):
            return en if language == "en" else zh + ("：" + shared if colon and not _COLON.search(zh) else "")
    return text


def one_of(names: Iterable[object]) -> str:
    """The reason of a value that must be one of these.

    >>> one_side(one_of(("json", "html")), "zh")
    '可用：json, html'
    """
    return f"可用 / use one of: {', '.join(map(str, names))}"


def revived(code: str, params: Mapping[str, object]) -> GeoServiceError:
    """The error of a code, as another process told it; a fault of ours where the code is unknown."""
    kinds: list[type[GeoServiceError]] = [GeoServiceError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    found = next((kind for kind in kinds if kind.code == code), ServiceFault)
    return found(**params)


BILINGUAL = ("reason", "role", "action", "state", "what", "findings", "accepted")
"""Parameters that may be a pair of Chinese and English, or findings."""

_CHINESE = re.compile("[\u3400-\u9fff]")
_COLON = re.compile("[:：]")


class _Params(dict[str, object]):
    """Template parameters; one that was not given shows as an ellipsis instead of failing inside an error."""

    def __missing__(self, key: str) -> str:
        return "…"


class InvalidRequest(GeoServiceError):
    """The request cannot be understood."""

    code, status = "invalid-request", 400
    zh, en = "请求无法理解：{reason}。", "The request cannot be understood: {reason}."


class InvalidBbox(InvalidRequest):
    """A bbox that is not ``west,south,east,north`` in degrees."""

    code = "invalid-bbox"
    zh, en = "范围参数 bbox「{value}」不对：{reason}。", "The bbox “{value}” is wrong: {reason}."
    advice_zh = "请按“西,南,东,北”给出四个经纬度数值，例如 117.10,39.06,117.19,39.15。"
    advice_en = "Give west,south,east,north in degrees, for example 117.10,39.06,117.19,39.15."


class InvalidFilter(InvalidRequest):
    """A filter that does not parse; ``position`` counts characters from 1."""

    code = "invalid-filter"
    zh, en = (
        "筛选条件第 {position} 个字符处不对：{reason}。",
        "The filter is wrong at character {position}: {reason}.",
    )
    advice_zh = "写法示例：precision = 'illustrative' AND area_m2 > 5000。"
    advice_en = "Write it like: precision = 'illustrative' AND area_m2 > 5000."


class InvalidParameter(InvalidRequest):
    """A query parameter that is unknown or whose value does not fit."""

    code = "invalid-parameter"
    zh, en = (
        "参数 {name} 的值「{value}」不对：{reason}。",
        "The parameter {name}={value} is wrong: {reason}.",
    )


class MissingData(InvalidParameter):
    """A question cannot be answered before data is there: ``name`` is the role, ``role`` its title, ``upload`` the
    layer to add to (empty where there is none yet)."""

    code = "missing-data"
    zh, en = "「{role}」（{name}）缺少数据：{reason}。", "“{role}” ({name}) lacks data: {reason}."
    advice_zh = "请先上传或补充位置，或为它另选图层。"
    advice_en = "Upload it or add positions first, or choose another layer for it."


class UnusableLayer(InvalidParameter):
    """A layer a question cannot work with: ``name`` is the role, ``role`` its title, ``value`` the rows at fault."""

    code = "unusable-layer"
    zh, en = (
        "「{role}」（{name}）不能用：{reason}（{value}）。",
        "“{role}” ({name}) cannot be used: {reason} ({value}).",
    )
    advice_zh, advice_en = "请改正这些要素，或另选图层。", "Mend these features or choose another layer."


class UnknownField(InvalidRequest):
    """A field the layer does not have."""

    code = "unknown-field"
    zh, en = "图层 {layer} 没有字段「{field}」。", "Layer {layer} has no field “{field}”."
    advice_zh, advice_en = "可用字段：{known}。", "Fields there are: {known}."


class UnprintableText(InvalidRequest):
    """Characters the print fonts have no glyph for; ``characters`` names each with its code point."""

    code = "unprintable-text"
    zh, en = "「{field}」含字库没有的字：{characters}。", "“{field}” has characters without a glyph: {characters}."
    advice_zh, advice_en = "请换用其他写法。", "Please write it differently."


class WeakPassword(InvalidRequest):
    """A password that is too easy to guess."""

    code = "weak-password"
    zh, en = "密码不够安全：{reason}。", "The password is too weak: {reason}."
    advice_zh, advice_en = "请用 10 个以上字符的短句。", "Use a phrase of ten characters or more."


class AccessDenied(GeoServiceError):
    """Signed in, but without the right."""

    code, status = "access-denied", 403
    zh, en = "您没有权限：{action}。", "You may not do this: {action}."
    advice_zh, advice_en = "请联系管理员开通。", "Ask an administrator for the right."


class SignInRequired(AccessDenied):
    """Nobody is signed in and this needs somebody."""

    code, status = "sign-in-required", 401
    zh, en = "请先登录。", "Please sign in first."
    advice_zh, advice_en = "", ""


class TooManyAttempts(AccessDenied):
    """Throttled; ``wait_s`` seconds to go."""

    code, status = "too-many-attempts", 429
    zh, en = "尝试次数过多，请 {wait_s} 秒后再试。", "Too many attempts; try again in {wait_s} seconds."
    advice_zh, advice_en = "", ""


class NeedsReview(AccessDenied):
    """A change of published data that goes through a draft."""

    code = "needs-review"
    zh, en = (
        "图层 {layer} 的修改须经审核，不能直接写入。",
        "Changes of layer {layer} are reviewed, not written directly.",
    )
    advice_zh = "请在 /layers/{layer} 建变更单，把修改发到它的地址。"
    advice_en = "Begin a draft at /layers/{layer} and send the changes to its address."


class NotForPublication(AccessDenied):
    """Something a public sheet may not show, or may not be without."""

    code = "not-for-publication"
    zh, en = "公开图件不允许：{what}。", "Not allowed on a public sheet: {what}."
    advice_zh = "请去掉内部内容、填写审图号，或改为“内部资料”。"
    advice_en = "Leave internal content out, give an approval number, or make the sheet internal."


class NotFound(GeoServiceError):
    """There is no such thing here."""

    code, status = "not-found", 404
    zh, en = "没有找到 {what}。", "{what} was not found."


class PageNotFound(NotFound):
    """No page at this address."""

    code = "page-not-found"
    zh, en = "没有这个页面：{what}。", "There is no page at {what}."
    advice_zh, advice_en = "请从首页重新进入。", "Start again from the map."


class LayerNotFound(NotFound):
    """No layer of this id."""

    code = "layer-not-found"
    zh, en = "没有图层「{layer}」。", "There is no layer “{layer}”."
    advice_zh, advice_en = "图层清单见 /api/layers。", "The layers are listed at /api/layers."


class FeatureNotFound(NotFound):
    """No feature of this id in the layer at this revision."""

    code = "feature-not-found"
    zh, en = "图层 {layer} 中没有要素「{fid}」。", "Layer {layer} has no feature “{fid}”."


class RevisionNotFound(NotFound):
    """The layer never had this revision."""

    code = "revision-not-found"
    zh, en = "图层 {layer} 没有版本 {rev}。", "Layer {layer} has no revision {rev}."


class CommitmentNotFound(NotFound):
    """No commitment of this id in the plan ledger."""

    code = "commitment-not-found"
    zh, en = "计划中没有任务「{commitment}」。", "The plan has no commitment “{commitment}”."


class AccountNotFound(NotFound):
    """No account of this name."""

    code = "account-not-found"
    zh, en = "没有账号「{account}」。", "There is no account “{account}”."


class DraftNotFound(NotFound):
    """No draft of this id, or not for this reader."""

    code = "draft-not-found"
    zh, en = "没有变更单「{draft}」。", "There is no draft “{draft}”."


class BasemapNotFound(NotFound):
    """No configured basemap of this id, or no such layer of it."""

    code = "basemap-not-found"
    zh, en = "没有底图「{basemap}」。", "There is no basemap “{basemap}”."
    advice_zh, advice_en = "底图清单见 /api/layers 的 basemaps。", "The basemaps stand in /api/layers under basemaps."


class EditionNotFound(NotFound):
    """No edition of this name."""

    code = "edition-not-found"
    zh, en = "没有数据版次「{edition}」。", "There is no edition “{edition}”."


class AttachmentNotFound(NotFound):
    """No attachment of this id, or not for this reader."""

    code = "attachment-not-found"
    zh, en = "没有附件「{attachment}」。", "There is no attachment “{attachment}”."


class JobNotFound(NotFound):
    """No job or result of this id, not any more, or somebody else's."""

    code = "job-not-found"
    zh, en = "没有任务「{job}」，或结果已过保留期。", "There is no job “{job}”, or its result is no longer kept."
    advice_zh, advice_en = "请重新生成；结果保留 24 小时。", "Make it again; results are kept for 24 hours."


class ResultNotFound(NotFound):
    """No saved result of this id, or not for this reader: it may be read by whoever may read every layer it read."""

    code = "result-not-found"
    zh, en = "没有保存的结果「{result}」。", "There is no saved result “{result}”."


class MethodNotAllowed(GeoServiceError):
    """The address exists, the method does not."""

    code, status = "method-not-allowed", 405
    zh, en = "此地址不支持 {method} 方法。", "This address does not take {method}."
    advice_zh, advice_en = "可用方法：{allowed}。", "Use one of: {allowed}."


class NotAcceptable(GeoServiceError):
    """None of the formats a client takes is served."""

    code, status = "not-acceptable", 406
    zh, en = "不提供所要求的格式：{what}。", "None of the formats asked for is served: {what}."
    advice_zh, advice_en = "可用格式：{offered}。", "Ask for one of: {offered}."


class PreconditionRequired(GeoServiceError):
    """A write to published data that does not say which version it started from."""

    code, status = "precondition-required", 428
    zh, en = "修改已发布的 {what} 须带 If-Match。", "Changing the published {what} needs If-Match."
    advice_zh, advice_en = "请先读取要素，带上它的 ETag。", "Read the feature first and send its ETag."


class Conflict(GeoServiceError):
    """Somebody else changed the same thing first."""

    code, status = "conflict", 409
    zh, en = "与他人的修改冲突：{what}。", "This conflicts with another change: {what}."


class EditConflict(Conflict):
    """A feature was touched after the base revision of a commit."""

    code = "edit-conflict"
    zh, en = (
        "要素「{fid}」在版本 {base} 之后已被他人修改（现为版本 {head}）。",
        "Feature “{fid}” was changed after revision {base} (now {head}).",
    )
    advice_zh, advice_en = "请刷新后合并双方的修改。", "Reload and merge both changes."


class WrongState(Conflict):
    """A draft that is not in the state this step starts from."""

    code = "wrong-state"
    zh, en = "变更单 {draft} 现为「{state}」，不能{action}。", "Draft {draft} is {state}; it cannot be {action}."
    advice_zh, advice_en = "请刷新页面。", "Reload the page."


class EmptyDraft(Conflict):
    """A draft with nothing in it to submit or to publish."""

    code = "empty-draft"
    zh, en = "变更单 {draft} 中没有可{action}的变更。", "Draft {draft} has no changes to {verb}."
    advice_zh, advice_en = "不需要时请撤回或驳回。", "Withdraw or reject it if it is not needed."


class UndecidedChanges(Conflict):
    """A draft with changes that are neither accepted nor rejected."""

    code = "undecided-changes"
    zh, en = "还有 {count} 项变更未作决定，第一项是 {first}。", "{count} changes are not decided, the first is {first}."
    advice_zh, advice_en = "请逐项接受或拒绝后再发布。", "Accept or reject each, then publish."


class UnresolvedConflicts(Conflict):
    """A draft whose changes clash with what others published since."""

    code = "unresolved-conflicts"
    zh, en = (
        "有 {count} 项变更与他人的修改冲突，第一项是 {first}。",
        "{count} changes clash with others, the first is {first}.",
    )
    advice_zh, advice_en = "请在冲突卡片上逐字段选择。", "Choose a side for each field on its card."


class StaleRevision(Conflict):
    """A precondition names a revision that is no longer current."""

    code, status = "stale-revision", 412
    zh, en = "您依据的版本 {base} 已不是最新（现为 {head}）。", "Revision {base} is no longer current (now {head})."
    advice_zh, advice_en = "请重新读取，合并后再提交。", "Read it again, merge, and send it once more."


class JobCancelled(Conflict):
    """Work somebody stopped; nothing of it is kept."""

    code = "job-cancelled"
    zh, en = "任务已取消，没有留下文件。", "The job was cancelled; no file was left."


class RequestTooLarge(GeoServiceError):
    """The body is over the limit."""

    code, status = "request-too-large", 413
    zh, en = "提交内容超过上限 {limit}。", "The body is over the limit of {limit}."
    advice_zh, advice_en = "请减少内容，或分几次提交。", "Send less, or send it in parts."


class SheetTooLarge(RequestTooLarge):
    """A sheet that needs more memory than a print worker may take."""

    code = "sheet-too-large"
    zh, en = "这张图所需内存超过上限 {limit}。", "This sheet needs more memory than {limit}."
    advice_zh, advice_en = "请减少图层、换小纸或降低分辨率。", "Take fewer layers, smaller paper or a lower resolution."


class UnsupportedMedia(GeoServiceError):
    """A body in a format or a compression that is not read here."""

    code, status = "unsupported-media", 415
    zh, en = "此地址不收格式「{found}」。", "This address does not take “{found}”."
    advice_zh, advice_en = "请改用：{accepted}。", "Send it as {accepted}."


class RejectedUpload(GeoServiceError):
    """A file that was read and cannot be accepted as it is."""

    code, status = "rejected-upload", 422
    zh, en = "文件 {file} 未被接受：{reason}。", "File {file} was not accepted: {reason}."


class InvalidEdit(RejectedUpload):
    """An edited feature that does not fit its layer; ``findings`` say where, what and what to do."""

    code = "invalid-edit"
    zh, en = "修改未被接受：{findings}。", "The edit was not accepted: {findings}."


class BrokenLayerFile(RejectedUpload):
    """A layer file with at least one blocking finding; the layer is kept out and the rest serves on."""

    code = "broken-layer-file"
    zh, en = (
        "图层文件 {file} 第 {line} 行，字段「{field}」：{reason}。",
        "Layer file {file}, line {line}, field “{field}”: {reason}.",
    )


class BrokenLedgerFile(RejectedUpload):
    """A plan ledger file that does not read."""

    code = "broken-ledger-file"
    zh, en = (
        "计划台账文件 {file} 第 {line} 行，字段「{field}」：{reason}。",
        "Plan ledger file {file}, line {line}, field “{field}”: {reason}.",
    )


class BrokenBasemapFile(RejectedUpload):
    """A file of configured basemaps that does not read, or has one that does not fit."""

    code = "broken-basemap-file"
    zh, en = (
        "底图配置 {file} 第 {line} 行，字段「{field}」：{reason}。",
        "Basemap file {file}, line {line}, field “{field}”: {reason}.",
    )
    advice_zh = "改好后重新启动；在此之前使用内置底图。"
    advice_en = "Mend it and start again; until then the built-in basemap is used."


class ServiceFault(GeoServiceError):
    """Our fault; the log has the trace under the incident id."""

    code, status = "service-fault", 500
    zh, en = "服务内部出错，事件编号 {incident}。", "Internal error, incident {incident}."
    advice_zh, advice_en = "请把编号告诉管理员。", "Tell your administrator this number."


class BrokenInstallation(ServiceFault):
    """Something that set-up should have put in place is missing or altered."""

    code = "broken-installation"
    zh, en = "安装不完整：{what}。", "The installation is incomplete: {what}."
    advice_zh, advice_en = "请运行 scripts/serve 重新安装。", "Run scripts/serve to set it up again."


class CannotListen(ServiceFault):
    """The address to serve on is taken, not allowed, or not of this machine."""

    code = "cannot-listen"
    zh, en = "无法监听 {address}：{reason}。", "Cannot listen on {address}: {reason}."
    advice_zh, advice_en = (
        "请停用占用它的程序，或换一个端口：--port 8001。",
        "Stop what holds it, or take another: --port 8001.",
    )


class StorageFault(ServiceFault):
    """The store cannot be opened, read or written."""

    code = "storage-fault"
    zh, en = "数据存储出错：{reason}。", "The store has a problem: {reason}."
    advice_zh, advice_en = "已确认的数据没有丢失。", "Nothing acknowledged is lost."


class DiskFull(StorageFault):
    """There is no room for what was to be written; nothing half written is kept."""

    code, status = "disk-full", 507
    zh, en = "磁盘空间不足，文件没有写成：{reason}。", "No space left for the file, nothing of it is kept: {reason}."
    advice_zh = "请管理员腾出空间（doctor 命令显示占用），然后重试。"
    advice_en = "Ask your administrator to make room (the doctor command shows what is used), then try again."


class JobTimedOut(ServiceFault):
    """Work that took longer than its limit; nothing of it is kept."""

    code, status = "job-timed-out", 504
    zh, en = "任务超过 {limit_s} 秒，已停止。", "The job took more than {limit_s} seconds and was stopped."
    advice_zh, advice_en = "请缩小范围或减少图层后重试。", "Try a smaller extent or fewer layers."


class Unavailable(ServiceFault):
    """Not now; try again shortly."""

    code, status = "unavailable", 503
    zh, en = "服务暂时不可用：{reason}。", "The service is not available right now: {reason}."
    advice_zh, advice_en = "请稍后重试。", "Try again shortly."


class BeingPrepared(Unavailable):
    """What a large layer is served from is being built; ask again in a moment."""

    code = "being-prepared"
    zh, en = "图层「{layer}」正在准备。", "Layer “{layer}” is being prepared."
    advice_zh, advice_en = "请稍后重试；其他图层不受影响。", "Try again in a moment; other layers are not affected."


class BasemapUnavailable(Unavailable):
    """The service of a configured basemap does not answer, or not with a picture."""

    code = "basemap-unavailable"
    zh, en = "底图「{basemap}」取不到：{reason}。", "Basemap “{basemap}” cannot be had: {reason}."
    advice_zh = "请检查底图服务与密钥；其他图层不受影响。"
    advice_en = "Look at the service and its key; layers are not affected."
