// The page: joins the list of operators, the controls and the service. Every change asks the service for the plan, and
// pools where that is small; the newest change wins.

import { ROOT, Refused, makeApi } from "./api.js";
import { makeChooser, plain } from "./chooser.js";
import { byId, byteText, element, shapeText } from "./dom.js";
import { makeFields, textsOfExample } from "./fields.js";
import { makeCompanions, makeInput } from "./input.js";
import { askForKey } from "./keys.js";
import { LONGEST_FRAGMENT, readFragment, writeFragment } from "./permalink.js";
import { mountPictures } from "./pictures.js";
import { isWritten } from "./request.js";
import { outputNodes, planNodes, planSentence } from "./result.js";
import { copyText, makeTakeaway } from "./takeaway.js";
import { ELEMENT_TYPES, elementCount } from "./tensors.js";
import { mountWindows } from "./windows.js";

const FIRST_OPERATOR = "max_pool2d";
const WAIT_MS = 120;
/** Inputs and outputs of up to this many bytes together are pooled without asking. */
const MOST_POOLED_BYTES = 4 * 2 ** 20;
const MOST_TRACED_SIZE = 32;
const MOST_TRACED_OUTPUTS = 4096;

const api = makeApi(askForKey);
const cards = new Map();
const input = makeInput(refresh);
const takeaway = makeTakeaway();
const nodes = {
  status: byId("status"), plan: byId("plan"), outputs: byId("outputs"), refusal: byId("refusal"),
  windows: byId("windows-view"), windowsNote: byId("windows-note"),
  pictures: byId("pictures-view"), picturesNote: byId("pictures-note"),
  fields: byId("fields-list"), companions: byId("companions-list"), general: byId("fields-problem"), link: byId("link-note"), result: byId("result"),
};
let operators = [];
let chooser = null;
let card = null;
let fields = null;
let companions = null;
let windows = null;
let pictures = null;
let timer = 0;
let running = null;
let choosing = 0;

start();

async function start() {
  nodes.result.setAttribute("aria-busy", "true");
  try {
    ({ operators } = await api.get("v1/operators"));
  } catch (error) {
    showRefusal(error);
    return;
  }
  const parts = { list: byId("operator-list"), search: byId("operator-search"), count: byId("operator-count") };
  chooser = makeChooser(parts, operators, (name) => choose(name));
  addEventListener("hashchange", restore);
  byId("reset").addEventListener("click", () => choose(card.name, null, { keep: false }));
  byId("copy-link").addEventListener("click", async () => {
    const isCopied = await copyText(location.href, nodes.link);
    nodes.link.textContent = isCopied ? "The link is copied." : location.href;
  });
  await restore();
}

/** Take the state from the address, or the first operator. A link that names an operator alone is its example. */
async function restore() {
  const state = readFragment(location.hash);
  const isKnown = state !== null && operators.some(({ name }) => name === state.operator);
  const first = operators.some(({ name }) => name === FIRST_OPERATOR) ? FIRST_OPERATOR : operators[0].name;
  if (state !== null || card === null) await choose(isKnown ? state.operator : first, isKnown ? state : null, { keep: false });
}

/** Show an operator, with a state of the address or with the example of its card. */
async function choose(name, state = null, { keep = input.picture() !== null } = {}) {
  choosing += 1;
  const own = choosing;
  nodes.result.setAttribute("aria-busy", "true");
  let next;
  try {
    next = await cardOf(name);
  } catch (error) {
    showRefusal(error);
    return;
  }
  // A later choice was faster.
  if (own !== choosing) return;
  card = next;
  chooser.choose(name);
  byId("operator-name").textContent = name;
  byId("operator-summary").textContent = plain(card.summary);
  byId("operator-shape").textContent = plain(card.shape);
  byId("operator-docs").href = new URL(`docs#/${operators.find((each) => each.name === name).group}/${name.replace(".", "_")}`, ROOT).href;
  fields = makeFields(card, refresh);
  const isExample = state === null || (state.kind === null && Object.keys(state.fields).length === 0);
  fields.setTexts(isExample ? textsOfExample(card) : state.fields);
  nodes.fields.replaceChildren(...(fields.nodes.length ? fields.nodes : [element("p", { class: "muted" }, "This operator has no fields.")]));
  companions = makeCompanions(card, refresh);
  nodes.companions.replaceChildren(...companions.nodes);
  input.useCard(card, { keep: keep && card.companions.every(({ required }) => !required) });
  if (state) {
    companions.setTexts(state.companions);
    await input.setState(state);
  }
  refresh(null, 0);
}

