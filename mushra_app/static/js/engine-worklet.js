/**
 * The player's engine, in the audio thread: all sounds of a trial, one read pointer, one fade phase.
 *
 * ITU-R BS.1534-3, clause 5.3: at every switch 5 ms raised-cosine fade-out, then 5 ms fade-in, never a cross-fade.
 * Whatever would break the waveform (a switch, a seek, a stop, the loop's end) only asks to leave: the phase then
 * walks down to silence one step a sample, everything pending is applied there, and it walks up again. So no event
 * at no moment can make a step larger than the fade's own, and all sounds stay aligned because there is one pointer.
 *
 * Methods other than MUSHRA may cross-fade instead (CrossfadeEngine): a switch then does not ask to leave.
 */

const FADE_S = 0.005;
const SHORTEST_LOOP_S = 0.5;
const REPORT_FRAMES = 1024;

class MushraEngine extends AudioWorkletProcessor {
  constructor() {
    super();
    this.steps = Math.ceil(FADE_S * sampleRate);
    this.gains = Float64Array.from({ length: this.steps + 1 }, (_, p) => 0.5 * (1 - Math.cos((Math.PI * p) / this.steps)));
    /** @type {Float32Array[][]} channels of every signal */
    this.signals = [];
    this.frames = 0;
    this.position = 0;
    this.current = 0;
    this.wanted = 0;
    this.loopStart = 0;
    this.loopEnd = 0;
    this.seek = -1;
    this.running = false;
    this.phase = 0;
    /** @type {Float64Array} samples that each signal has sounded */
    this.heard = new Float64Array(0);
    /** @type {object[]} commands that wait for their frame */
    this.queue = [];
    this.sinceReport = 0;
    this.port.onmessage = ({ data }) => this.receive(data);
  }

  /** Sounds arrive once; afterwards each message carries a whole wish: any of wanted, loop, seek, running, at. */
  receive(message) {
    if (message.signals) {
      this.signals = message.signals;
      this.frames = message.signals[0][0].length;
      this.heard = new Float64Array(message.signals.length);
      this.loopStart = 0;
      this.loopEnd = this.frames;
    } else {
      this.queue.push(message);
      this.queue.sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
    }
  }

  apply({ wanted, loop, seek, running }) {
    if (wanted !== undefined) this.wanted = Math.min(Math.max(wanted, 0), this.signals.length - 1);
    if (loop) {
      const shortest = Math.min(Math.ceil(SHORTEST_LOOP_S * sampleRate), this.frames);
      this.loopStart = Math.min(Math.max(Math.round(loop[0] * sampleRate), 0), this.frames - shortest);
      this.loopEnd = Math.min(Math.max(Math.round(loop[1] * sampleRate), this.loopStart + shortest), this.frames);
    }
    if (seek !== undefined) {
      this.seek = Math.min(Math.max(Math.round(seek * sampleRate), this.loopStart), this.loopEnd - 1);
    }
    if (running !== undefined) this.running = running;
  }

  /** Whether a switch is wished that has to wait for silence. */
  switchLeaves() {
    return this.wanted !== this.current;
  }

  /** One step of the fade phase; false where nothing sounds. */
  step() {
    if (this.phase > 0) {
      const leave =
        !this.running ||
        this.switchLeaves() ||
        this.seek >= 0 ||
        this.position < this.loopStart ||
        // An inequality with the phase in it: the fade is over exactly at the loop's end, wherever that is moved to.
        this.position >= this.loopEnd - this.phase;
      this.phase = leave ? this.phase - 1 : Math.min(this.phase + 1, this.steps);
      return true;
    }
    if (this.seek >= 0) this.position = this.seek;
    this.seek = -1;
    if (this.position < this.loopStart || this.position >= this.loopEnd) this.position = this.loopStart;
    this.current = this.wanted;
    if (!this.running) return false;
    this.phase = this.position < this.loopEnd - 1 ? 1 : 0;
    return true;
  }

  /** One channel of a signal where the pointer is; a mono signal has the same in all. */
  read(signal, c) {
    const channels = this.signals[signal];
    return channels[Math.min(c, channels.length - 1)][this.position];
  }

  /** One channel of what sounds there, before the fade. */
  mixed(c) {
    return this.read(this.current, c);
  }

  process(_inputs, [output]) {
    if (!this.frames) return true;
    const length = output[0].length;
    for (let i = 0; i < length; i += 1) {
      while (this.queue.length && (this.queue[0].at ?? 0) <= currentFrame + i) this.apply(this.queue.shift());
      if (!this.step()) continue;
      const gain = this.gains[this.phase];
      for (let c = 0; c < output.length; c += 1) output[c][i] = gain * this.mixed(c);
      if (this.phase) this.heard[this.current] += 1;
      this.position += 1;
    }
    this.report(length);
    return true;
  }

  report(length) {
    this.sinceReport += length;
    if (this.sinceReport < REPORT_FRAMES) return;
    this.sinceReport = 0;
    this.port.postMessage({
      position_s: this.position / sampleRate,
      current: this.current,
      sounding: this.running && this.phase > 0,
      heard_s: Array.from(this.heard, (samples) => samples / sampleRate),
    });
  }
}

/**
 * An equal-gain cross-fade of 5 ms at a switch; loop ends, seeks, stops and starts are still the fade phase's.
 *
 * A second phase, `mix`, walks from the signal that leaves to the one that comes. It is never turned back: a running
 * cross-fade is finished first (5 ms at most) and the last wish then has its own, so that two signals at most sound
 * and their gains always add up to 1. Equal gain and not equal power, which would lift aligned signals by up to 3 dB.
 * Time counts as heard for the signal that comes. Where the fade phase is at zero a switch needs no mix.
 */
class CrossfadeEngine extends MushraEngine {
  constructor() {
    super();
    this.mix = this.steps;
    this.leaving = 0;
  }

  switchLeaves() {
    return false;
  }

  step() {
    const silent = this.phase === 0;
    const sounds = super.step();
    if (silent) this.mix = this.steps;
    else if (this.mix < this.steps) this.mix += 1;
    else if (this.wanted !== this.current) {
      this.leaving = this.current;
      this.current = this.wanted;
      this.mix = 1;
    }
    return sounds;
  }

  mixed(c) {
    const { gains, mix, steps } = this;
    return gains[mix] * this.read(this.current, c) + gains[steps - mix] * this.read(this.leaving, c);
  }
}

registerProcessor("mushra-engine", MushraEngine);
registerProcessor("crossfade-engine", CrossfadeEngine);
