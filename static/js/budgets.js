// The tree of budgets, live: figures are patched in place; where the tree itself changes, its part is fetched anew.
import { keepAges, refreshAges } from "./ages.js";
import { fill, showRows } from "./bind.js";
import { connect } from "./live.js";
import { refresh } from "./parts.js";

const byId = (id) => document.getElementById(id);
const clock = (iso) => `${new Date(iso).toISOString().slice(11, 19)} UTC`;
const shapeOf = (rows) => JSON.stringify(rows.map((row) => [row.key, row.shape]).sort());
let lastHeard = byId("as-of").getAttribute("datetime");
let shape = null;

/** Whether the tree drawn is of another shape than these rows: then no patch can bring it up to date. */
function isOutdated(rows) {
  const drawn = new Map([...document.querySelectorAll("[data-shape]")].map((each) => [each.dataset.key, each.dataset.shape]));
  const known = rows.every((row) => (drawn.get(row.key) ?? row.shape) === row.shape);
  const before = shape;
  shape = shapeOf(rows);
  return !known || (before !== null && before !== shape);
}

function showBudgets(rows) {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  for (const element of document.querySelectorAll("[data-key]")) {
    const row = byKey.get(element.dataset.key);
    if (row) fill(element, row);
  }
  if (isOutdated(rows)) refresh();
}

const SECTIONS = { budgets: showBudgets, budget_picture: (rows) => showRows("picture", rows) };
const EVENTS = {
  snapshot: (parts) => {
    for (const [name, data] of Object.entries(parts)) SECTIONS[name]?.(data);
  },
  "budgets.changed": SECTIONS.budgets,
  "budget_picture.changed": SECTIONS.budget_picture,
};

connect(
  (event, data, at) => {
    lastHeard = at;
    byId("as-of").setAttribute("datetime", at);
    byId("as-of").textContent = clock(at);
    EVENTS[event]?.(data);
    refreshAges();
  },
  (state) => {
    byId("stale").hidden = state === "on";
    byId("stale-since").textContent = clock(lastHeard);
  },
  "budgets",
);
keepAges();
