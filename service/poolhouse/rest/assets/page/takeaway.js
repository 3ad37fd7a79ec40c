// The section with the code to take away: tabs, copy buttons, and the files that the code reads.

import { makeCode, makeFile } from "./code.js";
import { byId, download, element } from "./dom.js";

/** The section. Gives {show(state), clear(text)}; for the state see code.js. */
export function makeTakeaway() {
  const [tabs, panels] = [byId("code-tabs"), byId("code-panels")];
  let chosen = "curl";

  function select(id, focus = false) {
    chosen = id;
    for (const tab of tabs.children) {
      const isChosen = tab.dataset.code === id;
      tab.setAttribute("aria-selected", String(isChosen));
      tab.tabIndex = isChosen ? 0 : -1;
      if (isChosen && focus) tab.focus();
    }
    for (const panel of panels.children) panel.hidden = panel.dataset.code !== id;
  }

  tabs.addEventListener("keydown", (event) => {
    const all = [...tabs.children];
    const place = all.indexOf(document.activeElement);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (place < 0 || next === undefined) return;
    event.preventDefault();
    select(all[next % all.length].dataset.code, true);
  });

  return {
    show(state) {
      const codes = makeCode(state);
      tabs.hidden = false;
      const focused = document.activeElement?.closest?.("#code-tabs") !== null && document.activeElement !== document.body;
      tabs.replaceChildren(...codes.map(({ id, title }) => {
        const tab = element("button", { type: "button", role: "tab", id: `tab-${id}`, "data-code": id, "aria-controls": `code-${id}` }, title);
        tab.addEventListener("click", () => select(id));
        return tab;
      }));
      panels.replaceChildren(...codes.map((code) => panelOf(code, state.request)));
      select(codes.some(({ id }) => id === chosen) ? chosen : codes[0].id, focused);
    },
    clear(text) {
      tabs.hidden = true;
      panels.replaceChildren(element("p", { class: "muted" }, text));
    },
  };
}

function panelOf({ id, text, note, files }, request) {
  const attributes = { role: "tabpanel", id: `code-${id}`, "aria-labelledby": `tab-${id}`, "data-code": id };
  if (text === null) return element("div", attributes, element("p", { class: "muted" }, note));
  const copy = element("button", { type: "button", class: "small" }, "Copy");
  const code = element("pre", { tabindex: "0" }, element("code", {}, text));
  copy.addEventListener("click", async () => {
    copy.textContent = (await copyText(text, code)) ? "Copied" : "Press Ctrl+C";
    setTimeout(() => {
      copy.textContent = "Copy";
    }, 2000);
  });
  const buttons = files.map((name) => {
    const button = element("button", { type: "button", class: "small" }, name);
    button.setAttribute("aria-label", `download ${name}`);
    button.addEventListener("click", () => download(name, [makeFile(name, request)], "application/octet-stream"));
    return button;
  });
  const reads = files.length ? [element("span", { class: "muted" }, "It reads a file of the page:"), ...buttons] : [];
  return element("div", attributes, code, element("p", { class: "downloads" }, copy, ...reads));
}

/** Copy a text; where the browser forbids it, as without https, select it instead. */
export async function copyText(text, node) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
}
