// Words of the upload page: each key [中文, English].

import { english } from "./words.js";

const WORDS = {
  ahead: ["排队中，前面还有", "Waiting; files before it:"],
  again: ["按此重新预检", "Examine again so"],
  agree: ["我已看过须确认的问题，数据无误", "I have looked at what must be acknowledged; the data are right"],
  asId: ["编号（用于识别要素）", "Id (recognises features)"],
  asIs: ["（不导入）", "(leave out)"],
  cancel: ["取消", "Cancel"],
  cancelled: ["已取消，没有写入任何数据。", "Cancelled; nothing was written."],
  changes: ["变化", "Changes"],
  crs: ["坐标系", "Coordinate system"],
  crsOther: ["其他坐标系", "Another one"],
  chooseCrs: ["请先在上面选择坐标系。", "Choose the coordinate system above first."],
  csv: ["问题清单 CSV", "Findings as CSV"],
  declared: ["文件声明", "The file states"],
  draft: ["生成变更单", "Make a draft"],
  encoding: ["文字编码", "Text encoding"],
  fileRow: ["第 {n} 行", "row {n}"],
  findings: ["问题", "Findings"],
  first: ["首页", "First page"],
  format: ["格式", "Format"],
  from: ["文件字段", "Field of the file"],
  gpkg: ["问题点位 GeoPackage", "Findings as GeoPackage"],
  how: ["依据", "Why"],
  inDistrict: ["在区内", "in the district"],
  inUse: ["采用中", "in use"],
  known: ["用于识别要素", "recognises features"],
  last: ["末页", "Last page"],
  later: ["修改后", "After"],
  lost: ["连接中断，请重试。", "The connection was lost; try again."],
  mapping: ["字段对应", "Fields"],
  none: ["没有发现问题。", "Nothing is wrong."],
  noneOfKind: ["没有这一类。", "There are none of this kind."],
  notInFile: ["文件里没有", "not in the file"],
  nothing: ["与现有数据没有差别，不需要变更单。", "Nothing differs from what there is; no draft is needed."],
  nowhere: ["不在地球上的任何地方", "nowhere on earth"],
  note: ["变更说明", "What and why"],
  noteHint: ["例如：依据 2026 年管线普查成果更新", "for example: after the 2026 pipe survey"],
  onMap: ["在地图上查看", "on the map"],
  preview: ["预览", "Preview"],
  refused: ["没有可用的数据。请按上面的提示改好文件后重新上传。", "No usable data. Mend the file as said above and send it again."],
  row: ["行", "Row"],
  samples: ["示例", "Samples"],
  sending: ["正在上传", "Sending"],
  source: ["子图层", "Layer of the file"],
  stopping: ["正在取消…", "Stopping…"],
  submit: ["下一步", "Next"],
  submitLead: ["预检没有写入任何数据。生成变更单后可再看一遍，再提交审核。", "The dry run wrote nothing. A draft can be looked at once more before it goes to review."],
  target: ["对应到", "Goes to"],
  typeDeletions: ["整层替换将删除的要素数，请输入以确认：", "Features the replacement deletes; type the number to confirm:"],
  use: ["采用这个解释", "Read it so"],
};

const TALLY = {
  rows: ["读到行数", "rows read"],
  accepted: ["可用", "usable"],
  added: ["新增", "added"],
  modified: ["修改", "changed"],
  deleted: ["删除", "deleted"],
  unchanged: ["未变", "unchanged"],
};

const KINDS = {
  all: ["全部变化", "All changes"],
  add: ["新增", "Added"],
  modify: ["修改", "Changed"],
  delete: ["删除", "Deleted"],
  unchanged: ["未变", "Unchanged"],
  split: ["拆分", "Split"],
  merge: ["合并", "Merged"],
};

const METHODS = {
  id: ["按编号识别", "recognised by its id"],
  geometry: ["按相同图形识别", "recognised by the same shape"],
  name: ["按名称识别", "recognised by its name"],
  overlap: ["按重叠识别", "recognised by overlap"],
  nearest: ["按最近位置识别", "recognised as the nearest"],
};

const STAGES = {
  opening: ["识别格式", "Recognising the format"],
  reading: ["读取要素", "Reading features"],
  crs: ["判断坐标系", "Judging coordinates"],
  geometry: ["检查图形", "Checking shapes"],
  identity: ["识别要素", "Recognising features"],
  comparing: ["比较差别", "Comparing"],
  waiting: ["正在准备", "Getting ready"],
};

const HOW = {
  chosen: ["您的选择（已记住）", "your choice (remembered)"],
  key: ["字段名", "field name"],
  alias: ["别名", "alias"],
  title: ["标题", "title"],
  short: ["短字段名", "short name"],
  prefix: ["截断的字段名", "cut field name"],
  reserved: ["要素编号", "feature id"],
  derived: ["自动计算，不导入", "computed, not taken"],
  ambiguous: ["有多个可能，请选择", "several fit, choose one"],
  none: ["没有对应字段", "no such field"],
};

const ALL = { ...prefixed("tally", TALLY), ...prefixed("stage", STAGES), ...prefixed("how", HOW), ...prefixed("kind", KINDS), ...prefixed("method", METHODS), ...WORDS };

/**
 * @param {string} prefix
 * @param {Record<string, string[]>} words
 * @returns {Record<string, string[]>}
 */
function prefixed(prefix, words) {
  return Object.fromEntries(Object.entries(words).map(([key, text]) => [`${prefix}-${key}`, text]));
}

/** Figures of a dry run in the order they are shown. */
export const FIGURES = Object.keys(TALLY);

/**
 * A word in the page's language; the key itself where there is none.
 * @param {keyof typeof WORDS | `tally-${string}` | `stage-${string}` | `how-${string}` | `kind-${string}` | `method-${string}`} key
 * @returns {string}
 */
export function w(key) {
  const words = /** @type {Record<string, string[]>} */ (ALL)[key];
  return words ? words[english ? 1 : 0] : key.replace(/^\w+-/, "");
}
