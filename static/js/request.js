// The page of a request: its status stays true while the page is open, and it says when there is more to see.
import { fill, flash } from "./bind.js";
import { connect } from "./live.js";

const head = document.getElementById("request");
const word = () => head.querySelector("[data-t=status]").textContent;

function note(row) {
  if (row.key !== head.dataset.key || row.status === word()) return;
  fill(head, { status: row.status, tone: row.tone });
  flash(head);
  document.getElementById("newer").hidden = false;
}

connect((event, data) => {
  if (event === "request.decided" || event === "request.resolved") note(data);
  if (event === "snapshot") (data.decisions ?? []).forEach(note);
});
