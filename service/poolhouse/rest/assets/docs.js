// Shows this service's own document. A file of its own, because the page allows no inline script.

// The part of a document that is needed to resolve the references of one place: that place, and what it refers to.
function partFor(document, path) {
  const part = { ...document, paths: {}, components: {} };
  const pending = [path];
  while (pending.length > 0) {
    const next = pending.pop();
    const value = next.reduce((parent, key) => parent?.[key], document);
    if (value !== undefined && copyInto(part, document, next)) pending.push(...referencesOf(value));
  }
  return part;
}

// Copy the value at a place; false if it is there already.
function copyInto(part, document, path) {
  let [from, to] = [document, part];
  for (const key of path.slice(0, -1)) {
    from = from[key];
    if (to[key] === from) return false;
    to = to[key] ??= Array.isArray(from) ? [] : {};
  }
  const last = path.at(-1);
  if (to[last] === from[last]) return false;
  to[last] = from[last];
  return true;
}

// The places of a document to which a value refers, as arrays of keys.
function referencesOf(value) {
  if (value === null || typeof value !== "object") return [];
  const found = Object.values(value).flatMap(referencesOf);
  if (typeof value.$ref === "string" && value.$ref.startsWith("#/")) {
    const keys = value.$ref.slice(2).split("/");
    found.push(keys.map((key) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~")));
  }
  return found;
}

// Swagger UI resolves the references of an operation when it is opened, and for that it parses the whole document: a
// megabyte, with three hundred operations, in seconds. It gets the part that the operation needs.
const resolveParts = {
  afterLoad(system) {
    const { resolveSubtree } = system.fn;
    system.fn.resolveSubtree = (document, path, options) => resolveSubtree(partFor(document, path), path, options);
  },
};

// Swagger UI has the colours, and leaves it to the page when to show them.
const isDark = matchMedia("(prefers-color-scheme: dark)");
const showColors = () => document.documentElement.classList.toggle("dark-mode", isDark.matches);
isDark.addEventListener("change", showColors);
showColors();

SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  // Only the families: three hundred operations take the browser seconds to draw.
  docExpansion: "none",
  // A field for a part of a tag: max_pool, adaptive, unpool.
  filter: true,
  // Highlighting a document of a megabyte stops the browser for half a minute.
  syntaxHighlight: { activated: false },
  // The validator badge would ask a host outside.
  validatorUrl: null,
  plugins: [resolveParts],
});
