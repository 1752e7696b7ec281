/**
 * The engine where there is no AudioWorklet: pages that are not secure, as on a lab's plain http network.
 *
 * All sounds of a trial are channels of one looped buffer, so that they are aligned by construction; each has a gain
 * of 0 or 1, and one master gain makes every fade. Whatever changes (a switch, a seek, a loop, a stop) is one move:
 * the master goes down by the standard's raised cosine, everything pending is applied at its zero, and it goes up
 * again (ITU-R BS.1534-3, clause 5.3). Fades at the loop's ends lie in the buffer itself.
 *
 * Moves are scheduled ahead of the audio thread, one after the other; while one runs, the last wish wins. None meets
 * the loop's own fades, or the two would multiply into a steeper one.
 *
 * Methods other than MUSHRA may cross-fade instead (CrossfadeBufferEngine): a switch then leaves the master alone.
 *
 * Conventions: frames at the context's rate; wishes and reports in seconds, as those of engine-worklet.js.
 */

const FADE_S = 0.005;
const SHORTEST_LOOP_S = 0.5;
/** A quantum is too little in some browsers: a curve that begins in the past is a click. */
const AHEAD_S = 0.03;
const REPORT_MS = 23;
/** A parameter's change at exactly f/rate lands one frame late in some browsers. */
const BEFORE = 0.25;
const MOST_CHANNELS = 32;

export class BufferEngine {
  /**
   * @param {BaseAudioContext} context
   * @param {AudioNode} output where the sound goes
   */
  constructor(context, output = context.destination) {
    this.context = context;
    this.name = "buffer-source";
    this.fadeMode = "bs1534";
    this.rate = context.sampleRate;
    this.steps = Math.ceil(FADE_S * this.rate);
    this.rise = Float32Array.from({ length: this.steps + 1 }, (_, p) => this.gain(p));
    this.master = context.createGain();
    this.master.gain.value = 0;
    this.master.connect(output);
    /** @type {Float32Array[][]} channels of every signal */
    this.signals = [];
    /** @type {GainNode[]} */
    this.gains = [];
    /** @type {AudioBufferSourceNode | null} */
    this.source = null;
    this.current = 0;
    this.running = false;
    /** What is wanted: as of now where nothing is pending. @type {{wanted: number, running: boolean, loop: [number, number], seek: number | null}} */
    this.wish = { wanted: 0, running: false, loop: [0, 0], seek: null };
    this.loop = [0, 0];
    /** Position in the clip, at the frame `since` of the context; it runs on from there while sounding. */
    this.position = 0;
    this.since = 0;
    /** No move may begin before this frame. */
    this.free = 0;
    this.waiting = false;
    /** @type {number[]} frames that each signal has sounded */
    this.heard = [];
    /** @param {{position_s: number, current: number, sounding: boolean, heard_s: number[]}} _report */
    this.onreport = (_report) => {};
  }

  /** Raised cosine: 0 at p = 0, 1 at p = steps. */
  gain(p) {
    return 0.5 * (1 - Math.cos((Math.PI * p) / this.steps));
  }

  /**
   * Take the sounds of a trial.
   * @param {Float32Array[][]} signals channels of every signal, all of one length
   */
  accept(signals) {
    const channels = signals.reduce((sum, signal) => sum + signal.length, 0);
    if (channels > MOST_CHANNELS) throw new RangeError(`${channels} channels, at most ${MOST_CHANNELS}`);
    this.signals = signals;
    this.frames = signals[0][0].length;
    this.loop = [0, this.frames];
    this.wish.loop = [0, this.frames];
    this.heard = signals.map(() => 0);
    this.splitter = this.context.createChannelSplitter(channels);
    let channel = 0;
    this.gains = signals.map((signal) => {
      const merger = this.context.createChannelMerger(signal.length);
      const gain = this.context.createGain();
      gain.gain.value = 0;
      signal.forEach((_, c) => this.splitter?.connect(merger, channel + c, c));
      channel += signal.length;
      merger.connect(gain).connect(this.master);
      return gain;
    });
    if (this.context instanceof AudioContext) this.timer = setInterval(() => this.report(), REPORT_MS);
  }

