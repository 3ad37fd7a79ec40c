// Shows this service's own document. A file of its own, because the page allows no inline script.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#operations",
  deepLinking: true,
  docExpansion: "list",
  // The validator badge would ask a host outside.
  validatorUrl: null,
});
