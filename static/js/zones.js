// Narrows the list of zones while somebody writes; without it, the form asks the server.
import { connect } from "./live.js";

const search = document.getElementById("search");
const rows = [...document.querySelectorAll("#zone-rows tr")];
const texts = rows.map((row) => row.cells[0].textContent.toLowerCase());

function narrow() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  rows.forEach((row, index) => {
    row.hidden = !words.every((word) => texts[index].includes(word));
    if (!row.hidden) shown += 1;
  });
  document.getElementById("zone-count").textContent = shown;
  document.getElementById("no-zones").hidden = shown > 0;
}

// A page that was already narrowed by the server holds only what it found.
if (rows.length > 0 && !new URLSearchParams(location.search).get("search")) search.addEventListener("input", narrow);
connect(() => {});
