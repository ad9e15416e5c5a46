// Puts plain values into rows that the server's templates drew. Text goes in as text, never as markup.
const ATTRIBUTES = new Set(["href", "datetime", "width", "x"]);
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Elements of `root`, itself included, that carry the attribute. */
const all = (root, attribute) => [...(root.matches?.(`[${attribute}]`) ? [root] : []), ...root.querySelectorAll(`[${attribute}]`)];

/** Let an element glow for a moment. */
export function flash(element) {
  if (still.matches) return;
  element.classList.remove("flash");
  void element.getBoundingClientRect(); // restarts the animation
  element.classList.add("flash");
}

/** Fill `data-t` (text), `data-c` (class after data-base) and `data-a` ("attribute:field ...") from `row`. */
export function fill(root, row) {
  for (const element of all(root, "data-t")) {
    const value = row[element.dataset.t];
    if (value !== undefined && element.textContent !== String(value)) element.textContent = value;
  }
  for (const element of all(root, "data-c")) {
    const value = row[element.dataset.c];
    if (value !== undefined) element.setAttribute("class", `${element.dataset.base ?? ""} ${value}`.trim());
  }
  for (const element of all(root, "data-a")) {
    for (const pair of element.dataset.a.split(" ")) {
      const [attribute, field] = pair.split(":");
      if (ATTRIBUTES.has(attribute) && row[field] !== undefined) element.setAttribute(attribute, row[field]);
    }
  }
}

/** A filled copy of the row template of a list. */
function build(list, row) {
  const element = document.getElementById(`t-${list.id}`).content.firstElementChild.cloneNode(true);
  element.dataset.key = row.key;
  fill(element, row);
  return element;
}

const find = (list, key) => [...list.children].find((element) => element.dataset.key === key);

function showEmptiness(list) {
  const empty = document.getElementById(`no-${list.id}`);
  if (empty) empty.hidden = list.children.length > 0;
}

/** Make a list show exactly these rows in this order, keeping rows (and what is open in them) that stay. */
export function showRows(id, rows) {
  const list = document.getElementById(id);
  if (!list) return;
  const keys = new Set(rows.map((row) => row.key));
  for (const element of [...list.children]) if (!keys.has(element.dataset.key)) element.remove();
  rows.forEach((row, index) => {
    let element = find(list, row.key);
    if (element) fill(element, row);
    else element = build(list, row);
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null);
  });
  showEmptiness(list);
}

/** Patch the row where it stands, or put it on top; keep at most `limit`. Says whether it is new. */
export function putOnTop(id, row, limit) {
  const list = document.getElementById(id);
  if (!list) return false;
  const known = find(list, row.key);
  const element = known ?? build(list, row);
  if (known) fill(known, row);
  else list.prepend(element);
  while (list.children.length > limit) list.lastElementChild.remove();
  showEmptiness(list);
  flash(element);
  return !known;
}
