// Parts of a page that the server draws: fetched anew and put in place, one fetch at a time.
import { refreshAges } from "./ages.js";

const isBeingUsed = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, button, select, textarea");
let isFetching = false;
let isWanted = false;

/** A copy without what differs in every answer: the token of a form, and ages in words. */
function bare(part) {
  const copy = part.cloneNode(true);
  for (const token of copy.querySelectorAll("input[name=csrfmiddlewaretoken]")) token.remove();
  for (const age of copy.querySelectorAll("time[data-ago]")) age.textContent = "";
  for (const details of copy.querySelectorAll("details")) details.open = false;
  return copy;
}

/** What a person has opened or closed stays so. */
function keepOpen(part, fresh) {
  for (const details of part.querySelectorAll("details[id]")) {
    const other = fresh.querySelector(`#${CSS.escape(details.id)}`);
    if (other) other.open = details.open;
  }
}

/** Put a part in place of the old one; the keyboard stays where it was, if that is still there. */
function replace(part, other) {
  const fresh = document.importNode(other, true);
  keepOpen(part, fresh);
  const focused = part.contains(document.activeElement) ? document.activeElement : null;
  const [tag, href, parent] = [focused?.tagName, focused?.getAttribute("href"), focused?.parentElement?.id];
  part.replaceWith(fresh);
  if (!focused) return;
  const again = parent ? document.getElementById(parent)?.firstElementChild : fresh.querySelector(`${tag}[href="${CSS.escape(href ?? "")}"]`);
  again?.focus({ preventScroll: true });
}

/** Put the new parts in place of the old ones. One that somebody is writing in stays, and the page says so. */
function replaceParts(fresh) {
  for (const part of document.querySelectorAll("[data-part]")) {
    const other = fresh.getElementById(part.id);
    if (!other || bare(other).isEqualNode(bare(part))) continue;
    if (isBeingUsed(part)) document.getElementById("newer")?.removeAttribute("hidden");
    else replace(part, other);
  }
  refreshAges();
}

/** Fetch the page and put its parts in place; a call while one is under way makes it fetch once more. */
export async function refresh() {
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
