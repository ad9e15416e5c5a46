// Pages that the server draws whole: when the socket tells of a change, their parts are fetched and put in place.
import { keepAges, refreshAges } from "./ages.js";
import { connect } from "./live.js";

const parts = document.getElementById("live-parts");
const events = new Set(parts?.dataset.refresh.split(" ") ?? []);
const isBeingUsed = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, button");
let isFetching = false;
let isWanted = false;
let wasLive = false;

/** Put the new parts in place of the old ones. One that somebody is writing in stays, and the page says so. */
function replaceParts(fresh) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.getElementById(part.id);
    if (!other || other.isEqualNode(part)) continue;
    if (isBeingUsed(part)) document.getElementById("newer")?.removeAttribute("hidden");
    else part.replaceWith(document.importNode(other, true));
  }
  refreshAges();
}

async function refresh() {
  isWanted = true;
  if (isFetching) return;
  isFetching = true;
  try {
    while (isWanted) {
      isWanted = false;
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.ok) replaceParts(new DOMParser().parseFromString(await answer.text(), "text/html"));
    }
    document.getElementById("refreshed").textContent = "The page was brought up to date.";
  } catch {
    // The line is down: the socket says so, and a snapshot follows when it is back.
  } finally {
    isFetching = false;
  }
}

connect((event) => {
  if (events.has(event) || (event === "snapshot" && wasLive && events.size > 0)) refresh();
  if (event === "snapshot") wasLive = true;
});
keepAges();
