// Words of making a layer: each key [中文, English].

import { english } from "./words.js";

const WORDS = {
  about: ["图层", "The layer"],
  addField: ["添加字段", "Add a field"],
  again: ["按此重新读取", "Read it again so"],
  boolean: ["是/否", "yes or no"],
  code: ["代码", "code"],
  codes: ["代码表", "Codes"],
  codesHint: ["每行一个：代码=中文=英文", "one a line: value=Chinese=English"],
  create: ["建立图层", "Create the layer"],
  crs: ["坐标系", "Coordinate system"],
  date: ["日期", "date"],
  datetime: ["日期时间", "date and time"],
  declared: ["按文件声明", "as the file declares"],
  detect: ["自动识别", "detect"],
  en: ["英文名称", "English title"],
  encoding: ["编码", "Encoding"],
  fields: ["字段", "Fields"],
  fieldsHint: ["名称、进展、位置精度、资料来源、更新日期等公共字段每个图层都有，不在此列出。去掉勾选的字段不导入。", "Name, status, precision, source and date of update are in every layer and not listed. Fields without a tick are left out."],
  four_eyes: ["编制人不能审核自己的变更单", "Authors may not approve their own drafts"],
  id: ["图层编号", "Layer id"],
  idHint: ["小写字母、数字、下划线，建立后不能改", "lower-case letters, digits, underscores; never changes"],
  integer: ["整数", "whole number"],
  internal: ["内部", "Internal"],
  key: ["字段名", "Key"],
  kind: ["几何类型", "Geometry"],
  least: ["下限", "least"],
  line: ["线", "Lines"],
  most: ["上限", "most"],
  must: ["必填", "Required"],
  no: ["否", "No"],
  number: ["小数", "number"],
  outcome: ["试运行结果", "Rehearsal"],
  point: ["点", "Points"],
  polygon: ["面", "Areas"],
  precision: ["位置精度", "Precision of the positions"],
  public: ["公开", "Public"],
  queue: ["排队，前面还有", "waiting, before it:"],
  range: ["范围", "Range"],
  read: ["已读出", "Read"],
  reading: ["正在读取", "Reading"],
  rehearse: ["试运行", "Rehearse"],
  rows: ["行", "rows"],
  sample: ["示例", "Samples"],
  secrecy: ["密级", "Secrecy"],
  sending: ["正在上传", "Sending"],
  serial: ["编号字母", "Letters of the codes"],
  serialHint: ["大写字母，如 JSD，要素编号为 NK-JSD-001", "capitals such as JSD for NK-JSD-001"],
  source: ["资料来源", "Source"],
  sourceLayer: ["子图层", "Layer of the file"],
  symbol: ["符号", "Symbol"],
  take: ["导入", "Take"],
  text: ["文字", "text"],
  theme: ["分组", "Group"],
  titleEn: ["英文名", "English"],
  titleZh: ["中文名", "Chinese"],
  type: ["类型", "Type"],
  unit: ["单位", "Unit"],
  willHave: ["可建要素", "Features it will have:"],
  yes: ["是", "Yes"],
  zh: ["中文名称", "Chinese title"],
};

/** @typedef {keyof typeof WORDS} Word */

/**
 * A word in the page's language.
 * @param {Word} key
 */
export function n(key) {
  return WORDS[key][english ? 1 : 0];
}
