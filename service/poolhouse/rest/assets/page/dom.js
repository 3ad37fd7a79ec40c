// Elements of the page. Texts become text nodes and nothing else, so no text of a file, of the address or of the
// service is ever read as markup.

/** Make an element. `attributes`: strings, or true for one without a value; false, null and undefined leave it out. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Show a message in its paragraph, and mark the control that it is about; an empty message takes both away. */
export function setProblem(paragraph, control, message) {
  paragraph.textContent = message;
  paragraph.hidden = message === "";
  if (message) control.setAttribute("aria-invalid", "true");
  else control.removeAttribute("aria-invalid");
}

/** The element of the page with this id. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element ${id}`);
  return found;
}

/** Offer bytes or a text as a file to the reader's downloads. */
export function download(name, parts, type) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = element("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  // The download has the bytes by then; revoking at once loses it in some browsers.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A size in words: 512 bytes, 1.5 KiB. */
export function byteText(count) {
  if (count < 1024) return `${count} ${count === 1 ? "byte" : "bytes"}`;
  const power = Math.min(4, Math.floor(Math.log2(count) / 10));
  return `${(count / 2 ** (10 * power)).toPrecision(3)} ${["", "KiB", "MiB", "GiB", "TiB"][power]}`;
}

/** A shape as torch writes it: (1, 3, 256, 256). */
export function shapeText(shape) {
  return `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}