async function cardOf(name) {
  if (!cards.has(name)) cards.set(name, await api.get(`v1/operators/${encodeURIComponent(name)}`));
  return cards.get(name);
}

function isChannelsLast() {
  return fields.effective().includes("channels_last");
}

function refresh(_, wait = WAIT_MS) {
  clearTimeout(timer);
  // What is asked now is out of date, and must not be shown as the answer.
  running?.abort();
  nodes.result.setAttribute("aria-busy", "true");
  timer = setTimeout(ask, wait);
}

/** Ask for the plan of the state shown, and pool it if it is small. */
async function ask(isForced = false) {
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  clearProblems();
  try {
    const request = readRequest();
    const plan = await planOf(request, signal);
    if (signal.aborted) return;
    if (plan) showPlan(plan, request);
    const isSmall = plan === null || plan.input_bytes + plan.output_bytes <= MOST_POOLED_BYTES;
    if (isSmall || isForced === true) await Promise.all([pool(plan, request, signal), trace(plan, request, signal)]);
    else offerToPool(plan);
    if (!signal.aborted) nodes.result.setAttribute("aria-busy", "false");
  } catch (error) {
    if (!signal.aborted) showRefusal(error);
  }
}

/**
 * The plan; null where only the elements tell the shapes. The service then refuses a plan for lack of a field that
 * pooling itself does not require.
 */
async function planOf(request, signal) {
  try {
    return await api.plan(request, signal);
  } catch (error) {
    const isOptional = ({ pointer, code }) => code === "missing" && card.fields.some(({ name, required }) => pointer === `/${name}` && !required);
    if (error instanceof Refused && error.errors.length && error.errors.every(isOptional) && isWritten(request)) return null;
    throw error;
  }
}

function readRequest() {
  input.note("");
  const own = input.read(isChannelsLast());
  input.note(`${shapeText(own.shape)}, ${byteText(elementCount(own.shape) * ELEMENT_TYPES[own.dtype].bytes)}`);
  const tensors = [own, ...companions.read()];
  keepInAddress();
  return { operator: card.name, fields: fields.values(), tensors };
}

function keepInAddress() {
  const state = input.state();
  const { fragment, isWhole } = writeFragment({ ...state, operator: card.name, fields: fields.texts(), companions: companions.texts() });
  if (fragment !== location.hash) history.replaceState(null, "", fragment || location.pathname);
  nodes.link.textContent = isWhole ? "" : state.kind === "file"
    ? "A link has no files: it opens this operator with its example."
    : `The input is too long for a link of ${LONGEST_FRAGMENT} characters: it opens this operator with its example.`;
}

function showPlan(plan, request) {
  nodes.plan.replaceChildren(...planNodes(plan));
  nodes.status.textContent = planSentence(plan);
  showTakeaway(request, Object.keys(plan.outputs));
}

function showTakeaway(request, outputs) {
  takeaway.show({ base: ROOT.href.replace(/\/$/, ""), card, request, outputs, hasKey: api.hasKey });
}

async function pool(plan, request, signal) {
  const { outputs, seed } = await api.poolRequest(request, signal);
  if (signal.aborted) return;
  if (plan === null) {
    nodes.plan.replaceChildren(element("p", { class: "muted" }, "The elements decide the shape, so there is no plan before pooling."));
    nodes.status.textContent = `${card.name}: ${[...outputs].map(([name, { shape }]) => `${name} ${shapeText(shape)}`).join(", ")}.`;
    showTakeaway(request, [...outputs.keys()]);
  }
  const shown = outputNodes(outputs, { isChannelsLast: isChannelsLast(), toPng: () => api.poolToPng(request) });
  nodes.outputs.replaceChildren(...shown, ...(seed ? [element("p", { class: "muted" }, `The service drew the seed ${seed}.`)] : []));
  showPictures();
}

