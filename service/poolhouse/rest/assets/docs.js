// Shows this service's own document. A file of its own, because the page allows no inline script.
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
});
