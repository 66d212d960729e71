// The chart of an answer, drawn on a canvas; tooltips are drawn too, so that no markup is made of data.

import { cssColor, onThemeChange } from "./theme.js";
import { said } from "./words.js";

const TONES = ["--tone-main", "--tone-gain", "--tone-warn", "--tone-cool", "--tone-loss"];
const MOST = 30;
const NAME_PX = 200;

/**
 * @param {HTMLElement} element
 * @param {any} answer
 */
export function drawChart(element, answer) {
  element.style.height = `${heightOf(answer)}px`;
  const chart = echarts.init(element);
  const draw = () => chart.setOption(optionsOf(answer, Math.min(NAME_PX, element.clientWidth * 0.4)), true);
  draw();
  onThemeChange(draw);
  new ResizeObserver(() => chart.resize()).observe(element);
}

/** The rows of the chart: the first ones, without a total among its parts. @param {any} answer @param {any[][]} rows @param {number} category */
function shownRows(answer, rows, category) {
  const left = new Set((answer.chart.leave_out ?? []).map((/** @type {any} */ t) => t.zh));
  return rows.filter((row) => !left.has(row[category]?.zh)).slice(0, MOST);
}

/** The colours of the series, as the page's style sheet calls them. @param {any} answer */
function tones(answer) {
  const own = (answer.chart.tones ?? []).map((/** @type {string} */ tone) => `--tone-${tone}`);
  return own.length ? own : TONES;
}

/** Bars lie, so that every name can be read: so high is the chart. @param {any} answer @returns {number} pixels */
function heightOf(answer) {
  const { kind, series, table, category } = answer.chart;
  const { columns, rows } = table ? answer.more[table - 1] : answer;
  const count = shownRows(answer, rows, columns.findIndex((/** @type {any} */ c) => c.key === category)).length;
  if (kind === "line") return 320;
  return 90 + count * (kind === "stacked" ? 26 : 14 + 12 * series.length);
}

/** @param {any} answer @param {number} room pixels for names */
function optionsOf(answer, room) {
  const { kind, title, category, table } = answer.chart;
  const { columns, rows } = table ? answer.more[table - 1] : answer;
  const at = (/** @type {string} */ key) => columns.findIndex((/** @type {any} */ c) => c.key === key);
  const name = (/** @type {any} */ value) => (value && typeof value === "object" ? said(value) : String(value ?? "—"));
  const shown = shownRows(answer, rows, at(category));
  const series = answer.chart.series.filter((/** @type {string} */ key) => at(key) >= 0);
  const upright = kind === "line";
  const ink = cssColor("--ink");
  const axis = { axisLabel: { color: ink }, axisLine: { lineStyle: { color: cssColor("--line-strong") } }, splitLine: { lineStyle: { color: cssColor("--line") } } };
  return {
    animation: false,
    title: { text: said(title), left: 0, top: 0, textStyle: { color: ink, fontSize: 14 } },
    tooltip: { trigger: "axis", renderMode: "richText", confine: true },
    legend: { type: "scroll", top: 28, left: 0, right: 0, textStyle: { color: ink }, pageTextStyle: { color: ink } },
    grid: { left: 4, right: 24, top: 62, bottom: 4, containLabel: true },
    color: tones(answer).map(cssColor),
    [upright ? "xAxis" : "yAxis"]: { type: "category", inverse: !upright, data: shown.map((/** @type {any} */ r) => name(r[at(category)])), ...axis, axisLabel: { color: ink, interval: 0, width: room, overflow: "truncate" } },
    [upright ? "yAxis" : "xAxis"]: { type: "value", splitNumber: 4, ...axis, axisLabel: { color: ink, hideOverlap: true } },
    series: series.map((/** @type {string} */ key) => ({
      name: said(columns[at(key)].title),
      type: upright ? "line" : "bar",
      stack: kind === "stacked" ? "all" : undefined,
      data: shown.map((/** @type {any} */ r) => r[at(key)]),
    })),
  };
}
