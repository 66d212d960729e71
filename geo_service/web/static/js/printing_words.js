// The words of the print room that scripts write.

import { english } from "./words.js";

const WORDS = {
  again: ["下载", "Download"],
  cancel: ["取消", "Cancel"],
  cancelled: ["已取消", "Cancelled"],
  drawing: ["正在成图 …", "Drawing …"],
  failed: ["未完成", "Failed"],
  nothing: ["还没有打印任务。", "Nothing was printed yet."],
  notes: ["提示", "notes"],
  pages: ["页", "pages"],
  saved: ["模板已保存。", "The template is saved."],
  selected: ["比例尺", "Scale"],
  waiting: ["排队中，前面还有", "Waiting; before it:"],
};

/** @param {keyof typeof WORDS} key */
export const w = (key) => WORDS[key][english ? 1 : 0];
