// The hours of a region as lines: solid where measured, dashed where forecast, dotted where modelled.
import uPlot from "../vendor/uplot/uPlot.esm.js";

const FAMILIES = { live: [], forecast: [7, 5], modelled: [2, 4], yearly: [2, 6] };
const box = document.getElementById("chart");
const readout = document.getElementById("readout");
const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const clock = (unix) => new Date(unix * 1000).toISOString().slice(11, 16);

/** One series per family. A line runs on into the first hour of the next family, so that it has no gap. */
function seriesOf(hours, family) {
  return hours.map((hour, index) => {
    const before = hours[index - 1];
    return hour.family === family || (before && before.family === family && before.value !== null) ? hour.value : null;
  });
}

function shadeComing(plot, nowUnix) {
  const { ctx, bbox } = plot;
  const x = plot.valToPos(nowUnix, "x", true);
  ctx.save();
  ctx.fillStyle = token("--coming");
  ctx.fillRect(x, bbox.top, bbox.left + bbox.width - x, bbox.height);
  ctx.restore();
}

function markNow(plot, nowUnix) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const x = plot.valToPos(nowUnix, "x", true);
  ctx.save();
  ctx.strokeStyle = token("--line-strong");
  ctx.lineWidth = ratio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.fillStyle = token("--muted");
  ctx.font = `500 ${11 * ratio}px Inter, system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  ctx.fillText("now", x + 6 * ratio, bbox.top + 13 * ratio);
  ctx.restore();
}

function optionsFor(hours, nowUnix) {
  const axis = { stroke: token("--muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
  const hasRange = hours.some((hour) => hour.low !== null && hour.high !== null);
  const edge = { stroke: "transparent", points: { show: false } };
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: { y: { range: (_, __, highest) => [0, Math.ceil(((highest ?? 100) + 20) / 100) * 100] } },
    axes: [
      { ...axis, grid: { show: false }, space: 80, size: 32, values: (_, ticks) => ticks.map(clock) },
      { ...axis, grid: { stroke: token("--line"), width: 1 }, size: 48 },
    ],
    series: [
      {},
      ...Object.entries(FAMILIES).map(([family, dash]) => ({ label: family, stroke: token(`--${family}-line`), width: 2, dash, points: { show: false } })),
      ...(hasRange ? [edge, edge] : []),
    ],
    bands: hasRange ? [{ series: [6, 5], fill: token("--coming") }] : [],
    tzDate: (unix) => uPlot.tzDate(new Date(unix * 1000), "Etc/UTC"),
    hooks: {
      drawClear: [(plot) => shadeComing(plot, nowUnix)],
      draw: [(plot) => markNow(plot, nowUnix)],
      setCursor: [
        (plot) => {
          const hour = hours[plot.cursor.idx ?? hours.findIndex((each) => each.isNow)];
          if (!hour) return;
          const [time, value, basis, source] = hour.words;
          readout.textContent = `${time} UTC: ${value} g CO₂e/kWh, ${basis}, ${source}`;
        },
      ],
    },
  };
}

/** Draw the hours, redraw on a change of theme, and follow the width of the page. */
export function drawHours(hours) {
  if (!hours.some((hour) => hour.value !== null)) return;
  box.hidden = false;
  readout.hidden = false;
  const nowUnix = hours.find((hour) => hour.isNow)?.unix ?? hours[0].unix;
  const hasRange = hours.some((hour) => hour.low !== null && hour.high !== null);
  const data = [
    hours.map((hour) => hour.unix),
    ...Object.keys(FAMILIES).map((family) => seriesOf(hours, family)),
    ...(hasRange ? [hours.map((hour) => hour.low), hours.map((hour) => hour.high)] : []),
  ];
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(hours, nowUnix), data, box);
  };
  draw();
  addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
}
