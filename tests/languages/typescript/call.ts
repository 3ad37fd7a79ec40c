// Calls a live service with the generated TypeScript client: JSON, raw elements, npy, a plan, and a refusal.
import assert from "node:assert/strict";

import { client } from "./client/client.gen.js";
import { maxPool2D, planMaxPool2D } from "./client/sdk.gen.js";
import type { MaxPool2dResponse, UnprocessableProblem } from "./client/types.gen.js";

const url = process.argv[2];
assert(url !== undefined, "usage: node call.js URL");
client.setConfig({ baseUrl: url });

const rows = [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]];

// JSON, with types for request and response.
const pooled = await maxPool2D({ body: { input: [[rows]], kernel_size: 2, return_indices: true }, throwOnError: true });
const response: MaxPool2dResponse = pooled.data;
assert(!(response instanceof Blob) && "data" in response.output);
assert.deepEqual(response.output.data, [[[[6, 8], [14, 16]]]]);
assert(response.indices !== undefined && "data" in response.indices);
assert.deepEqual(response.indices.data, [[[[5, 7], [13, 15]]]]);

// Raw elements: the fields in the query, the elements as the body.
async function binary(mediaType: string, body: Uint8Array, query: Record<string, string>): Promise<ArrayBuffer> {
  const received = await client.post<ArrayBuffer, unknown, true>({
    url: "/v1/pool/max_pool2d",
    query: { kernel_size: "2", ...query },
    headers: { "Content-Type": mediaType, Accept: mediaType },
    body,
    bodySerializer: null,
    parseAs: "arrayBuffer",
    throwOnError: true,
  });
  return received.data as ArrayBuffer;
}
const elements = new Float32Array(rows.flat());
const raw = await binary("application/octet-stream", new Uint8Array(elements.buffer), { shape: "1,1,4,4", dtype: "float32" });
assert.deepEqual([...new Float32Array(raw)], [6, 8, 14, 16]);

// npy: a header of 128 bytes, then the same elements.
const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 4, 4), }".padEnd(117) + "\n";
const npy = Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), Buffer.from([118, 0]), Buffer.from(header), Buffer.from(elements.buffer)]);
const pooledNpy = Buffer.from(await binary("application/x-npy", npy, {}));
const start = 10 + pooledNpy.readUInt16LE(8);
assert.deepEqual([0, 4, 8, 12].map((at) => pooledNpy.readFloatLE(start + at)), [6, 8, 14, 16]);

const plan = await planMaxPool2D({ body: { input: { shape: [8, 64, 112, 112] }, kernel_size: 3 }, throwOnError: true });
assert.deepEqual(plan.data.outputs["output"]?.shape, [8, 64, 37, 37]);

// A refusal is a typed problem document.
const refused = await maxPool2D({ body: { input: [[rows]], kernel_size: 9 } });
assert.equal(refused.response?.status, 422);
const problem = refused.error as UnprocessableProblem;
assert.equal(problem.code, "window_does_not_fit");
console.log("typescript: JSON, raw, npy, plan and refusal are correct");
