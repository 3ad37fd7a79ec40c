// Calls poolhouse from TypeScript with a client generated from the OpenAPI document:
//   npm install --save-dev @hey-api/openapi-ts typescript @types/node
//   npx openapi-ts --input openapi/openapi.json --output client
//   npx tsc --strict --module nodenext --target es2022 pool.ts && node pool.js
import { client } from "./client/client.gen.js";
import { maxPool2D } from "./client/sdk.gen.js";

client.setConfig({ baseUrl: process.argv[2] ?? "http://localhost:8000" });

const input = [[[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]]];

// The fields have types, and a misspelt field does not compile.
const pooled = await maxPool2D({ body: { input, kernel_size: 2 } });
if (pooled.data instanceof Blob || pooled.data === undefined || !("data" in pooled.data.output)) {
  throw new Error(JSON.stringify(pooled.error));
}
console.log(pooled.data.output.shape, JSON.stringify(pooled.data.output.data));
