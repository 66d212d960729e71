// The chart of an answer, drawn on a canvas; tooltips are drawn too, so that no markup is made of data.

import { cssColor, onThemeChange } from "./theme.js";
import { said } from "./words.js";

const TONES = ["--tone-main", "--tone-gain", "--tone-warn", "--tone-cool", "--tone-loss"];

/**
 * @param {HTMLElement} element
 * @param {any} answer
 */
export function drawChart(element, answer) {
  const chart = echarts.init(element);
  const draw = () => chart.setOption(optionsOf(answer), true);
  draw();
  onThemeChange(draw);
  new ResizeObserver(() => chart.resize()).observe(element);
}

/** @param {any} answer */
function optionsOf(answer) {
  const { kind, title, category, series, table } = answer.chart;
  const { columns, rows } = table ? answer.more[table - 1] : answer;
  const at = (/** @type {string} */ key) => columns.findIndex((/** @type {any} */ c) => c.key === key);
  const name = (/** @type {any} */ value) => (value && typeof value === "object" ? said(value) : String(value ?? "—"));
  const shown = rows.slice(0, 30);
  const ink = cssColor("--ink");
  const axis = { axisLabel: { color: ink }, axisLine: { lineStyle: { color: cssColor("--line-strong") } }, splitLine: { lineStyle: { color: cssColor("--line") } } };
  return {
    animation: false,
    title: { text: said(title), left: 0, top: 0, textStyle: { color: ink, fontSize: 14 } },
    tooltip: { trigger: "axis", renderMode: "richText" },
    legend: { top: 28, left: 0, textStyle: { color: ink } },
    grid: { left: 50, right: 16, top: 72, bottom: 70 },
    color: TONES.map(cssColor),
    xAxis: { type: "category", data: shown.map((/** @type {any} */ r) => name(r[at(category)])), ...axis, axisLabel: { color: ink, rotate: 35 } },
    yAxis: { type: "value", ...axis },
    series: series
      .filter((/** @type {string} */ key) => at(key) >= 0)
      .map((/** @type {string} */ key) => ({
        name: said(columns[at(key)].title),
        type: kind === "line" ? "line" : "bar",
        stack: kind === "stacked" ? "all" : undefined,
        data: shown.map((/** @type {any} */ r) => r[at(key)]),
      })),
  };
}
