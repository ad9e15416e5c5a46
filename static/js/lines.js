// Any table as a chart: rows have data-x and data-v (values by comma, empty where there is none), the part says how they are drawn.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { timeAxis, token } from "./chart.js";

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const number = (text) => (text === "" ? null : Number(text));
const PATHS = {
  line: () => undefined,
  step: () => uPlot.paths.stepped({ align: 1 }),
  stepBack: () => uPlot.paths.stepped({ align: -1 }),
  bars: () => uPlot.paths.bars({ size: [0.7, 36], radius: 0.15 }),
};

function rowsOf(table) {
  return [...table.querySelectorAll("tbody tr[data-x]")].map((row) => ({
    unix: Number(row.dataset.x),
    values: row.dataset.v.split(",").map(number),
    words: [...row.cells].map((cell) => cell.textContent.trim()),
  }));
}

function wordsOf(row, heads) {
  const [first, ...rest] = row.words;
  const told = rest.flatMap((text, index) => (text === "" ? [] : [`${heads[index + 1]} ${text}`]));
  return `${first}: ${told.join(", ")}`;
}

function seriesOf({ label, colour, kind = "line", dash, scale = "y" }) {
  const stroke = token(`--${colour}`);
  const bars = kind === "bars";
  return { label, scale, stroke, fill: bars ? stroke : undefined, width: bars ? 0 : 2, dash, spanGaps: kind === "line", points: { show: kind === "line", size: 5 }, paths: PATHS[kind]() };
}

function markAt(plot, x, words) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const left = plot.valToPos(x, "x", true);
  const isRight = left > bbox.left + bbox.width * 0.7;
  ctx.save();
  ctx.strokeStyle = token("--line-strong");
  ctx.lineWidth = ratio;
  ctx.beginPath();
  ctx.moveTo(left, bbox.top);
  ctx.lineTo(left, bbox.top + bbox.height);
  ctx.stroke();
  ctx.fillStyle = token("--muted");
  ctx.font = `500 ${11 * ratio}px Inter, system-ui, sans-serif`;
  ctx.textAlign = isRight ? "right" : "left";
  ctx.fillText(words, left + (isRight ? -6 : 6) * ratio, bbox.top + 13 * ratio);
  ctx.restore();
}

function optionsFor(box, told, rows, how) {
  const axis = { stroke: token("--muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
  const short = (_, ticks) => ticks.map((each) => (each === null ? "" : compact.format(each)));
  const hasSecond = how.series.some((each) => each.scale === "second");
  const above = (_, __, highest) => [0, highest > 0 ? highest * 1.1 : 1];
  const around = (_, lowest, highest) => {
    const room = (highest - lowest || Math.abs(highest) || 1) * 0.1;
    return [Math.min(0, lowest - room), highest + room];
  };
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [10, how.x === "time" ? 12 : 30, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: { x: { time: how.x === "time" }, y: { range: around }, ...(hasSecond ? { second: { range: above } } : {}) },
    axes: [
      { ...axis, grid: { show: false }, size: 32, ...(how.x === "time" && rows.length > 1 ? timeAxis(rows) : how.x === "time" ? {} : { values: short }) },
      { ...axis, grid: { stroke: token("--line"), width: 1 }, size: 62, values: short },
      ...(hasSecond ? [{ ...axis, scale: "second", side: 1, grid: { show: false }, size: 56, values: short }] : []),
    ],
    series: [{}, ...how.series.map(seriesOf)],
    tzDate: (unix) => uPlot.tzDate(new Date(unix * 1000), "Etc/UTC"),
    hooks: {
      draw: how.mark === undefined ? [] : [(plot) => markAt(plot, how.mark, how.markWords)],
      setCursor: [(plot) => (told.readout.textContent = wordsOf(rows[plot.cursor.idx ?? rows.length - 1], told.heads))],
    },
  };
}

/** Draw the table in `part` as its `data-lines` says; redraw on a change of theme, and follow the width of the page. */
export function drawLines(part) {
  const [box, readout, table] = [".chart", ".readout", "table"].map((each) => part.querySelector(each));
  const rows = table ? rowsOf(table) : [];
  if (rows.length < 2 || !box || box.childElementCount > 0) return;
  box.hidden = false;
  readout.hidden = false;
  const how = JSON.parse(part.dataset.lines);
  const told = { readout, heads: [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim().toLowerCase()) };
  const data = [rows.map((row) => row.unix), ...how.series.map((_, index) => rows.map((row) => row.values[index] ?? null))];
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(box, told, rows, how), data, box);
    readout.textContent = wordsOf(rows.at(-1), told.heads);
  };
  draw();
  addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
}

/** Draw every part of the page that is not drawn yet. */
export function drawAll() {
  for (const part of document.querySelectorAll("[data-lines]")) drawLines(part);
}
