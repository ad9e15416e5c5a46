// What was spent by hour as columns. Hours in which somebody was turned away have another colour.
import uPlot from "../vendor/uplot/uPlot.esm.js";
import { timeAxis, token } from "./chart.js";

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

function hoursOf(table) {
  return [...table.querySelectorAll("tbody tr")].map((row) => ({
    unix: Number(row.dataset.unix),
    value: Number(row.dataset.value),
    isRefused: "refused" in row.dataset,
    words: [...row.cells].map((cell) => cell.textContent.trim()),
  }));
}

const wordsOf = ({ words: [time, spent, refusals] }) => `${time} UTC: ${spent} spent${refusals === "0" ? "" : `, ${refusals} ${refusals === "1" ? "ask" : "asks"} turned away`}`;

function seriesOf(label, colour) {
  return { label, fill: token(colour), stroke: token(colour), width: 0, points: { show: false }, paths: uPlot.paths.bars({ size: [0.72, 40], radius: 0.15 }) };
}

function optionsFor(box, readout, hours) {
  const axis = { stroke: token("--muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
  const step = hours.length > 1 ? hours[1].unix - hours[0].unix : 3600;
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { show: false } },
    scales: {
      // At least a day: one column alone would be as wide as its hour cut into minutes.
      x: { range: () => [Math.min(hours[0].unix, hours.at(-1).unix - 23 * step) - step * 0.6, hours.at(-1).unix + step * 0.6] },
      y: { range: (_, __, highest) => [0, highest > 0 ? highest * 1.1 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 32, ...timeAxis(hours) },
      { ...axis, grid: { stroke: token("--line"), width: 1 }, size: 56, values: (_, ticks) => ticks.map((each) => compact.format(each)) },
    ],
    series: [{}, seriesOf("spent", "--b0"), seriesOf("spent where asks were turned away", "--b4")],
    tzDate: (unix) => uPlot.tzDate(new Date(unix * 1000), "Etc/UTC"),
    hooks: { setCursor: [(plot) => (readout.textContent = wordsOf(hours[plot.cursor.idx ?? hours.length - 1]))] },
  };
}

/** Draw the hours of the table in `part` as columns; redraw on a change of theme, and follow the width of the page. */
export function drawBars(part) {
  const [box, readout, table] = [".chart", ".readout", "table"].map((each) => part.querySelector(each));
  const hours = table ? hoursOf(table) : [];
  if (hours.length === 0) return;
  box.hidden = false;
  readout.hidden = false;
  const data = [hours.map((hour) => hour.unix), ...[false, true].map((refused) => hours.map((hour) => (hour.isRefused === refused ? hour.value : null)))];
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(box, readout, hours), data, box);
    readout.textContent = wordsOf(hours.at(-1));
  };
  draw();
  addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
}
