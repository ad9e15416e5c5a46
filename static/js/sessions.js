// Pages of sessions: their parts are fetched anew when their own session moves on, and their charts drawn again.
import { keepAges } from "./ages.js";
import { drawAll } from "./lines.js";
import { connect } from "./live.js";
import { refresh } from "./parts.js";

const REST_MS = 2000; // a busy session changes many times a second; its page is read again at most this often
const own = document.getElementById("session")?.dataset.id;
const point = document.getElementById("point");
let known = null;
let waiting = null;

function refreshSoon() {
  waiting ??= setTimeout(() => {
    waiting = null;
    refresh().then(drawAll);
  }, REST_MS);
}

function show(heads) {
  const now = JSON.stringify(own ? (heads[own] ?? null) : heads);
  if (known !== null && known !== now) refreshSoon();
  known = now;
}

connect(
  (event, data) => {
    if (event === "snapshot") show(data.sessions ?? {});
    if (event === "sessions.changed") show(data);
  },
  (state) => {
    const stale = document.getElementById("stale");
    if (stale) stale.hidden = state === "on";
  },
  "sessions",
);

// The slider of the state says where it stands, and goes there when it is let go.
point?.addEventListener("input", () => (document.getElementById("point-words").textContent = `event ${point.value}`));
point?.addEventListener("change", () => point.form.requestSubmit());
drawAll();
keepAges();
