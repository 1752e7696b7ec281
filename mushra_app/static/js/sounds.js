/** Fetching and decoding the sounds of a trial, each told by itself where it fails; and what was decoded, as hashes. */

import { say } from "./words.js";

/** Something the listener can be told, in a sentence. */
export class SoundError extends Error {}

/**
 * @typedef {{url: string, label: string}} Sound
 */

/**
 * Fetch and decode sounds; what arrived before is not fetched again.
 * @param {BaseAudioContext} context decodes at its own rate
 * @param {Sound[]} sounds
 * @param {number} frames that each of them has: a file that ended too early decodes as far as it goes
 * @param {Map<string, Float32Array[]>} arrived channels by address, filled as they come
 * @param {RequestCache} cache "reload" where what is kept may be what was damaged
 * @param {(share: number) => void} onprogress 0 to 1
 * @returns {Promise<Float32Array[][]>} channels of every sound
 * @throws {SoundError} naming the first sound that failed; the others stay in `arrived`
 */
export async function load(context, sounds, frames, arrived, cache, onprogress) {
  const results = await Promise.allSettled(
    sounds.map(async (sound) => {
      if (!arrived.has(sound.url)) arrived.set(sound.url, await decode(context, sound, frames, cache));
      onprogress(sounds.filter(({ url }) => arrived.has(url)).length / sounds.length);
    }),
  );
  for (const result of results) if (result.status === "rejected") throw result.reason;
  return sounds.map(({ url }) => /** @type {Float32Array[]} */ (arrived.get(url)));
}

/**
 * @param {BaseAudioContext} context
 * @param {Sound} sound
 * @param {number} frames
 * @param {RequestCache} cache
 */
async function decode(context, sound, frames, cache) {
  let response;
  try {
    response = await fetch(sound.url, { cache });
  } catch {
    throw new SoundError(say("{sound} could not be fetched: the connection failed.", { sound: sound.label }));
  }
  if (!response.ok) throw new SoundError(say("{sound} could not be fetched: the server answered {status}.", { sound: sound.label, status: response.status }));
  try {
    const buffer = await context.decodeAudioData(await response.arrayBuffer());
    if (buffer.length !== frames) throw new RangeError(`${buffer.length} frames`);
    return Array.from({ length: buffer.numberOfChannels }, (_, c) => buffer.getChannelData(c));
  } catch {
    throw new SoundError(say("{sound} arrived damaged and can't be played.", { sound: sound.label }));
  }
}

/**
 * Fetch sounds that will be wanted, one after the other, into the browser's cache. Nobody waits for them.
 * @param {string[]} urls
 */
export async function prefetch(urls) {
  for (const url of urls) {
    try {
      await (await fetch(url, { priority: "low" })).arrayBuffer();
    } catch {
      return; // it is fetched when it is wanted, and told then
    }
  }
}

/**
 * What this browser made of the sounds, for the server to compare with what was built.
 *
 * The token goes into the hash, so that what is sent does not tell which two sounds are the same.
 * @param {string[]} tokens of the sounds
 * @param {Float32Array[][]} decoded their channels
 * @returns {Promise<{sound: string, sha256: string}[]>} none where the page is not secure and browsers can't hash
 */
export async function hashes(tokens, decoded) {
  if (!globalThis.crypto?.subtle) return [];
  const found = [];
  for (const [i, sound] of tokens.entries()) {
    const samples = await sha256(await new Blob(decoded[i]).arrayBuffer());
    found.push({ sound, sha256: await sha256(new TextEncoder().encode(sound + samples)) });
  }
  return found;
}

/** @param {BufferSource} data */
async function sha256(data) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
