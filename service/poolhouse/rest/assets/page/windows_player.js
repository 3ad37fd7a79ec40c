// The controls that go through the windows: play, pause, steps, a slider and the speed.

import { element as html } from "./dom.js";
import { svg } from "./svg.js";

const SPEEDS = [
  ["0.5", "slow"],
  ["1.5", "normal"],
  ["4", "fast"],
  ["12", "fastest"],
];
const ICONS = {
  first: "M5 4v12M16 4 7 10l9 6z",
  back: "M14 4 5 10l9 6z",
  play: "M5 3v14l12-7z",
  pause: "M5 3h4v14H5zM11 3h4v14h-4z",
  forward: "M6 4l9 6-9 6z",
  last: "M15 4v12M4 4l9 6-9 6z",
};

/** Controls for `count` places. onPlace(place) is called for each place that they choose, onPlaying(is) when it starts and ends.
 *
 * Returns {element, setCount, setPlace, place, toggle, pause, isPlaying, destroy}.
 */
export function makePlayer({ onPlace, onPlaying }) {
  let count = 0;
  let place = 0;
  let timer = null;

  const buttons = {
    first: button("first", "First window"),
    back: button("back", "Previous window"),
    play: button("play", "Play"),
    forward: button("forward", "Next window"),
    last: button("last", "Last window"),
  };
  buttons.play.classList.add("play");
  const slider = html("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": "Window" });
  const position = html("output", { class: "place" });
  const speed = html(
    "select",
    { "aria-label": "Speed" },
    ...SPEEDS.map(([value, text]) => html("option", { value, selected: text === "normal" }, text)),
  );
  const element = html(
    "div",
    { class: "player", role: "group", "aria-label": "Go through the windows" },
    html("div", { class: "buttons" }, ...Object.values(buttons)),
    slider,
    position,
    html("label", { class: "speed" }, html("span", {}, "Speed"), speed),
  );

  const choose = (chosen) => {
    place = Math.min(Math.max(chosen, 0), Math.max(count - 1, 0));
    show();
    onPlace(place);
  };
  const step = (distance) => {
    pause();
    choose(place + distance);
  };
  const tick = () => {
    choose(place + 1);
    if (place >= count - 1) pause();
    else wait();
  };
  const wait = () => {
    timer = setTimeout(tick, 1000 / Number(speed.value));
  };
  function play() {
    if (timer !== null || count < 2) return;
    if (place >= count - 1) choose(0);
    wait();
    show();
    onPlaying(true);
  }
  function pause() {
    if (timer === null) return;
    clearTimeout(timer);
    timer = null;
    show();
    onPlaying(false);
  }
  const toggle = () => (timer === null ? play() : pause());

  function show() {
    const isPlaying = timer !== null;
    slider.max = String(Math.max(count - 1, 0));
    slider.value = String(place);
    slider.disabled = count < 2;
    slider.setAttribute("aria-valuetext", `window ${place + 1} of ${count}`);
    position.textContent = count ? `${place + 1} of ${count}` : "none";
    // Not disabled at the ends: a disabled button loses the focus of whoever steps with the keyboard.
    for (const [name, at] of [["first", 0], ["back", 0], ["forward", count - 1], ["last", count - 1]]) {
      buttons[name].setAttribute("aria-disabled", String(place === at || count < 2));
    }
    setIcon(buttons.play, isPlaying ? "pause" : "play", isPlaying ? "Pause" : "Play");
  }

  buttons.first.addEventListener("click", () => step(-count));
  buttons.back.addEventListener("click", () => step(-1));
  buttons.forward.addEventListener("click", () => step(1));
  buttons.last.addEventListener("click", () => step(count));
  buttons.play.addEventListener("click", toggle);
  slider.addEventListener("input", () => {
    pause();
    choose(Number(slider.value));
  });
  slider.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toggle();
  });
  show();

  return {
    element,
    setCount(newCount) {
      count = newCount;
      place = Math.min(place, Math.max(count - 1, 0));
      show();
    },
    /** Show a place that was chosen elsewhere. */
    setPlace(newPlace) {
      place = newPlace;
      show();
    },
    place: () => place,
    isPlaying: () => timer !== null,
    toggle,
    pause,
    destroy: pause,
  };
}

function button(icon, name) {
  const element = html("button", { type: "button", class: `go ${icon}` });
  setIcon(element, icon, name);
  return element;
}

function setIcon(element, icon, name) {
  if (element.dataset.icon === icon) return;
  element.dataset.icon = icon;
  element.setAttribute("aria-label", name);
  element.setAttribute("title", name);
  element.replaceChildren(svg("svg", { viewBox: "0 0 20 20", "aria-hidden": "true" }, svg("path", { d: ICONS[icon] })));
}
