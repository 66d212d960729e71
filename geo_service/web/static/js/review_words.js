// Words of drafts, review and history: each key [中文, English].

import { english } from "./words.js";

const WORDS = {
  attachments: ["附件", "Attachments"],
  area: ["面积", "Area"],
  accept: ["接受", "Accept"],
  acceptAll: ["全部接受", "Accept all"],
  add: ["新增", "Added"],
  after: ["修改后", "After"],
  all: ["全部", "All"],
  becomes: ["新：", "now: "],
  before: ["修改前", "Before"],
  changes: ["变更", "Changes"],
  changedCells: ["改动的内容", "What changed"],
  clash: ["冲突", "Conflict"],
  clashLead: ["这些字段双方都改了，请逐项选择：", "Both sides changed these; choose one each:"],
  clashing: ["项冲突", "in conflict"],
  comment: ["意见", "Comment"],
  commentFeature: ["对这一项的意见", "Comment on this feature"],
  commentSend: ["发表", "Send"],
  delete: ["删除", "Deleted"],
  decided: ["已记录", "Recorded"],
  deleted: ["随整层替换删除", "deleted with the replacement"],
  deletes: ["删除这个要素", "delete the feature"],
  empty: ["（空）", "(empty)"],
  existence: ["要素是否保留", "Keep the feature?"],
  failed: ["操作未完成", "Not done"],
  field: ["字段", "Field"],
  findings: ["质检问题", "Findings"],
  fitAll: ["全部变更", "All changes"],
  feature: ["要素", "Feature"],
  geometry: ["图形", "Shape"],
  goesOn: ["编号沿用", "its id goes on"],
  goesOnElsewhere: ["编号由文件另一行沿用", "its id goes on in another row"],
  go: ["在地图上查看", "Show on the map"],
  keepsId: ["沿用原编号", "keeps the id"],
  keeps: ["保留这个要素", "keep the feature"],
  level_acknowledge: ["须确认", "To be acknowledged"],
  level_block: ["阻断", "Blocking"],
  level_fixed: ["已自动修正", "Fixed automatically"],
  level_warn: ["提示", "Note"],
  mapPlace: ["在地图上看位置", "Show the place"],
  leftOut: ["有阻断问题，未纳入", "left out: a blocking finding"],
  liesUnder: [
    "原要素不在文件中，发布后仍在，会与新图形重叠。若已不存在，请在文件里一并删除（整层替换，或另传“仅删除列表”）。",
    "A former feature is not in the file, so it stays and lies under the new shapes. If it is gone, delete it too: replace the whole layer, or send a list of deletions.",
  ],
  lineage: ["拆分与合并", "Splits and merges"],
  merge: ["合并", "Merge"],
  mergedFrom: ["合并了", "made of"],
  mergedInto: ["并入", "went into"],
  mergeNow: ["按所选合并", "Merge as chosen"],
  mine: ["本变更单", "This draft"],
  modify: ["修改", "Changed"],
  moved: ["位移", "moved"],
  newValue: ["改为", "To"],
  newId: ["新编号", "new id"],
  next: ["下一页", "Next page"],
  noChange: ["与现状相同，无需改动", "Same as the present state"],
  noGeometry: ["无图形（待落图）", "no shape (unlocated)"],
  none: ["没有符合条件的变更。", "No changes fit."],
  oldValue: ["原为", "From"],
  outcome: ["结果", "Outcome"],
  overlay: ["叠加", "Overlay"],
  pickSide: ["还有字段没有选择", "Choose a side for every field"],
  previous: ["上一页", "Previous page"],
  publish: ["发布", "Publish"],
  publishDone: ["已发布", "Published"],
  publishNothing: ["没有接受任何变更：请驳回", "Nothing accepted: reject the draft"],
  publishReady: ["可以发布", "Ready to publish"],
  reject: ["拒绝", "Reject"],
  rejectAll: ["全部拒绝", "Reject all"],
  reload: ["重新载入", "Reload"],
  row: ["行", "row"],
  rows: ["行", "rows"],
  showGroup: ["在地图上看这一组", "Show the group on the map"],
  stays: ["仍保留，将重叠", "stays and overlaps"],
  select: ["选中", "Selected"],
  shape: ["图形", "Shape"],
  split: ["拆分", "Split"],
  splitFrom: ["拆分自 / 同组：", "part of a split with"],
  splitInto: ["拆分为", "split into"],
  swipe: ["卷帘", "Swipe"],
  swipeAt: ["卷帘位置：左为修改前，右为修改后", "Swipe: before on the left, after on the right"],
  theirs: ["已发布的（他人）", "Published (others)"],
  base: ["原值", "Was"],
  undecided: ["未决", "Undecided"],
  undecidedCount: ["项未决", "undecided"],
  vertices: ["个折点", "vertices"],
  was: ["原：", "was: "],
  view: ["显示方式", "View"],
  zoomIn: ["放大", "Zoom in"],
  zoomOut: ["缩小", "Zoom out"],
  waits: ["尚不能发布：", "Not yet: "],
  wholeDistrict: ["全区", "Whole district"],
  filter: ["筛选变更", "Filter changes"],
  decide: ["审核决定", "Decision"],
  again: ["图层已更新，请重新载入后再看一遍。", "The layer moved on; reload and look again."],
  shortcuts: ["卡片获得焦点时：A 接受，R 拒绝，J/K 下一项/上一项", "With a card focused: A accept, R reject, J/K next/previous"],
};

/** @typedef {keyof typeof WORDS} Word */

/**
 * A word in the page's language.
 * @param {Word} key
 */
export function w(key) {
  return WORDS[key][english ? 1 : 0];
}

/**
 * Figures and words with a space between them, as both languages set them.
 * @param {...(string | number)} parts
 */
export function joined(...parts) {
  return parts.join(" ");
}
