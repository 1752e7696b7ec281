/** Every page of a session but a trial: what an earlier page left to send goes first. */

import "./errors.js";
import { Outbox } from "./outbox.js";
import { deliver } from "./saving.js";
import { say } from "./words.js";

/** @type {any} */
const main = document.querySelector("main");
const state = document.querySelector("#state");
const outbox = await Outbox.open();

if ((await outbox.pending()).length) {
  // What is on this page may be out of date once everything has arrived: nobody should fill it in meanwhile.
  const form = main.querySelector("form");
  if (form) form.inert = true;
  tell(say("Sending what you rated before…"));
  const address = await deliver(outbox, tell);
  if (address) location.assign(address);
  else if (form) form.inert = false;
}

function tell(sentence, kind = "") {
  Object.assign(state, { textContent: sentence, className: `state ${kind}`, hidden: !sentence });
}
