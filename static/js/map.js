// The tooltip of the map. A comfort for a mouse: keyboards and screen readers use the table below the map.
const map = document.getElementById("map");
const tip = document.getElementById("tip");
const TIP_WIDTH = 220;

function line(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

function show(event) {
  const place = event.target.closest("[data-title]");
  if (!place) {
    tip.hidden = true;
    return;
  }
  const { title, value, note } = place.dataset;
  const known = value && value !== "–";
  tip.replaceChildren(line("b", title), line("span", known ? `${value} g CO₂e/kWh` : "no figure"));
  if (known) tip.append(line("small", note));
  tip.hidden = false;
  const box = map.getBoundingClientRect();
  const x = Math.max(0, Math.min(event.clientX - box.left + 14, box.width - TIP_WIDTH));
  const y = Math.max(0, event.clientY - box.top - tip.offsetHeight - 8);
  tip.style.transform = `translate(${x}px, ${y}px)`;
}

function paint(element, row) {
  for (const name of [...element.classList]) if (/^b(\d|na)$/.test(name)) element.classList.remove(name);
  element.classList.add(row.bucket);
}

/** Colour countries and dots by the newest figures. */
export function paintMap({ regions, countries }) {
  if (!map) return;
  const rows = new Map([...countries.map((row) => [`land:${row.key}`, row]), ...regions.map((row) => [`dot:${row.key}`, row])]);
  for (const place of map.querySelectorAll("[data-land], [data-dot]")) {
    const row = rows.get(place.dataset.dot ? `dot:${place.dataset.dot}` : `land:${place.dataset.land}`);
    if (!row) continue;
    place.dataset.value = row.intensity;
    place.dataset.note = `${row.basis} · ${row.source}`;
    paint(place.dataset.dot ? place.querySelector(".core") : place, row);
  }
}

if (map) {
  map.addEventListener("pointermove", show);
  map.addEventListener("pointerleave", () => {
    tip.hidden = true;
  });
  map.addEventListener("click", (event) => {
    const dot = event.target.closest("[data-url]");
    if (dot) location.assign(dot.dataset.url);
  });
}
