// Calls of the service. The API key, where the service asks for one, is in a variable of this module and nowhere else:
// no storage, no address.

import { operatorPath, planBody, poolBody, queryOf, fromBase64 } from "./request.js";
import { bytesOf, tensorFromBytes } from "./tensors.js";

/** The root of the service: this file is at page/api.js below it, whatever a proxy puts before. */
export const ROOT = new URL("../", import.meta.url);

const RAW = "application/octet-stream";

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
      const response = await fetchFrom(new URL(path, ROOT), { ...options, headers, credentials: "omit", cache: "no-store" });
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

  function sendPool(request, accept, signal) {
    const path = operatorPath("v1/pool", request.operator);
    const headers = { "Content-Type": isRaw(request) ? RAW : "application/json", Accept: accept };
    if (!isRaw(request)) {
      const encoding = accept === "application/json" ? "base64" : null;
      return send(path, { method: "POST", headers, body: poolBody(request, encoding), signal });
    }
    const [{ shape, dtype, data }] = request.tensors;
    const query = queryOf(request.fields, { shape, dtype });
    return send(path + query, { method: "POST", headers, body: bytesOf({ data }), signal });
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
    /** Pool a request; gives the outputs by name, and the seed that the service drew. */
    async poolRequest(request, signal) {
      const response = await sendPool(request, isRaw(request) ? RAW : "application/json", signal);
      return { outputs: await readOutputs(response), seed: response.headers.get("Pool-Seed") };
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
      return (await sendPool(request, "image/png", signal)).blob();
    },
  };
}

/** Whether a request is sent as the bytes of its one tensor; else it is JSON. */
function isRaw({ tensors }) {
  return tensors.length === 1 && tensors[0].data && !tensors[0].texts;
}

async function readOutputs(response) {
  if (!response.headers.get("Content-Type").startsWith(RAW)) {
    const entries = Object.entries(await response.json());
    return new Map(entries.map(([name, { dtype, shape, base64 }]) => [name, tensorFromBytes(dtype, shape, fromBase64(base64))]));
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  const entries = JSON.parse(response.headers.get("Tensor-Metadata"));
  return new Map(entries.map(({ name, dtype, shape, start, end }) => [name, tensorFromBytes(dtype, shape, bytes.subarray(start, end))]));
}

async function fetchFrom(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Error("The service does not answer; it may have stopped, or the network is down.", { cause: error });
  }
}

async function problemOf(response) {
  try {
    const problem = await response.json();
    return typeof problem === "object" && problem !== null ? problem : {};
  } catch {
    return {};
  }
}
