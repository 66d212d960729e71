// Words of editing: each key [中文, English].

import { english } from "./words.js";

const WORDS = {
  addFeature: ["画新要素", "Draw a feature"],
  areaOnly: ["您只能编辑以下街道内的要素：", "You may edit features in these subdistricts only: "],
  cancelDrawing: ["取消绘制", "Stop drawing"],
  changes: ["本变更单的改动", "Changes in this draft"],
  choose: ["（不填）", "(empty)"],
  chooseLayer: ["编辑的图层", "Layer to edit"],
  close: ["结束编辑", "Stop editing"],
  closeFeature: ["返回列表", "Back to the list"],
  deleted: ["删除", "deleted"],
  added: ["新增", "added"],
  modified: ["修改", "changed"],
  deleteFeature: ["删除要素", "Delete the feature"],
  drafted: ["已存入变更单", "Saved in the draft"],
  drawLine: ["在地图上依次单击画线，双击末点结束", "Click to draw the line, click the last point to finish"],
  drawPoint: ["在地图上单击放置", "Click to place it"],
  drawArea: ["依次单击画边界，单击起点闭合；靠近已有边界自动捕捉（按住 Alt 暂停）", "Click the corners, click the first one to close; it snaps to edges nearby (hold Alt to pause)"],
  drawHole: ["画出要挖去的范围，单击起点闭合", "Draw what is to be cut out, click the first corner to close"],
  drawSplit: ["画一条穿过要素的分割线，单击末点结束", "Draw a line through the feature, click its last point to finish"],
  edit: ["编辑", "Edit"],
  editing: ["在线编辑", "Editing"],
  empty: ["在地图上单击要素即可修改，或画新要素。", "Click a feature on the map to change it, or draw one."],
  failed: ["未能保存", "Could not be saved"],
  geometry: ["图形", "shape"],
  hole: ["挖洞", "Cut a hole"],
  left: ["改动已存入变更单，可随时继续", "Your changes are kept in the draft; come back any time"],
  move: ["整体移动", "Move"],
  needsFeature: ["请先单击要编辑的要素", "Click the feature to edit first"],
  newFeature: ["新要素", "New feature"],
  nothingToUndo: ["没有可撤销的操作", "Nothing to undo"],
  note: ["变更说明（供审核人参考）", "What this draft is for"],
  notPresent: ["图层正按历史版本显示，请先回到当前版本再编辑", "The layer shows a past revision; go back to the present one to edit"],
  openDraft: ["查看变更单", "Open the draft"],
  pick: ["单击要素修改，拖动折点改图形", "Click a feature; drag its corners"],
  redo: ["重做", "Redo"],
  required: ["必填", "required"],
  revert: ["还原", "Revert"],
  save: ["保存属性", "Save"],
  saveNew: ["存入变更单", "Add to the draft"],
  seeFields: ["请更正标红的字段", "correct the fields marked red"],
  split: ["分割", "Split"],
  splitDone: ["已分割为多个要素", "Split into parts"],
  submit: ["提交审核", "Submit for review"],
  submitted: ["已提交审核", "Submitted for review"],
  tools: ["编辑工具", "Editing tools"],
  undo: ["撤销", "Undo"],
  undone: ["已撤销", "Undone"],
  redone: ["已重做", "Redone"],
  unsaved: ["属性尚未保存", "Attributes not saved yet"],
  vertices: ["修改折点", "Edit corners"],
  range: ["范围", "Range"],
  statusOne: ["更新填报进展", "Report progress"],
  statusDone: ["填报进展已写入变更单，审核发布后生效", "Written to your draft; it counts once reviewed and published"],
  bulk: ["批量改进展", "Set status"],
  bulkChoose: ["把选中要素的填报进展改为", "Set the reported status of the ticked features to"],
  bulkApply: ["写入变更单", "Add to the draft"],
  bulkPicked: ["个已选", "ticked"],
  bulkAll: ["选中本页全部", "Tick the whole page"],
  bulkOne: ["选中", "Tick"],
  bulkNone: ["请先勾选要素", "Tick some features first"],
  bulkDone: ["项已写入变更单", "changes added to the draft"],
};

/** @typedef {keyof typeof WORDS} Word */

/**
 * A word in the page's language.
 * @param {Word} key
 */
export function w(key) {
  return WORDS[key][english ? 1 : 0];
}
