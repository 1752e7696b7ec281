/**
 * The page's side of the engine: open one on a context, hand it the sounds, send it wishes.
 *
 * In a secure page the sounds lie in the audio thread (engine-worklet.js); elsewhere in one buffer (engine-buffer.js).
 * Both fade as BS.1534-3 has it, or cross-fade for other methods, and answer alike. Times are in seconds. The context
 * runs at the stimulus rate, so that no browser resamples single sounds.
 *
 * @typedef {"bs1534" | "crossfade"} Switching
 * @typedef {{position_s: number, current: number, sounding: boolean, heard_s: number[]}} Report
 * @typedef {{wanted?: number, loop?: [number, number], seek?: number, running?: boolean}} Wish
 */

import { SoundError } from "./sounds.js";
import { say } from "./words.js";

/** The processor of each way to switch, as engine-worklet.js has it. */
const PROCESSORS = { bs1534: "mushra-engine", crossfade: "crossfade-engine" };

/**
 * @param {number} rateHz sample rate of the stimuli
 * @returns {AudioContext}
 * @throws {SoundError} where this browser can't play at that rate
 */
export function openContext(rateHz) {
  const context = new AudioContext({ sampleRate: rateHz, latencyHint: "interactive" });
  if (context.sampleRate === rateHz) return context;
  throw new SoundError(say("Your browser can't play sound at {rate} Hz. Please use a current Chrome, Edge or Firefox.", { rate: rateHz }));
}

/**
 * @param {any} context of any kind: tests render an offline one
 * @param {string} worklet address of engine-worklet.js
 * @param {Switching} switching
 * @returns {Promise<Engine>}
 * @throws {SoundError} where the player does not come
 */
export async function openEngine(context, worklet, switching = "bs1534") {
  const output = context.createGain();
  output.connect(context.destination);
  // AudioWorkletNode is there on insecure pages too, and of no use.
  if (context.audioWorklet) {
    try {
      await context.audioWorklet.addModule(worklet);
    } catch {
      throw new SoundError(say("The player could not be fetched."));
    }
    return new Engine(context, output, new WorkletPlayer(context, output, switching));
  }
  const { BUFFER_ENGINES } = await import("./engine-buffer.js");
  return new Engine(context, output, new BUFFER_ENGINES[switching](context, output));
}

/** What both kinds have in common: a context that waits for somebody to act and is closed in the end, and a gain. */
export class Engine {
  /**
   * @param {AudioContext} context
   * @param {GainNode} output all that is heard goes through it
   * @param {any} player
   */
  constructor(context, output, player) {
    this.context = context;
    this.output = output;
    this.player = player;
    this.name = player.name;
    this.fadeMode = player.fadeMode;
  }

  /**
   * Gain of the whole page in dB, at most 0: sounds have their headroom, and nothing here may take it. At 0 dB every
   * sample passes as it is. It steps, so set it while nothing sounds.
   * @param {number} db
   */
  set gainDb(db) {
    this.output.gain.value = 10 ** (Math.min(db, 0) / 20);
  }

  /** @param {(report: Report) => void} listener */
  set onreport(listener) {
    this.player.onreport = listener;
  }

  /**
   * Take the sounds of a trial.
   * @param {Float32Array[][]} signals channels of every sound, all of one length
   */
  accept(signals) {
    this.player.accept(signals);
  }

  /** @param {Wish} wish */
  send(wish) {
    // Browsers hold sound back until somebody acts; every wish comes from such an act.
    if (wish.running && this.context.state === "suspended") void this.context.resume();
    this.player.send(wish);
  }

  async close() {
    this.player.close();
    await this.context.close();
  }
}

/** All sounds in the audio thread. */
class WorkletPlayer {
  /**
   * @param {BaseAudioContext} context one that has the worklet's module
   * @param {AudioNode} output
   * @param {Switching} switching
   */
  constructor(context, output, switching) {
    const options = { numberOfInputs: 0, outputChannelCount: [2] };
    this.node = new AudioWorkletNode(context, PROCESSORS[switching], options);
    this.node.connect(output);
    this.name = "audioworklet";
    this.fadeMode = switching;
    /** @param {Report} _report */
    this.onreport = (_report) => {};
    this.node.port.onmessage = ({ data }) => this.onreport(data);
  }

  /** @param {Float32Array[][]} signals copied, because the page hashes its own; a copy that is handed over is copied once */
  accept(signals) {
    const copies = signals.map((channels) => channels.map((samples) => samples.slice()));
    this.node.port.postMessage({ signals: copies }, copies.flat().map(({ buffer }) => buffer));
  }

  /** @param {Wish} wish */
  send(wish) {
    this.node.port.postMessage(wish);
  }

  close() {
    this.node.disconnect();
  }
}
