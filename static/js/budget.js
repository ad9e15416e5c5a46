// The page of one budget: its figures are patched as they change, and its other parts fetched anew soon after.
import { keepAges, refreshAges } from "./ages.js";
import { drawBars } from "./bars.js";
import { fill, flash } from "./bind.js";
import { connect } from "./live.js";
import { refresh } from "./parts.js";

const REST_MS = 3000; // a busy budget changes many times a second; its lists are read again at most this often
const byId = (id) => document.getElementById(id);
const clock = (iso) => `${new Date(iso).toISOString().slice(11, 19)} UTC`;
let lastHeard = byId("as-of").getAttribute("datetime");
let known = null;
let waiting = null;

function refreshSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    refresh();
  }, REST_MS);
}

function showBudgets(rows) {
  const own = rows.find((row) => row.key === byId("budget")?.dataset.key);
  if (!own) return;
  const before = byId("figures").textContent;
  const byKey = new Map(rows.map((row) => [row.key, row]));
  for (const element of document.querySelectorAll("[data-key]")) {
    const row = byKey.get(element.dataset.key);
    if (row) fill(element, row);
  }
  if (byId("figures").textContent !== before) flash(byId("figures"));
  const now = JSON.stringify(own);
  if (known !== null && known !== now) refreshSoon();
  known = now;
}

connect(
  (event, data, at) => {
    lastHeard = at;
    byId("as-of").setAttribute("datetime", at);
    byId("as-of").textContent = clock(at);
    if (event === "snapshot") showBudgets(data.budgets ?? []);
    if (event === "budgets.changed") showBudgets(data);
    refreshAges();
  },
  (state) => {
    byId("stale").hidden = state === "on";
    byId("stale-since").textContent = clock(lastHeard);
  },
  "budgets",
);
for (const part of document.querySelectorAll("[data-bars]")) drawBars(part);
keepAges();
