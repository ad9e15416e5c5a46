// The page of a region: draws the table of hours as a chart and keeps the ages true.
import { keepAges } from "./ages.js";
import { drawHours } from "./chart.js";
import { connect } from "./live.js";

const rows = [...document.querySelectorAll("#hours tbody tr")];
const number = (text) => (text === "" ? null : Number(text));

drawHours(
  rows.map((row) => ({
    unix: Number(row.dataset.unix),
    value: number(row.dataset.value),
    low: number(row.dataset.low),
    high: number(row.dataset.high),
    family: row.dataset.family,
    isNow: row.classList.contains("now"),
    words: [row.cells[0], row.cells[1], row.cells[3], row.cells[4]].map((cell) => cell.textContent.trim()),
  })),
);
keepAges();
connect(() => {});
