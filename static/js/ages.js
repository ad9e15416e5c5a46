// Keeps "3 min ago" true while the page stays open. The words are those of dashboard/domain/figures.py.
const SIZES = [[86_400, "d"], [3_600, "h"], [60, "min"]];
const LONG_AGO_S = 60 * 86_400;

function span(seconds) {
  const [size, unit] = SIZES.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

/** How long ago an ISO 8601 time was; undefined where the server's own words should stay. */
export function ago(iso, now = Date.now()) {
  if (!iso) return "never";
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (Number.isNaN(seconds) || seconds > LONG_AGO_S) return undefined;
  if (seconds < -60) return `in ${span(-seconds)}`;
  return seconds < 5 ? "just now" : `${span(seconds)} ago`;
}

/** Rewrite every age under `root`. */
export function refreshAges(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const words = ago(element.getAttribute("datetime"));
    if (words !== undefined && element.textContent !== words) element.textContent = words;
  }
}

/** Refresh all ages now and every ten seconds. */
export function keepAges() {
  refreshAges();
  setInterval(refreshAges, 10_000);
}
