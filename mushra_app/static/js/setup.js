/**
 * The pages of setting up: buttons that play a sound, a volume, and what this browser says of its output.
 *
 * The context runs at the device's own rate: whether that is a telephone's is one of the things to find out.
 */

import { say } from "./words.js";

const FADE_S = 0.02;
/** Sound that comes later than this goes by radio; `setting_up.LATE_S` on the server. */
const LATE_S = 0.1;

const form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-gain-db]"));
const gain = /** @type {HTMLInputElement | null} */ (document.querySelector("#gain"));
/** @type {AudioContext | undefined} */
let context;
/** @type {{button: HTMLElement, source: AudioBufferSourceNode, fade: GainNode} | null} */
let playing = null;
/** @type {GainNode | undefined} */
let volume;

const decibels = (value) => 10 ** (value / 20);

for (const button of document.querySelectorAll("button[data-url]")) {
  const element = /** @type {HTMLButtonElement} */ (button);
  element.addEventListener("click", () => {
    const again = playing?.button === element;
    stop();
    if (!again) void play(element);
  });
}

/** @param {HTMLButtonElement} button */
async function play(button) {
  const trouble = /** @type {HTMLElement} */ (document.querySelector("#trouble"));
  trouble.hidden = true;
  button.setAttribute("aria-pressed", "true");
  try {
    context ??= new AudioContext();
    if (context.state === "suspended") void context.resume();
    const response = await fetch(/** @type {string} */ (button.dataset.url));
    if (!response.ok) throw new Error(String(response.status));
    const buffer = await context.decodeAudioData(await response.arrayBuffer());
    if (playing || button.getAttribute("aria-pressed") !== "true") return; // another one was pressed meanwhile
    start(button, buffer, context);
  } catch {
    button.setAttribute("aria-pressed", "false");
    trouble.hidden = false;
    /** @type {any} */ (trouble.querySelector("p")).textContent = say("This sound could not be played. Please try again.");
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {AudioBuffer} buffer
 * @param {AudioContext} context
 */
function start(button, buffer, context) {
  volume ??= new GainNode(context, { gain: decibels(Number(gain?.value ?? form.dataset.gainDb)) });
  volume.connect(context.destination);
  const fade = new GainNode(context, { gain: 0 });
  const source = new AudioBufferSourceNode(context, { buffer, loop: "loop" in button.dataset });
  source.connect(fade).connect(volume);
  fade.gain.linearRampToValueAtTime(1, context.currentTime + FADE_S);
  source.start();
  playing = { button, source, fade };
  source.onended = () => playing?.source === source && stop();
  if ("once" in button.dataset) button.disabled = true; // the screening is known for sounds that are heard once
  setTimeout(tellOutput, 500); // how late the sound comes is known after it has come
}

function stop() {
  for (const button of document.querySelectorAll("button[data-url]")) button.setAttribute("aria-pressed", "false");
  if (!playing || !context) return;
  const { source, fade } = playing;
  playing = null;
  fade.gain.cancelScheduledValues(context.currentTime);
  fade.gain.setTargetAtTime(0, context.currentTime, FADE_S / 4);
  source.stop(context.currentTime + 2 * FADE_S);
}

/** What the browser knows of its output goes with the form. */
function tellOutput() {
  if (!context) return;
  const latency_s = (context.baseLatency ?? 0) + (context.outputLatency ?? 0);
  const output = /** @type {HTMLInputElement} */ (form.elements.namedItem("output"));
  output.value = JSON.stringify({ rate_hz: context.sampleRate, latency_s: Math.round(latency_s * 1e4) / 1e4 });
  /** @type {HTMLElement} */ (document.querySelector("#late")).hidden = latency_s < LATE_S;
}

function showGain() {
  if (!gain) return;
  const text = say("{value} dB", { value: gain.value.replace("-", "−") });
  gain.setAttribute("aria-valuetext", text);
  /** @type {any} */ (document.querySelector("output[for=gain]")).textContent = text;
  if (volume && context) volume.gain.setTargetAtTime(decibels(Number(gain.value)), context.currentTime, FADE_S);
}

gain?.addEventListener("input", showGain);
form.addEventListener("submit", stop);
showGain();
