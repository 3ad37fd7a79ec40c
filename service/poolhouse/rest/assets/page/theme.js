// Applies the theme that the reader chose before the page is drawn. A classic script, since modules run too late.
"use strict";
(() => {
  const NAMES = ["auto", "light", "dark"];
  let name = "auto";
  try {
    const kept = localStorage.getItem("poolhouse.theme");
    if (NAMES.includes(kept)) name = kept;
  } catch {
    // A browser may forbid storage; then the choice lasts as long as the page.
  }
  const apply = () => {
    document.documentElement.dataset.theme = name;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${name}`;
  };
  apply();
  document.addEventListener("DOMContentLoaded", () => {
    apply();
    document.getElementById("theme")?.addEventListener("click", () => {
      name = NAMES[(NAMES.indexOf(name) + 1) % NAMES.length];
      try {
        localStorage.setItem("poolhouse.theme", name);
      } catch {
        // As above.
      }
      apply();
    });
  });
})();
