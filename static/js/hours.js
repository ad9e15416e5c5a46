// Pages with hours: draws each table of hours as a chart. What is beside it is kept up by refresh.js.
import { drawHours } from "./chart.js";

const number = (text) => (text === "" ? null : Number(text));

function hoursOf(table) {
  return [...table.querySelectorAll("tbody tr")].map((row) => ({
    unix: Number(row.dataset.unix),
    value: number(row.dataset.value),
    low: number(row.dataset.low),
    high: number(row.dataset.high),
    family: row.dataset.family,
    isNow: row.classList.contains("now"),
    words: [...row.cells].map((cell) => cell.textContent.trim()),
  }));
}

for (const part of document.querySelectorAll("[data-hours]")) {
  drawHours(part.querySelector(".chart"), part.querySelector(".readout"), hoursOf(part.querySelector("table")));
}
