// Keeps "3 min ago" true while the page stays open. The words are those of dashboard/domain/figures.py.
const SIZES = [[86_400, "d"], [3_600, "h"], [60, "min"]];
const LONG_AGO_S = 60 * 86_400;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

function span(seconds) {
  const [size, unit] = SIZES.find(([size]) => seconds >= size) ?? [1, "s"];
  return `${Math.floor(seconds / size)} ${unit}`;
}

const two = (number) => String(number).padStart(2, "0");

function day(iso) {
  const then = new Date(iso);
  return `of ${two(then.getUTCDate())} ${MONTHS[then.getUTCMonth()]} ${then.getUTCFullYear()}`;
}

/** How long ago an ISO 8601 time was; a date beyond sixty days. */
function ago(iso, now = Date.now()) {
  const seconds = Math.floor((now - Date.parse(iso)) / 1000);
  if (seconds > LONG_AGO_S) return day(iso);
  if (seconds < -60) return `in ${span(-seconds)}`;
  return seconds < 5 ? "just now" : `${span(seconds)} ago`;
}

/** Rewrite every age under `root`. */
export function refreshAges(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const iso = element.getAttribute("datetime");
    const words = iso ? ago(iso) : element.dataset.ago; // the attribute says what to call no time at all
    if (element.textContent !== words) element.textContent = words;
  }
}

/** Refresh all ages now and every ten seconds. */
export function keepAges() {
  refreshAges();
  setInterval(refreshAges, 10_000);
}
