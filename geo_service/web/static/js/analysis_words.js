// The words of the analysis pages that scripts write.

import { english } from "./words.js";

const WORDS = {
  allRows: ["显示全部 {n} 行", "Show all {n} rows"],
  cancel: ["取消", "Cancel"],
  cancelled: ["已取消，没有保留任何结果。", "Cancelled; nothing was kept."],
  firstRows: ["现显示前 {n} 行", "The first {n} are shown"],
  left: ["约还需 {n} 秒", "about {n} s left"],
  noResults: ["还没有保存的结果。", "Nothing is saved yet."],
  open: ["打开", "Open"],
  outdated: ["数据已更新", "Out of date"],
  progress: ["进度", "Progress"],
  reading: ["读取图层", "Reading layer"],
  savedResult: ["保存的分析结果", "Saved result"],
  starting: ["正在启动计算进程 …", "Starting a worker …"],
  toAnalyses: ["去分析", "To the analyses"],
  waiting: ["排队中：前面还有 {n} 项分析", "Waiting: {n} before it"],
  working: ["计算中", "Working it out"],
  writing: ["整理结果 …", "Writing the result …"],
};

/** @param {keyof typeof WORDS} key */
export const w = (key) => WORDS[key][english ? 1 : 0];
