/**
 * The page's side of the engine: open one on a context, hand it the sounds, send it wishes.
 *
 * In a secure page the sounds lie in the audio thread (engine-worklet.js); elsewhere in one buffer (engine-buffer.js).
 * Both fade as BS.1534-3 has it and answer alike. Times are in seconds. The context runs at the stimulus rate, so that
 * no browser resamples single sounds.
 *
 * @typedef {{position_s: number, current: number, sounding: boolean, heard_s: number[]}} Report
 * @typedef {{wanted?: number, loop?: [number, number], seek?: number, running?: boolean}} Wish
 */

import { SoundError } from "./sounds.js";

/**
 * @param {number} rateHz sample rate of the stimuli
 * @returns {AudioContext}
 * @throws {SoundError} where this browser can't play at that rate
 */
export function openContext(rateHz) {
  const context = new AudioContext({ sampleRate: rateHz, latencyHint: "interactive" });
  if (context.sampleRate === rateHz) return context;
  throw new SoundError(`Your browser can't play sound at ${rateHz} Hz. Please use a current Chrome, Edge or Firefox.`);
}

/**
 * @param {AudioContext} context
 * @param {string} worklet address of engine-worklet.js
 * @returns {Promise<Engine>}
 * @throws {SoundError} where the player does not come
 */
export async function openEngine(context, worklet) {
  // AudioWorkletNode is there on insecure pages too, and of no use.
  if (context.audioWorklet) return new Engine(context, await WorkletPlayer.open(context, worklet));
  const { BufferEngine } = await import("./engine-buffer.js");
  return new Engine(context, new BufferEngine(context));
}

/** What both kinds have in common: a context that waits for somebody to act, and is closed in the end. */
export class Engine {
  /**
   * @param {AudioContext} context
   * @param {any} player
   */
  constructor(context, player) {
    this.context = context;
    this.player = player;
    this.name = player.name;
    this.fadeMode = player.fadeMode;
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
  /** @param {AudioWorkletNode} node */
  constructor(node) {
    this.node = node;
    this.name = "audioworklet";
    this.fadeMode = "bs1534";
    /** @param {Report} _report */
    this.onreport = (_report) => {};
    node.port.onmessage = ({ data }) => this.onreport(data);
  }

  /**
   * @param {AudioContext} context
   * @param {string} worklet
   * @throws {SoundError} where the audio thread's part does not come
   */
  static async open(context, worklet) {
    try {
      await context.audioWorklet.addModule(worklet);
    } catch {
      throw new SoundError("The player could not be fetched.");
    }
    const node = new AudioWorkletNode(context, "mushra-engine", { numberOfInputs: 0, outputChannelCount: [2] });
    node.connect(context.destination);
    return new WorkletPlayer(node);
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
