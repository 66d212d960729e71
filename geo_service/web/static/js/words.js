// Words of the map page: each key [中文, English]. Titles of layers, fields and codes come from the server in both.

/** @typedef {import("./types").Text} Text */

export const english = document.documentElement.lang.startsWith("en");

const WORDS = {
  about: ["关于", "About"],
  addPoint: ["在地图上单击取点；双击或回车结束，退格撤销一点，Esc 退出", "Click to add points; double-click or Enter to finish, Backspace to undo, Esc to leave"],
  all: ["全部", "All"],
  allSubject: ["全部图层", "All layers"],
  analyses: ["分析", "Analyses"],
  area: ["测面积", "Area"],
  asOfDay: ["数据截至", "Data as of"],
  asOfEdition: ["数据版次", "Edition"],
  asOfPresent: ["回到现在", "Back to the present"],
  asOf: ["历史版本", "Past revision"],
  asOfPage: ["历史日期", "Past days"],
  asOfBack: ["回到当前版本", "Back to the current revision"],
  atlas: ["图集", "Atlas"],
  atlasOf: ["把表中的要素打印成图集，每个一页", "Print the features of the table as an atlas, a page each"],
  atlasTooMany: ["图集须有 1 至 200 页，请先筛选", "An atlas has 1 to 200 pages; filter first"],
  attribution: ["底图：参考图层，非测绘成果", "Basemap: reference layers, not surveyed"],
  basemap: ["底图", "Basemap"],
  basemapLost: ["底图服务没有应答，已换回内置底图", "the service does not answer, the built-in basemap is back"],
  buttons: ["地图按钮", "Map buttons"],
  classes: ["图例与分类筛选", "Legend and class filter"],
  clear: ["清除", "Clear"],
  clearFilter: ["清除筛选条件", "Clear the filter"],
  close: ["关闭", "Close"],
  collapse: ["收起", "Collapse"],
  commitment: ["计划原文", "The plan's words"],
  commitmentKind: ["计划任务", "Commitment"],
  coordinateKind: ["坐标", "Coordinate"],
  copied: ["已复制", "Copied"],
  copyCoordinate: ["复制坐标", "Copy the coordinate"],
  copyFailed: ["复制失败，请手动选择地址栏内容", "Could not copy; select the address by hand"],
  copyLink: ["复制链接", "Copy link"],
  crs: ["坐标系", "Coordinate system"],
  date: ["制图日期", "Date"],
  distance: ["测距", "Distance"],
  due: ["期限", "Due"],
  dueStart: ["开工期限", "Start due"],
  edit: ["编辑", "Edit"],
  empty: ["未填", "empty"],
  error: ["误差 ±", "error ±"],
  exportCsv: ["导出 CSV", "Export CSV"],
  exportXlsx: ["导出 Excel", "Export Excel"],
  extent: ["全区", "Whole district"],
  failed: ["读取失败", "Could not be read"],
  featurePage: ["详情页", "Page"],
  features: ["个要素", "features"],
  fields: ["属性", "Attributes"],
  filter: ["筛选文字", "Filter by text"],
  first: ["首页", "First page"],
  footnote: ["虚线空心、标“示意”者位置未经测绘，不得作为测绘成果使用。", "Hollow dotted features are illustrative: their positions are not surveyed."],
  help: ["帮助", "Help"],
  hideIllustrative: ["隐藏示意", "Hide illustrative"],
  history: ["版本", "Revisions"],
  illustrative: ["示意", "illustrative"],
  illustrativeLong: ["位置为示意，非测绘成果", "Illustrative position, not surveyed"],
  inView: ["仅当前视图", "In view only"],
  labels: ["标注", "Labels"],
  language: ["中文", "EN"],
  last: ["末页", "Last page"],
  layerKind: ["图层", "Layer"],
  layerPage: ["元数据", "Metadata"],
  layers: ["图层", "Layers"],
  legend: ["图例", "Legend"],
  linkCopied: ["链接已复制", "Link copied"],
  loading: ["正在读取…", "Loading …"],
  map: ["地图", "Map"],
  mapLost: ["图层读取失败", "Layer could not be read"],
  measureArea: ["面积", "Area"],
  measureLength: ["长度", "Length"],
  measurePerimeter: ["周长", "Perimeter"],
  measured: ["图上量算", "Measured"],
  more: ["更多", "More"],
  noRows: ["没有符合条件的要素", "No features fit"],
  no: ["否", "No"],
  yes: ["是", "Yes"],
  planName: ["《南开区 2025 年国民经济和社会发展计划》", "District plan for 2025"],
  chooseLayer: ["选择图层", "Choose a layer"],
  next: ["下一页", "Next page"],
  nextFeature: ["下一个要素", "Next feature"],
  noHit: ["没有找到", "Nothing found for"],
  nothingHere: ["此处没有要素", "No feature here"],
  notReported: ["尚未填报", "Not yet reported"],
  onePage: ["一页纸", "Sheet"],
  onePageTo: ["项目一页纸：地图、属性、计划原文和照片", "One-page sheet: map, attributes, the plan's words, photo"],
  opacity: ["不透明度", "Opacity"],
  outOf: ["/", "of"],
  ownBasemap: ["内置（参考图层）", "Built in (reference layers)"],
  page: ["页", "page"],
  pages: ["其他页面", "Other pages"],
  layersPage: ["图层目录", "Layers"],
  unlocatedPage: ["待落图", "Unlocated"],
  plan: ["计划台账", "Plan"],
  planPage: ["在台账中查看", "See in the plan"],
  precision: ["位置精度", "Precision"],
  precisionShares: ["位置精度构成", "Positions by precision"],
  previous: ["上一页", "Previous page"],
  previousFeature: ["上一个要素", "Previous feature"],
  preparing: ["正在准备", "being prepared"],
  print: ["打印", "Print"],
  sheet: ["制图", "Sheet"],
  sheetTo: ["制图：按比例尺打印图幅", "Sheet: print true to scale"],
  promise: ["计划承诺", "Promised"],
  reported: ["填报进展", "Reported"],
  revision: ["版本", "Revision"],
  rowsOf: ["条", "rows"],
  scale: ["比例尺", "Scale"],
  search: ["搜索", "Search"],
  searchHint: ["搜索项目、学校、道路、计划任务或坐标　/", "Search projects, schools, streets, commitments, coordinates  /"],
  savedResults: ["分析结果", "Saved results"],
  searchHits: ["搜索结果", "Search results"],
  selected: ["已选中", "Selected"],
  source: ["资料来源", "Source"],
  sortBy: ["排序", "Sort by"],
  stacked: ["此处共", "Here"],
  status: ["进展", "Status"],
  subdistrict: ["街道", "Subdistrict"],
  table: ["属性表", "Table"],
  theme: ["深浅色", "Theme"],
  title: ["南开区规划建设一张图", "Nankai District planning map"],
  tools: ["工具", "Tools"],
  unlocated: ["待落图", "unlocated"],
  updated: ["更新", "Updated"],
  visible: ["显示图层", "Show layer"],
  zoomIn: ["放大", "Zoom in"],
  zoomOut: ["缩小", "Zoom out"],
  zoomTo: ["缩放至", "Zoom to"],
  zoomToLayer: ["缩放至图层", "Zoom to layer"],
};