  /** @param {{wanted?: number, loop?: [number, number], seek?: number, running?: boolean}} wish */
  send({ wanted, loop, seek, running }) {
    if (wanted !== undefined) this.wish.wanted = Math.min(Math.max(wanted, 0), this.signals.length - 1);
    if (loop) {
      const shortest = Math.min(Math.ceil(SHORTEST_LOOP_S * this.rate), this.frames);
      const start = Math.min(Math.max(Math.round(loop[0] * this.rate), 0), this.frames - shortest);
      this.wish.loop = [start, Math.min(Math.max(Math.round(loop[1] * this.rate), start + shortest), this.frames)];
    }
    if (seek !== undefined) {
      this.wish.seek = Math.min(Math.max(Math.round(seek * this.rate), this.wish.loop[0]), this.wish.loop[1] - 1);
    }
    if (running !== undefined) this.wish.running = running;
    return this.settle();
  }

  /**
   * Do what is wished as soon as that can be.
   * @returns {number | null} the frame from which the change begins to be heard; null where it has to wait
   */
  settle() {
    const { wanted, running, loop, seek } = this.wish;
    const same = wanted === this.current && seek === null && loop[0] === this.loop[0] && loop[1] === this.loop[1];
    if (running === this.running && (same || !running)) {
      if (!running) this.apply(this.now());
      return null;
    }
    if (this.waiting) return null;
    const begin = this.running ? this.clearOfLoopEnds(this.soonest()) : this.soonest();
    if (begin > this.soonest()) return this.later(begin - Math.ceil(AHEAD_S * this.rate));
    this.free = begin + this.move(begin) + 2;
    this.later(this.free - Math.ceil(AHEAD_S * this.rate));
    return begin;
  }

  now() {
    return Math.round(this.context.currentTime * this.rate);
  }

  soonest() {
    return Math.max(this.now() + Math.ceil(AHEAD_S * this.rate), this.free);
  }

  /** Settle again once the context has come to that frame. */
  later(frame) {
    this.waiting = true;
    setTimeout(
      () => {
        this.waiting = false;
        this.settle();
      },
      Math.max(((frame - this.now()) / this.rate) * 1000, 1),
    );
    return null;
  }

  /** Not before a fade at the loop's end is over that a move beginning then would meet. */
  clearOfLoopEnds(begin) {
    const length = this.loop[1] - this.loop[0];
    const place = this.placeAt(begin) - this.loop[0];
    if (place < this.steps) return begin + this.steps - place;
    if (place + 2 * this.steps > length - this.steps) return begin + length - place + this.steps;
    return begin;
  }

  /** Where in the clip the pointer is at a frame of the context. */
  placeAt(frame) {
    if (!this.running) return this.position;
    const length = this.loop[1] - this.loop[0];
    const run = this.position - this.loop[0] + frame - this.since;
    return this.loop[0] + (((run % length) + length) % length);
  }

  /** Whether the source plays on as it is: nothing is wished but another signal, if that. */
  stays() {
    const { running, loop, seek } = this.wish;
    return this.running && running && seek === null && loop[0] === this.loop[0] && loop[1] === this.loop[1];
  }

  /**
   * One move from its first frame: down, apply, up.
   * @returns {number} how many frames have to pass before the next one
   */
  move(begin) {
    const starts = this.running ? begin + this.steps : begin;
    const down = this.running ? [...this.rise.slice(1)].reverse() : [];
    const fadesItself = this.apply(starts);
    const up = !this.running ? [] : fadesItself ? this.rise.slice(1).fill(1) : this.rise.slice(1);
    // One curve for both fades: two that meet can be taken for two that overlap, which is an error. Its points are a
    // frame apart, the first one is the level before the move.
    const curve = Float32Array.from([...down, 0, ...up]);
    this.master.gain.setValueCurveAtTime(curve, (begin - 1) / this.rate, (curve.length - 1) / this.rate);
    return 2 * this.steps;
  }

