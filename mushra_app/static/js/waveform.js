/** The reference's waveform with playhead, loop handles and seeking. Times in seconds. */

import { say } from "./words.js";

const SHORTEST_LOOP_S = 0.5;

export class Waveform {
  /**
   * @param {HTMLElement} root holds canvas, playhead, two range inputs and the two shades
   * @param {{onseek: (time: number) => void, onloop: (start: number, end: number) => void}} listeners
   */
  constructor(root, { onseek, onloop }) {
    this.root = root;
    this.canvas = /** @type {HTMLCanvasElement} */ (root.querySelector("canvas"));
    this.playhead = /** @type {HTMLElement} */ (root.querySelector(".playhead"));
    [this.start, this.end] = /** @type {HTMLInputElement[]} */ ([...root.querySelectorAll("input")]);
    this.onloop = onloop;
    this.length = 0;
    this.samples = new Float32Array(0);
    this.canvas.addEventListener("pointerdown", (event) => {
      const box = this.canvas.getBoundingClientRect();
      if (this.length) onseek(((event.clientX - box.left) / box.width) * this.length);
    });
    this.start.addEventListener("input", () => this.moved(this.start));
    this.end.addEventListener("input", () => this.moved(this.end));
    new ResizeObserver(() => this.draw()).observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  /**
   * @param {Float32Array} samples
   * @param {number} length in seconds
   */
  show(samples, length) {
    this.samples = samples;
    this.length = length;
    for (const handle of [this.start, this.end]) handle.max = String(length);
    this.setLoop(0, length);
    requestAnimationFrame(() => this.draw()); // nobody has to wait for a picture before they can listen
  }

  /** Keep the loop long enough, whichever handle was moved. */
  moved(handle) {
    let [start, end] = [Number(this.start.value), Number(this.end.value)];
    const shortest = Math.min(SHORTEST_LOOP_S, this.length);
    if (handle === this.start) start = Math.min(start, end - shortest);
    else end = Math.max(end, start + shortest);
    this.setLoop(start, end);
    this.onloop(start, end);
  }

  setLoop(start, end) {
    this.start.value = String(start);
    this.end.value = String(end);
    for (const [handle, time] of /** @type {const} */ ([[this.start, start], [this.end, end]])) {
      handle.setAttribute("aria-valuetext", say("{time} seconds", { time: time.toFixed(2) }));
    }
    this.root.style.setProperty("--loop-start", String(start / this.length));
    this.root.style.setProperty("--loop-end", String(end / this.length));
  }

  setPosition(time) {
    if (this.length) this.root.style.setProperty("--position", String(time / this.length));
  }

  draw() {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [this.canvas.clientWidth * ratio, this.canvas.clientHeight * ratio];
    if (!width || !this.samples.length) return;
    Object.assign(this.canvas, { width, height });
    const paper = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    paper.fillStyle = getComputedStyle(this.canvas).color;
    const loudest = this.samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 1e-9);
    const bar = 3 * ratio;
    for (let x = 0; x < width; x += bar) {
      const from = Math.floor((x / width) * this.samples.length);
      const to = Math.max(Math.floor(((x + bar) / width) * this.samples.length), from + 1);
      let peak = 0;
      for (let i = from; i < Math.min(to, this.samples.length); i += 1) peak = Math.max(peak, Math.abs(this.samples[i]));
      const tall = Math.max((peak / loudest) * height * 0.92, ratio);
      paper.fillRect(x, (height - tall) / 2, bar - ratio, tall);
    }
  }
}