/** @typedef {keyof typeof WORDS} Word */

/**
 * A word in the page's language.
 * @param {Word} key
 */
export function t(key) {
  return WORDS[key][english ? 1 : 0];
}

/**
 * The side of a bilingual text that fits the page; the other where that is empty.
 * @param {Text} text
 */
export function said(text) {
  return (english ? text.en || text.zh : text.zh || text.en) || "";
}

/**
 * A number with thousands separators and at most so many decimals.
 * @param {number} value
 * @param {number} [decimals]
 */
export function number(value, decimals = 2) {
  return value.toLocaleString(english ? "en" : "zh-CN", { maximumFractionDigits: decimals });
}

/**
 * A number with exactly so many decimals and no separators.
 * @param {number} value
 * @param {number} decimals
 */
export function fixed(value, decimals) {
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: false });
}

/**
 * A word in brackets as the language writes them: "（示意 40）" or " (40 illustrative)".
 * @param {Word} key
 * @param {number} count
 */
export function aside(key, count) {
  return english ? ` (${number(count, 0)} ${t(key)})` : `（${t(key)} ${number(count, 0)}）`;
}

/**
 * Let the language link keep the query and the place on the map.
 * @param {HTMLAnchorElement} link
 */
export function installLanguageLink(link) {
  link.addEventListener("click", () => {
    const url = new URL(location.href);
    url.searchParams.set("lang", english ? "zh" : "en");
    link.href = url.pathname + url.search + url.hash;
  });
}