  /** Where the pointer is at a frame, and what was heard until then. */
  advance(frame) {
    const place = this.placeAt(frame);
    if (this.running) this.heard[this.current] += frame - this.since;
    this.position = place;
    this.since = frame;
  }

  /**
   * Everything that is pending becomes true at this frame, where nothing is heard.
   * @returns {boolean} whether a source starts that fades in by itself, at the loop's start
   */
  apply(frame) {
    const { wanted, running, loop, seek } = this.wish;
    const stays = this.stays();
    this.advance(frame);
    if (this.running && !stays) this.source?.stop(frame / this.rate);
    this.loop = [...loop];
    if (!stays) this.position = this.startAt(seek ?? this.position);
    this.wish.seek = null;
    this.running = running;
    this.current = wanted;
    const at = Math.max((frame - BEFORE) / this.rate, 0);
    this.gains.forEach((gain, signal) => gain.gain.setValueAtTime(signal === wanted ? 1 : 0, at));
    if (running && !stays) this.start(frame);
    return running && !stays && this.position === loop[0];
  }

  /** Where a source begins that is asked to begin there: at the loop's start, where it would meet a fade of the loop's. */
  startAt(place) {
    const [start, end] = this.loop;
    const clear = place >= start + this.steps && place <= end - 2 * this.steps;
    return clear ? place : start;
  }

  /** A new source of the looped stretch, its fades inside. */
  start(frame) {
    this.source = this.context.createBufferSource();
    this.source.buffer = this.looped();
    this.source.loop = true;
    this.source.connect(/** @type {ChannelSplitterNode} */ (this.splitter));
    this.source.start(frame / this.rate, (this.position - this.loop[0]) / this.rate);
  }

  looped() {
    const [start, end] = this.loop;
    if (this.stretch?.start === start && this.stretch.end === end) return this.stretch.buffer;
    const channels = this.signals.flat();
    const buffer = this.context.createBuffer(channels.length, end - start, this.rate);
    channels.forEach((samples, channel) => {
      const part = samples.slice(start, end);
      for (let i = 0; i < this.steps; i += 1) {
        if (i + 1 < this.steps) part[i] *= this.rise[i + 1];
        part[part.length - 1 - i] *= this.rise[i];
      }
      buffer.copyToChannel(part, channel);
    });
    this.stretch = { start, end, buffer };
    return buffer;
  }

  report() {
    const now = Math.max(this.now(), this.since);
    const heard = this.heard.map((frames, signal) =>
      this.running && signal === this.current ? frames + now - this.since : frames,
    );
    this.onreport({
      position_s: this.placeAt(now) / this.rate,
      current: this.current,
      sounding: this.running,
      heard_s: heard.map((frames) => frames / this.rate),
    });
  }

  close() {
    clearInterval(this.timer);
  }
}

/**
 * An equal-gain cross-fade of 5 ms at a switch: the gains of the two signals move, and the master stays up.
 *
 * Moves follow one another as ever, so that a running cross-fade is finished first and the two gains always add up
 * to 1. Time counts as heard for the signal that comes.
 */
export class CrossfadeBufferEngine extends BufferEngine {
  /**
   * @param {BaseAudioContext} context
   * @param {AudioNode} [output]
   */
  constructor(context, output) {
    super(context, output);
    this.fadeMode = "crossfade";
    this.fall = Float32Array.from(this.rise).reverse();
  }

  /** @param {number} begin */
  move(begin) {
    if (!this.stays()) return super.move(begin);
    const [from, length_s] = [(begin - 1) / this.rate, this.steps / this.rate];
    this.advance(begin);
    this.gains[this.current].gain.setValueCurveAtTime(this.fall, from, length_s);
    this.current = this.wish.wanted;
    this.gains[this.current].gain.setValueCurveAtTime(this.rise, from, length_s);
    return this.steps;
  }
}

/** The engine of each way to switch. */
export const BUFFER_ENGINES = { bs1534: BufferEngine, crossfade: CrossfadeBufferEngine };
