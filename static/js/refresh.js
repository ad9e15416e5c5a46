// Pages that the server draws whole: when the socket tells of a change, their parts are fetched and put in place.
import { keepAges } from "./ages.js";
import { connect } from "./live.js";
import { refresh } from "./parts.js";

const parts = document.getElementById("live-parts");
const events = new Set(parts?.dataset.refresh.split(" ") ?? []);
let wasLive = false;

connect((event) => {
  if (events.has(event) || (event === "snapshot" && wasLive && events.size > 0)) refresh();
  if (event === "snapshot") wasLive = true;
});
keepAges();
