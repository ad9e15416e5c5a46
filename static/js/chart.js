// Hours as lines: solid where measured, dashed where forecast, dotted where modelled, with their range as a band.
import uPlot from "../vendor/uplot/uPlot.esm.js";

const FAMILIES = { live: [], forecast: [7, 5], modelled: [2, 4], yearly: [2, 6], marginal: [] };
const DAY_S = 86_400;
export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const iso = (unix) => new Date(unix * 1000).toISOString();
const clock = (unix) => iso(unix).slice(11, 16);
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const day = (unix) => `${Number(iso(unix).slice(8, 10))} ${MONTHS[Number(iso(unix).slice(5, 7)) - 1]}`;
const isKnown = (hour) => hour.low !== null && hour.high !== null;

/** One series per family. A line begins at the last hour of the family before: no gap, and none ends beyond its own hours. */
function seriesOf(hours, family) {
  return hours.map((hour, index) => {
    const after = hours[index + 1];
    return hour.family === family || (after && after.family === family && after.value !== null) ? hour.value : null;
  });
}

/** The hours of a family that no line reaches, as dots: the only measured hour before forecasts, say. */
function aloneIn(hours, family) {
  return (plot, seriesIndex) => {
    const values = plot.data[seriesIndex];
    const isAlone = (hour, index) => hour.family === family && values[index] !== null && (values[index - 1] ?? values[index + 1] ?? null) === null;
    return hours.flatMap((hour, index) => (isAlone(hour, index) ? [index] : []));
  };
}

function dotsOf(hours, family) {
  const colour = token(`--${family}-line`);
  return { show: false, size: 6, fill: colour, stroke: colour, filter: aloneIn(hours, family) };
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

/** Hours of a day by the clock; of several days, midnights by their date. */
export function timeAxis(hours) {
  const isLong = hours.at(-1).unix - hours[0].unix > 3 * DAY_S;
  const label = (unix) => (unix % DAY_S === 0 ? day(unix) : clock(unix));
  return isLong ? { space: 64, incrs: [1, 2, 4, 7].map((days) => days * DAY_S), values: (_, ticks) => ticks.map(day) } : { space: 80, values: (_, ticks) => ticks.map(label) };
}

function wordsOf(hour) {
  const [time, value, ...rest] = hour.words;
  if (hour.family === "marginal") return `${time} UTC: ${value} g CO₂/kWh marginal, ${rest.join(", ")}`;
  const [range, basis, source] = rest;
  return `${time} UTC: ${value} g CO₂e/kWh${isKnown(hour) ? ` (${range})` : ""}, ${source.startsWith(basis) ? source : `${basis}, ${source}`}`;
}

function optionsFor(box, readout, hours, nowUnix) {
  const axis = { stroke: token("--muted"), font: "12px Inter, system-ui, sans-serif", ticks: { show: false } };
  const families = Object.entries(FAMILIES);
  const edge = { stroke: "transparent", points: { show: false } };
  const hasRange = hours.some(isKnown);
  return {
    width: box.clientWidth,
    height: box.clientHeight,
    padding: [10, 12, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 7 } },
    scales: { y: { range: (_, __, highest) => [0, Math.ceil(((highest ?? 100) + 20) / 100) * 100] } },
    axes: [
      { ...axis, grid: { show: false }, size: 32, ...timeAxis(hours) },
      { ...axis, grid: { stroke: token("--line"), width: 1 }, size: 48 },
    ],
    series: [
      {},
      ...families.map(([family, dash]) => ({ label: family, stroke: token(`--${family}-line`), width: 2, dash, points: dotsOf(hours, family) })),
      ...(hasRange ? [edge, edge] : []),
    ],
    bands: hasRange ? [{ series: [families.length + 2, families.length + 1], fill: token("--band") }] : [],
    tzDate: (unix) => uPlot.tzDate(new Date(unix * 1000), "Etc/UTC"),
    hooks: {
      drawClear: [(plot) => shadeComing(plot, nowUnix)],
      draw: nowUnix < hours.at(-1).unix ? [(plot) => markNow(plot, nowUnix)] : [],
      setCursor: [
        (plot) => {
          const hour = hours[plot.cursor.idx ?? hours.findIndex((each) => each.isNow)] ?? hours.at(-1);
          readout.textContent = wordsOf(hour);
        },
      ],
    },
  };
}

/** Draw the hours into `box`, redraw on a change of theme, and follow the width of the page. */
export function drawHours(box, readout, hours) {
  if (!hours.some((hour) => hour.value !== null)) return;
  box.hidden = false;
  readout.hidden = false;
  const nowUnix = hours.find((hour) => hour.isNow)?.unix ?? hours.at(-1).unix;
  const data = [
    hours.map((hour) => hour.unix),
    ...Object.keys(FAMILIES).map((family) => seriesOf(hours, family)),
    ...(hours.some(isKnown) ? [hours.map((hour) => hour.low), hours.map((hour) => hour.high)] : []),
  ];
  let plot;
  const draw = () => {
    plot?.destroy();
    plot = new uPlot(optionsFor(box, readout, hours, nowUnix), data, box);
    readout.textContent = wordsOf(hours.find((hour) => hour.isNow) ?? hours.at(-1));
  };
  draw();
  addEventListener("themechange", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: box.clientHeight })).observe(box);
}
