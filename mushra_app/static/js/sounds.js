/** Fetching and decoding the sounds of a trial, each told by itself where it fails. */

/** Something the listener can be told, in a sentence. */
export class SoundError extends Error {}

/**
 * @typedef {{url: string, label: string}} Sound
 */

/**
 * Fetch and decode sounds; what arrived before is not fetched again.
 * @param {BaseAudioContext} context decodes at its own rate
 * @param {Sound[]} sounds
 * @param {Map<string, Float32Array[]>} arrived channels by address, filled as they come
 * @param {(share: number) => void} onprogress 0 to 1
 * @returns {Promise<Float32Array[][]>} channels of every sound, all of one length
 * @throws {SoundError} naming the first sound that failed; the others stay in `arrived`
 */
export async function load(context, sounds, arrived, onprogress) {
  const results = await Promise.allSettled(
    sounds.map(async (sound) => {
      if (!arrived.has(sound.url)) arrived.set(sound.url, await decode(context, sound));
      onprogress(sounds.filter(({ url }) => arrived.has(url)).length / sounds.length);
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
  const decoded = sounds.map(({ url }) => /** @type {Float32Array[]} */ (arrived.get(url)));
  if (new Set(decoded.map((channels) => channels[0].length)).size > 1) {
    throw new SoundError("The sounds of this page differ in length. Please tell the experimenter.");
  }
  return decoded;
}

/**
 * @param {BaseAudioContext} context
 * @param {Sound} sound
 */
async function decode(context, sound) {
  let response;
  try {
    response = await fetch(sound.url);
  } catch {
    throw new SoundError(`${sound.label} could not be fetched: the connection failed.`);
  }
  if (!response.ok) throw new SoundError(`${sound.label} could not be fetched: the server answered ${response.status}.`);
  try {
    const buffer = await context.decodeAudioData(await response.arrayBuffer());
    return Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c).slice());
  } catch {
    throw new SoundError(`${sound.label} arrived damaged and can't be played.`);
  }
}
