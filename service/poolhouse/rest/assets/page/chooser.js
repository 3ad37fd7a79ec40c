// The list of operators: grouped, searchable, one radio button each, so that the keyboard moves through it.

import { element } from "./dom.js";

/**
 * Fill the list.
 *
 * operators: of GET v1/operators, each with name, group, rank and summary.
 * onChoose: called with the name of the operator that the reader chooses.
 * Gives {choose(name)}, which marks an operator without calling back.
 */
export function makeChooser({ list, search, count }, operators, onChoose) {
  const groups = groupOperators(operators);
  const rows = [];
  for (const [group, members] of groups) {
    const shared = members.every((each) => each.summary === members[0].summary) ? members[0].summary : null;
    const options = members.map((each) => makeOption(each, group, shared, onChoose));
    const node = element(
      "fieldset",
      // The one member of a group has the group's name, and shows it itself.
      { class: members.length === 1 ? "group single" : "group" },
      element("legend", {}, group),
      members.length === 1 ? element("div", { class: "names" }, options[0].node) : null,
      shared ? element("p", { class: "sentence" }, plain(shared)) : null,
      members.length > 1 ? element("div", { class: shared ? "ranks" : "names" }, ...options.map((option) => option.node)) : null,
    );
    rows.push({ node, options, words: `${group} ${shared ?? ""}`.toLowerCase() });
  }
  list.replaceChildren(...rows.map((row) => row.node));
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      let inRow = 0;
      for (const option of row.options) {
        const text = `${row.words} ${option.words}`;
        option.node.hidden = !words.every((word) => text.includes(word));
        inRow += option.node.hidden ? 0 : 1;
      }
      row.node.hidden = inRow === 0;
      shown += inRow;
    }
    count.textContent = words.length ? `${shown} of ${operators.length} operators` : `${operators.length} operators`;
  };
  search.addEventListener("input", filter);
  filter();
  return {
    choose(name) {
      for (const option of rows.flatMap((row) => row.options)) {
        option.input.checked = option.input.value === name;
        if (option.input.checked) scrollWithin(list, option.node);
      }
    },
  };
}

function groupOperators(operators) {
  const groups = new Map();
  for (const each of operators) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
  return groups;
}

function makeOption({ name, summary }, group, shared, onChoose) {
  const input = element("input", { type: "radio", name: "operator", value: name });
  // Within its group the rank tells members apart.
  const label = shared && name.startsWith(group) && name !== group ? name.slice(group.length) : name;
  const text = element("span", {}, label);
  const node = element("label", { class: "option", title: shared ? name : plain(summary) }, input, text);
  if (label !== name) input.setAttribute("aria-label", name);
  input.addEventListener("change", () => onChoose(name));
  return { node, input, words: `${name} ${summary}`.toLowerCase() };
}

/** A sentence of a docstring without the marks of its code. */
export function plain(text) {
  return text.replaceAll("``", "");
}

function scrollWithin(list, node) {
  const [outer, inner] = [list.getBoundingClientRect(), node.getBoundingClientRect()];
  list.scrollTop += inner.top - outer.top - outer.height / 3;
}
