// The words of the print room that scripts write.

import { english } from "./words.js";

const WORDS = {
  again: ["下载", "Download"],
  cancel: ["取消", "Cancel"],
  classesHidden: ["个分类不画", "classes left out"],
  comma: ["，", ", "],
  cancelled: ["已取消", "Cancelled"],
  drawing: ["正在成图 …", "Drawing …"],
  dropped: ["模板已删除：", "Dropped the template "],
  failed: ["未完成", "Failed"],
  nothing: ["还没有打印任务。", "Nothing was printed yet."],
  leaveTaken: ["改用当前数据", "Take all, as of now"],
  noIllustrative: ["不画示意要素", "no illustrative positions"],
  noLabels: ["不注名称", "no names"],
  notes: ["提示", "notes"],
  page: ["页", "page"],
  pages: ["页", "pages"],
  saved: ["模板已保存：", "Saved the template "],
  selected: ["比例尺", "Scale"],
  taken: ["随地图带入：", "Taken from the map:"],
  waiting: ["排队中，前面还有", "Waiting; before it:"],
};

/** @param {keyof typeof WORDS} key */
export const w = (key) => WORDS[key][english ? 1 : 0];
