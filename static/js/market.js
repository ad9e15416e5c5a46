// Pages of the market: their parts are fetched anew when the market changes, and their charts drawn again.
import { keepAges } from "./ages.js";
import { drawAll } from "./lines.js";
import { connect } from "./live.js";
import { refresh } from "./parts.js";

let wasLive = false;

connect(
  (event) => {
    const isBack = event === "snapshot" && wasLive;
    if (event === "snapshot") wasLive = true;
    if (event === "market.changed" || isBack) refresh().then(drawAll);
  },
  () => {},
  "market",
);
drawAll();
keepAges();
