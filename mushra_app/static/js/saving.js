/**
 * Sending what the outbox holds: each parcel by PUT with its own key, again and again until the server has
 * acknowledged it. What takes long can be downloaded meanwhile; what is refused is told and kept.
 *
 * The page has a box for both: #unsent, with a sentence, #download and #load.
 */

import { say } from "./words.js";

/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outbox.js").Parcel} Parcel */

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;
/** How long one request may take; its key makes another one harmless. */
const LONGEST_ANSWER_MS = 60000;
/** How long the server may stay away before the answers are offered as a file. */
const OFFER_AFTER_MS = 20000;
const FILE_SCHEMA = 1;

/** The server understood and won't have it: its sentence. Trying again can't help. */
class Refused extends Error {}

/** @type {(selector: string) => any} */
const find = (selector) => document.querySelector(selector);

/** Thirty-two random hexadecimal digits; randomUUID exists on secure pages only. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Send everything that this session still has to send.
 * @param {Outbox} outbox
 * @param {(sentence: string, kind?: string) => void} tell shows where things stand
 * @returns {Promise<string | null>} where to go on; null where something was refused, and the box says what
 */
export async function deliver(outbox, tell) {
  let waiting = true;
  const hold = (event) => outbox.durable || event.preventDefault(); // the browser then asks before it leaves
  addEventListener("beforeunload", hold);
  setTimeout(async () => {
    const parcels = await outbox.pending();
    if (waiting) offerFile(outbox, parcels);
  }, OFFER_AFTER_MS);
  /** @type {Parcel[]} */
  const refused = [];
  let address = location.pathname;
  let sentence = "";
  for (const parcel of await outbox.pending()) {
    try {
      address = await send(parcel, (reason) => tell(reason, "waiting"));
      await outbox.acknowledged(parcel);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refused.push(parcel);
      sentence = error.message;
    }
  }
  waiting = false;
  removeEventListener("beforeunload", hold);
  find("#unsent").hidden = true;
  if (refused.length) {
    tell("");
    sayRefused(outbox, refused, sentence);
    return null;
  }
  tell(say("Saved ✓"), "saved");
  return address;
}

/**
 * One parcel, until the server has it.
 * @param {Parcel} parcel
 * @param {(sentence: string) => void} onwait
 * @returns {Promise<string>} where the server says to go on
 * @throws {Refused}
 */
async function send({ trial, body }, onwait) {
  // The page's own session, and no other: only that is in its address.
  const url = `${location.pathname.replace(/\/$/, "")}/trials/${trial}`;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      const { status, answer } = await put(url, body);
      if (status === 200 && answer.saved === true) return answer.next;
      if (status < 500 && answer.error) throw new Refused(answer.error);
      onwait(say("Not saved yet: the server is busy. Trying again…"));
    } catch (error) {
      if (error instanceof Refused) throw error;
      onwait(say("Not saved yet: no connection. Trying again…"));
    }
    await awhile(wait);
  }
}

/** One request. What is not our server's JSON (a proxy's page, a hotel's log-in) counts as no answer. */
async function put(url, body) {
  const impatience = new AbortController();
  const timer = setTimeout(() => impatience.abort(), LONGEST_ANSWER_MS);
  try {
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(url, { method: "PUT", headers, body: JSON.stringify(body), signal: impatience.signal });
    return { status: response.status, answer: await response.json() };
  } finally {
    clearTimeout(timer);
  }
}

/** Wait, but not after the connection is back. */
function awhile(ms) {
  return new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      removeEventListener("online", go);
      resolve(undefined);
    };
    const timer = setTimeout(go, ms);
    addEventListener("online", go);
  });
}

/** @param {Outbox} outbox @param {Parcel[]} parcels */
function offerFile(outbox, parcels) {
  const sentence = outbox.durable
    ? say("The server has not taken your answers yet. They are kept in this browser, and this page goes on trying. You can also download them and send the file to the experimenter.")
    : say("The server has not taken your answers yet. They are kept on this page only (please don't close it), and it goes on trying. You can also download them and send the file to the experimenter.");
  tellAndOffer(sentence, parcels, "waiting");
}

/** @param {Outbox} outbox @param {Parcel[]} parcels @param {string} sentence the server's */
function sayRefused(outbox, parcels, sentence) {
  const told = parcels.every(({ trial }) => trial === outbox.trial)
    ? say("Your answers were not saved: {reason} They are kept here until you load what is stored instead.", { reason: sentence })
    : say("Your answers to an earlier page were not saved: {reason} They are kept here until you load what is stored instead.", { reason: sentence });
  tellAndOffer(told, parcels);
  find("#load").hidden = false;
  find("#load").onclick = async () => {
    for (const parcel of parcels) await outbox.drop(parcel);
    location.assign(location.pathname);
  };
}

function tellAndOffer(sentence, parcels, kind = "") {
  const box = find("#unsent");
  Object.assign(box, { className: `trouble ${kind}`, hidden: false });
  box.querySelector("p").textContent = sentence;
  box.scrollIntoView({ block: "nearest" }); // on a phone the listener is at the other end, where Next is
  find("#load").hidden = true;
  find("#download").onclick = () => download(parcels);
}

/**
 * The file that `mushra import` takes. It names no session: a trial's token finds it in the experimenter's database
 * and opens nothing elsewhere, so the file can travel by mail. Nothing in it says what a sound is.
 * @param {Parcel[]} parcels
 */
function download(parcels) {
  const trials = parcels.map(({ trial, body }) => ({ trial, body }));
  const content = { format: "mushra-answers", schema: FILE_SCHEMA, user_agent: navigator.userAgent, trials };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
  link.download = `listening-test-answers-${parcels[0].body.key.slice(0, 8)}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), LONGEST_ANSWER_MS);
}
