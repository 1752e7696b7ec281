/**
 * Buttons that each play a sound: one at a time, faded in and out, pressed again to stop.
 *
 * `data-url` is where the sound is, `data-loop` repeats it, `data-once` lets it be heard a single time. The context runs
 * at the device's own rate: whether that is a telephone's is one of the things that setting up wants to know.
 */

import { say } from "./words.js";

const FADE_S = 0.02;

/** @type {(selector: string) => NodeListOf<HTMLButtonElement>} */
const all = (selector) => document.querySelectorAll(selector);

export class SoundButtons {
  /** @param {number} gainDb of everything that is played */
  constructor(gainDb) {
    this.gainDb = gainDb;
    /** @type {AudioContext | null} made when the first sound is wanted: browsers allow none before */
    this.context = null;
    /** @type {GainNode | null} */
    this.volume = null;
    /** @type {{button: HTMLButtonElement, source: AudioBufferSourceNode, fade: GainNode} | null} */
    this.playing = null;
    /** Told when a sound has started. */
    this.onplay = () => {};
    for (const button of all("button[data-url]")) button.addEventListener("click", () => this.press(button));
  }

  /** @param {HTMLButtonElement} button */
  press(button) {
    const again = button.getAttribute("aria-pressed") === "true";
    this.stop();
    if (!again) void this.play(button);
  }

  /** @param {HTMLButtonElement} button */
  async play(button) {
    const trouble = /** @type {HTMLElement} */ (document.querySelector("#trouble"));
    trouble.hidden = true;
    button.setAttribute("aria-pressed", "true");
    try {
      this.context ??= new AudioContext();
      if (this.context.state === "suspended") void this.context.resume();
      const response = await fetch(/** @type {string} */ (button.dataset.url));
      if (!response.ok) throw new Error(String(response.status));
      const buffer = await this.context.decodeAudioData(await response.arrayBuffer());
      // Another one may have been pressed meanwhile.
      if (button.getAttribute("aria-pressed") === "true" && !this.playing) this.start(button, buffer, this.context);
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
  start(button, buffer, context) {
    this.volume ??= new GainNode(context, { gain: 10 ** (this.gainDb / 20) });
    this.volume.connect(context.destination);
    const fade = new GainNode(context, { gain: 0 });
    const source = new AudioBufferSourceNode(context, { buffer, loop: "loop" in button.dataset });
    source.connect(fade).connect(this.volume);
    fade.gain.linearRampToValueAtTime(1, context.currentTime + FADE_S);
    source.start();
    source.onended = () => this.playing?.source === source && this.stop();
    this.playing = { button, source, fade };
    if ("once" in button.dataset) button.disabled = true;
    this.onplay();
  }

  stop() {
    for (const button of all("button[data-url]")) button.setAttribute("aria-pressed", "false");
    if (!this.playing || !this.context) return;
    const { source, fade } = this.playing;
    this.playing = null;
    fade.gain.cancelScheduledValues(this.context.currentTime);
    fade.gain.setTargetAtTime(0, this.context.currentTime, FADE_S / 4);
    source.stop(this.context.currentTime + 2 * FADE_S);
  }

  /** @param {number} gainDb */
  setGain(gainDb) {
    this.gainDb = gainDb;
    if (this.volume && this.context) this.volume.gain.setTargetAtTime(10 ** (gainDb / 20), this.context.currentTime, FADE_S);
  }
}
