/** The pages of setting up: sounds, a volume, and what this browser says of its output. */

import "./errors.js";
import { SoundButtons } from "./sound-buttons.js";
import { say } from "./words.js";

/** Sound that comes later than this goes by radio. */
const LATE_S = 0.1;
/** How late it comes is known once it has come. */
const TOLD_AFTER_MS = 500;

const form = /** @type {HTMLFormElement} */ (document.querySelector("form[data-gain-db]"));
const gain = /** @type {HTMLInputElement | null} */ (document.querySelector("#gain"));
const buttons = new SoundButtons(Number(gain?.value ?? form.dataset.gainDb));
buttons.onplay = () => setTimeout(tellOutput, TOLD_AFTER_MS);

/** What the browser knows of its output goes with the form. */
function tellOutput() {
  const context = /** @type {AudioContext} */ (buttons.context);
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
  buttons.setGain(Number(gain.value));
}

gain?.addEventListener("input", showGain);
form.addEventListener("submit", () => buttons.stop());
showGain();
