// The overview, live: a snapshot brings every part up to date, then each event patches one part.
import { keepAges, refreshAges } from "./ages.js";
import { fill, flash, putOnTop, showRows } from "./bind.js";
import { connect } from "./live.js";
import { paintMap } from "./map.js";

const FEED_LENGTH = 30;
const BUDGETS_AT_FIRST = 8; // as in figures.css
const byId = (id) => document.getElementById(id);
const clock = (iso) => `${new Date(iso).toISOString().slice(11, 19)} UTC`;

function showHeadline(row) {
  const cards = byId("headline");
  if (!cards) return;
  const before = cards.textContent;
  fill(cards, row);
  if (cards.textContent !== before) flash(cards);
}

function showGrid(grid) {
  paintMap(grid);
  showRows("regions", grid.regions);
  const rows = new Map(grid.countries.map((row) => [row.key, row]));
  for (const line of byId("country-rows")?.children ?? []) {
    const row = rows.get(line.dataset.key);
    if (row) fill(line, row);
  }
}

function showNotice(words) {
  byId("notice").hidden = words === "";
  byId("notice").textContent = words;
}

function showAlerts(rows) {
  showRows("alerts", rows);
  const count = byId("alert-count");
  if (count) count.textContent = rows.length;
}

function showBudgets(rows) {
  showRows("budgets", rows);
  const label = byId("all-budgets-label");
  if (!label) return;
  label.hidden = rows.length <= BUDGETS_AT_FIRST;
  byId("budget-count").textContent = rows.length;
}

function showDecision(row) {
  const isNew = putOnTop("decisions", row, FEED_LENGTH);
  const said = byId("feed-said");
  if (said && isNew) said.textContent = `New decision: ${row.summary}`;
}

function showStatus({ key, status, tone }) {
  for (const row of document.querySelectorAll(`#decisions [data-key="${CSS.escape(key)}"]`)) fill(row, { status, tone });
}

const SECTIONS = {
  headline: showHeadline,
  regions: showGrid,
  sources: (rows) => showRows("sources", rows),
  alerts: showAlerts,
  notice: showNotice,
  budgets: showBudgets,
  decisions: (rows) => showRows("decisions", rows),
};

const EVENTS = {
  snapshot: (parts) => {
    for (const [name, data] of Object.entries(parts)) SECTIONS[name]?.(data);
  },
  headline: SECTIONS.headline,
  "readings.collected": SECTIONS.regions,
  "sources.changed": SECTIONS.sources,
  "emergency.changed": SECTIONS.alerts,
  "notice.changed": SECTIONS.notice,
  "budgets.changed": SECTIONS.budgets,
  "request.decided": showDecision,
  "request.resolved": showStatus,
};

let lastHeard = byId("as-of").getAttribute("datetime");

function handle(event, data, at) {
  lastHeard = at;
  const time = byId("as-of");
  time.setAttribute("datetime", at);
  time.textContent = clock(at);
  EVENTS[event]?.(data);
  refreshAges();
}

connect(handle, (state) => {
  byId("stale").hidden = state === "on";
  byId("stale-since").textContent = clock(lastHeard);
});
keepAges();
