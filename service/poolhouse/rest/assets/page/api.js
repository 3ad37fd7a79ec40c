// Calls of the service. The API key, where the service asks for one, is in a variable of this module and nowhere else:
// no storage, no address.

import { operatorPath, planBody, poolBody, queryOf, fromBase64 } from "./request.js";
import { bytesOf, tensorFromBytes } from "./tensors.js";

/** The root of the service: this file is at page/api.js below it, whatever a proxy puts before. */
export const ROOT = new URL("../", import.meta.url);

/** A refusal of the service: its problem document, or an answer that is none. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The service answered with the status ${status}.`);
    this.status = status;
    this.code = problem.code ?? "";
    /** The faulty fields: {pointer, code, message}. */
    this.errors = Array.isArray(problem.errors) ? problem.errors : [];
  }
}

/**
 * The calls.
 *
 * askForKey: asks the reader for an API key, with the refusal; resolves to a key, or to null if there is none.
 */
export function makeApi(askForKey) {
  let key = null;
  let asking = null;

  async function send(path, options = {}) {
    for (;;) {
      const used = key;
      const headers = { ...options.headers, ...(used ? { Authorization: `Bearer ${used}` } : {}) };
      const response = await fetch(new URL(path, ROOT), { ...options, headers, credentials: "omit", cache: "no-store" });
      if (response.ok) return response;
      const refused = new Refused(response.status, await problemOf(response));
      if (response.status !== 401 || !(await hasOtherKey(used, refused))) throw refused;
    }
  }

  /** Whether there is another key than the refused one; requests at the same time ask once. */
  async function hasOtherKey(used, refused) {
    if (key !== used) return true;
    asking ??= askForKey(refused).finally(() => {
      asking = null;
    });
    const given = await asking;
    if (given === null) return false;
    key = given;
    return true;
  }

  function sendJson(path, body, signal) {
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    return send(path, { method: "POST", headers, body, signal });
  }

  return {
    /** Whether a key is in use. */
    get hasKey() {
      return key !== null;
    },
    /** A JSON document, such as v1/operators. */
    async get(path, signal) {
      return (await send(path, { headers: { Accept: "application/json" }, signal })).json();
    },
    /** The plan of a request (see request.js), or of an operator, fields by name and tensors by name. */
    async plan(request, signal) {
      return (await sendJson(operatorPath("v1/plan", request.operator), planBody(request), signal)).json();
    },
    /** The windows of a small request, as the service explains them. */
    async trace(request, signal) {
      return (await sendJson(operatorPath("v1/trace", request.operator), poolBody(request), signal)).json();
    },
    /** Pool a request; gives the outputs by name, and what the headers say. */
    async poolRequest(request, signal) {
      const path = operatorPath("v1/pool", request.operator);
      if (request.tensors.length > 1 || !request.tensors[0].data || request.tensors[0].texts) {
        const response = await sendJson(path, poolBody(request, "base64"), signal);
        const entries = Object.entries(await response.json());
        const outputs = entries.map(([name, { dtype, shape, base64 }]) => [name, tensorFromBytes(dtype, shape, fromBase64(base64))]);
        return { outputs: new Map(outputs), ...notesOf(response) };
      }
      const [input] = request.tensors;
      const query = queryOf(request.fields, { shape: input.shape, dtype: input.dtype });
      const headers = { "Content-Type": "application/octet-stream", Accept: "application/octet-stream" };
      const response = await send(path + query, { method: "POST", headers, body: bytesOf(input), signal });
      const bytes = new Uint8Array(await response.arrayBuffer());
      const entries = JSON.parse(response.headers.get("Tensor-Metadata"));
      const outputs = entries.map(({ name, dtype, shape, start, end }) => [name, tensorFromBytes(dtype, shape, bytes.subarray(start, end))]);
      return { outputs: new Map(outputs), ...notesOf(response) };
    },
    /** Pool one tensor {dtype, shape, data} by an operator, with fields by name; gives the first output. */
    async pool(operator, fields, tensor, signal) {
      const given = { name: "input", ...tensor, texts: null };
      const request = { operator, fields: Object.entries(fields), tensors: [given] };
      const { outputs } = await this.poolRequest(request, signal);
      return outputs.values().next().value;
    },
    /** Pool a request and have the output as a PNG file. */
    async poolToPng(request, signal) {
      const headers = { "Content-Type": "application/json", Accept: "image/png" };
      const body = poolBody(request);
      return (await send(operatorPath("v1/pool", request.operator), { method: "POST", headers, body, signal })).blob();
    },
  };
}

function notesOf(response) {
  const seed = response.headers.get("Pool-Seed");
  return { seed, timing: response.headers.get("Server-Timing") };
}

async function problemOf(response) {
  try {
    const problem = await response.json();
    return typeof problem === "object" && problem !== null ? problem : {};
  } catch {
    return {};
  }
}