function offerToPool(plan) {
  const button = element("button", { type: "button" }, "Pool it");
  button.addEventListener("click", () => ask(true));
  const text = `Input and outputs have ${byteText(plan.input_bytes + plan.output_bytes)}; beyond ${byteText(MOST_POOLED_BYTES)} the page pools when you say so.`;
  nodes.outputs.replaceChildren(element("p", { class: "muted" }, text), button);
  dropWindows("The input is too large to show its windows.");
  showPictures();
}

async function trace(plan, request, signal) {
  const [given] = request.tensors;
  const count = Object.values(plan?.outputs ?? {}).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (given.shape.some((size) => size > MOST_TRACED_SIZE) || count > MOST_TRACED_OUTPUTS) {
    dropWindows(`Windows are shown of inputs of up to ${MOST_TRACED_SIZE} elements along each axis.`);
    return;
  }
  try {
    const found = await api.trace(request, signal);
    if (signal.aborted) return;
    nodes.windowsNote.textContent = "";
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (windows) windows.update(found, given);
    else windows = mountWindows(nodes.windows, { trace: found, input: given, reducedMotion });
  } catch (error) {
    if (!(error instanceof Refused) || signal.aborted) throw error;
    dropWindows(error.message);
  }
}

function dropWindows(reason) {
  windows?.destroy();
  windows = null;
  nodes.windowsNote.textContent = reason;
}

function showPictures() {
  const picture = input.picture();
  if (!picture) {
    pictures?.destroy();
    pictures = null;
    nodes.picturesNote.textContent = "Choose the photograph or a picture of yours as the input to compare operators by eye.";
    return;
  }
  nodes.picturesNote.textContent = "";
  const options = { api, operators, picture, current: { operator: card.name, fields: Object.fromEntries(fields.values()) } };
  if (pictures) pictures.update(options);
  else pictures = mountPictures(nodes.pictures, options);
}

function clearProblems() {
  fields.clearProblems();
  companions.clearProblems();
  input.showProblem("");
  nodes.general.hidden = true;
  nodes.refusal.hidden = true;
  nodes.refusal.replaceChildren();
  nodes.result.classList.remove("is-refused");
}

/** Show a refusal of the service, or a text that cannot be read: beside what it is about, and in the result. */
function showRefusal(error) {
  const messages = error instanceof Refused && error.errors.length ? error.errors : [{ pointer: "", message: error.message }];
  for (const { pointer, message } of messages) {
    const name = String(pointer ?? "").split("/")[1] ?? "";
    const isShown = fields?.showProblem(name, message) || companions?.showProblem(name, message);
    if (!isShown && (name === "input" || name === "")) showElsewhere(error, message);
  }
  const texts = messages.map(({ message }) => element("p", {}, message));
  nodes.refusal.replaceChildren(element("h3", {}, error instanceof Refused ? "Refused" : "Not yet"), ...texts);
  if (error.status === 401) nodes.refusal.append(retryButton());
  nodes.refusal.hidden = false;
  nodes.status.textContent = `Refused: ${messages.map(({ message }) => message).join(" ")}`;
  nodes.result.classList.add("is-refused");
  nodes.result.setAttribute("aria-busy", "false");
  nodes.plan.replaceChildren();
  nodes.outputs.replaceChildren();
  dropWindows("There are no windows to show until the request is valid.");
  takeaway.clear("There is nothing to take away until the request is valid.");
}

function retryButton() {
  const button = element("button", { type: "button" }, "Give an API key");
  button.addEventListener("click", () => (card ? ask() : start()));
  return button;
}

/** The codes of refusals that only another input can mend. */
const ABOUT_INPUT = new Set(["wrong_rank", "empty_dimension"]);

/** A refusal without a field: of the input, beside it; of fields and input together, above the fields. */
function showElsewhere(error, message) {
  const isOfInput = !(error instanceof Refused) || error.errors.length > 0 || ABOUT_INPUT.has(error.code);
  if (error.tensor) companions?.showProblem(error.tensor, message);
  else if (isOfInput) input.showProblem(message);
  nodes.general.textContent = message;
  nodes.general.hidden = isOfInput;
}
