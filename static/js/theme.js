// Applies the chosen theme before the first paint, so that the page never flashes. Not a module: it must block.
// Then it sets up what every page has: the choice of theme and the bar.
(() => {
  "use strict";
  const KEY = "commonwatt-theme";
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage may be forbidden; the theme then follows the system
    }
  };
  const apply = (theme) => {
    root.dataset.theme = ["light", "dark"].includes(theme) ? theme : "auto";
  };
  apply(stored());
  addEventListener("DOMContentLoaded", () => {
    // On a phone the bar is longer than the screen: the page one is on comes into view.
    const here = document.querySelector(".top nav [aria-current]");
    if (here) here.parentElement.scrollLeft = here.offsetLeft - here.parentElement.offsetLeft - 40;
    const select = document.getElementById("theme");
    select.value = root.dataset.theme;
    document.getElementById("theme-tool").hidden = false;
    select.addEventListener("change", () => {
      apply(select.value);
      try {
        localStorage.setItem(KEY, select.value);
      } catch {
        // kept for this page only
      }
      dispatchEvent(new Event("themechange"));
    });
  });
})();
