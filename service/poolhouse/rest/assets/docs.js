// Shows this service's own document. A file of its own, because the page allows no inline script.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  docExpansion: "list",
  // A field for a part of a tag: max_pool, adaptive, unpool.
  filter: true,
  // The validator badge would ask a host outside.
  validatorUrl: null,
});
