// Elements of SVG.

const NAMESPACE = "http://www.w3.org/2000/svg";

/** Make an element of SVG; a string among the children becomes a text node. Attributes that are null are left out. */
export function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(NAMESPACE, name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) made.setAttribute(attribute, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
