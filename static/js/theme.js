// Applies the chosen theme before the first paint, so that the page never flashes. Not a module: it must block.
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
