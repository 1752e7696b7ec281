/**
 * The page's side of the engine: fetch and decode the sounds, hand them to the audio thread, send wishes.
 *
 * Times are in seconds. The context runs at the stimulus rate, so that no browser resamples single sounds.
 */

/** Something the listener can be told, in a sentence. */
export class EngineError extends Error {}

export class Engine {
  /**
   * @param {AudioContext} context
   * @param {AudioWorkletNode} node
   */
  constructor(context, node) {
    this.context = context;
    this.node = node;
    this.name = "audioworklet";
    this.fadeMode = "bs1534";
    /** @param {{position_s: number, current: number, sounding: boolean, heard_s: number[]}} _report */
    this.onreport = (_report) => {};
    node.port.onmessage = ({ data }) => this.onreport(data);
  }

  /**
   * @param {number} rateHz sample rate of the stimuli
   * @param {string} worklet address of engine-worklet.js
   */
  static async open(rateHz, worklet) {
    const context = new AudioContext({ sampleRate: rateHz, latencyHint: "interactive" });
    if (!context.audioWorklet) {
      throw new EngineError(
        "Your browser allows precise playback on secure pages only. Please open this test with an address that begins with https.",
      );
    }
    if (context.sampleRate !== rateHz) {
      throw new EngineError(`Your browser can't play sound at ${rateHz} Hz. Please use a current Chrome, Edge or Firefox.`);
    }
    await context.audioWorklet.addModule(worklet);
    const node = new AudioWorkletNode(context, "mushra-engine", { numberOfInputs: 0, outputChannelCount: [2] });
    node.connect(context.destination);
    return new Engine(context, node);
  }

  /**
   * Fetch and decode all sounds of a trial.
   * @param {{url: string, label: string}[]} sounds
   * @param {(share: number) => void} onprogress 0 to 1
   * @returns {Promise<Float32Array>} the first channel of the first sound, to be drawn
   */
  async load(sounds, onprogress) {
    let done = 0;
    const decoded = await Promise.all(
      sounds.map(async (sound) => {
        const buffer = await this.decode(sound);
        done += 1;
        onprogress(done / sounds.length);
        return buffer;
      }),
    );
    if (new Set(decoded.map((channels) => channels[0].length)).size > 1) {
      throw new EngineError("The sounds of this page differ in length. Please tell the experimenter.");
    }
    const drawn = decoded[0][0].slice();
    this.node.port.postMessage({ signals: decoded }, decoded.flat().map((channel) => channel.buffer));
    return drawn;
  }

  /** @param {{url: string, label: string}} sound */
  async decode(sound) {
    let response;
    try {
      response = await fetch(sound.url);
    } catch {
      throw new EngineError(`${sound.label} could not be fetched: the connection failed.`);
    }
    if (!response.ok) throw new EngineError(`${sound.label} could not be fetched: the server answered ${response.status}.`);
    try {
      const buffer = await this.context.decodeAudioData(await response.arrayBuffer());
      return Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c).slice());
    } catch {
      throw new EngineError(`${sound.label} arrived damaged and can't be played.`);
    }
  }

  /** @param {{wanted?: number, loop?: [number, number], seek?: number, running?: boolean}} wish */
  send(wish) {
    // Browsers hold sound back until somebody acts; every wish comes from such an act.
    if (wish.running && this.context.state === "suspended") void this.context.resume();
    this.node.port.postMessage(wish);
  }

  async close() {
    await this.context.close();
  }
}
