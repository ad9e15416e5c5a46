// Pages of the gateway: their parts are fetched anew when a call begins or ends, or a breaker moves.
import { keepAges } from "./ages.js";
import { connect } from "./live.js";
import { refresh } from "./parts.js";

const REST_MS = 1500; // a busy gateway changes many times a second; its page is read again at most this often
let known = null;
let waiting = null;

function show(mark) {
  const now = JSON.stringify(mark);
  if (known !== null && known !== now) {
    waiting ??= setTimeout(() => {
      waiting = null;
      refresh();
    }, REST_MS);
  }
  known = now;
}

connect(
  (event, data) => {
    if (event === "snapshot") show(data.gateway ?? {});
    if (event === "gateway.changed") show(data);
  },
  (state) => {
    const stale = document.getElementById("stale");
    if (stale) stale.hidden = state === "on";
  },
  "gateway",
);
keepAges();
