/**
 * One MUSHRA trial: what is heard, what is rated, and when the listener may go on.
 *
 * Signals are numbered as the engine has them: the open references first, then the hidden sounds.
 */

import "./errors.js";
import { openContext, openEngine } from "./engine.js";
import { Outbox } from "./outbox.js";
import { deliver, newKey } from "./saving.js";
import { SoundError, hashes, load, prefetch } from "./sounds.js";
import { Waveform } from "./waveform.js";
import { say } from "./words.js";

const MOST_EVENTS = 5000;
const BANDS = 5;
const SLIDER_EVENT_MS = 250;

/** @type {(selector: string) => any} */
const find = (selector) => document.querySelector(selector);
const page = JSON.parse(find("#trial").textContent);
const signals = [...page.references, ...page.sounds];
const firstHidden = page.references.length;
const began = performance.now();

/** Sounds that have arrived, by address: what failed is fetched again, and nothing else. */
const arrived = new Map();
/** @type {AudioContext | undefined} */
let context;
/** @type {Promise<import("./engine.js").Engine> | undefined} */
let opening;
let started = false;
/** Sounds and engine come while it is looked up what this browser has kept. @type {ReturnType<typeof prepare> | null} */
let prepared = prepare("default");
prepared.catch(() => {}); // told in start()

const outbox = await Outbox.open(page.token);
const before = await outbox.draft();

/** What is known of every hidden sound; `value` is null until its slider was moved. */
const ratings = page.sounds.map((sound, i) => ({
  sound: sound.token,
  value: null,
  heard_s: 0,
  plays: 0,
  ...before?.ratings?.[i],
}));
const heardBefore = ratings.map((rating) => rating.heard_s);
const timeBefore = before?.trial_s ?? 0;
const events = before?.events ?? [];
let current = 0;
let running = false;
let reminded = false;
let saving = false;
let position = 0;
/** @type {import("./engine.js").Engine | null} */
let engine = null;
/** What this browser made of the sounds; empty until it is known. @type {{sound: string, sha256: string}[]} */
let decodedAs = [];

const secondsHere = () => timeBefore + (performance.now() - began) / 1000;
const tokenOf = (signal) => signals[signal].token;
const place = (signal) => find(`[data-signal="${signal}"]`);
const slider = (hidden) => find(`#rating-${hidden + 1}`);

const waveform = new Waveform(find("#waveform"), {
  onseek: (time) => {
    engine?.send({ seek: time });
    note("seek", current, time);
  },
  onloop: setLoop,
});

// --- events and draft ---------------------------------------------------------------------------------------

function note(kind, signal, value = null) {
  if (events.length >= MOST_EVENTS) return;
  const sound = signal === null ? null : tokenOf(signal);
  events.push({ at_s: Math.round(secondsHere() * 1000) / 1000, kind, sound, value });
}

function keepDraft(leaving = false) {
  if (saving) return; // what is sent is in the outbox
  void outbox.keepDraft({ ratings, comment: find("#comment").value, trial_s: secondsHere(), gain_db: gainDb, events }, leaving);
}

// --- hearing ------------------------------------------------------------------------------------------------

/** Sound a signal: switch to it, and start if nothing runs. */
function play(signal) {
  if (!engine || saving) return;
  fixVolume();
  const switched = signal !== current;
  if (!running || switched) {
    note(running ? "switch" : "play", signal);
    if (signal >= firstHidden) ratings[signal - firstHidden].plays += 1;
  }
  current = signal;
  running = true;
  engine.send({ wanted: signal, running: true });
  show();
}

function pause() {
  if (!engine || !running) return;
  running = false;
  engine.send({ running: false });
  note("pause", current);
  show();
}

function setLoop(start, end) {
  engine?.send({ loop: [start, end] });
  note("loop", null, start);
  find("#loop").textContent = start > 0 || end < waveform.length ? say("Loop {start} – {end} s", { start: start.toFixed(1), end: end.toFixed(1) }) : say("Whole clip");
}

function onreport(report) {
  position = report.position_s;
  waveform.setPosition(position);
  report.heard_s.slice(firstHidden).forEach((seconds, i) => {
    const first = ratings[i].heard_s === 0 && seconds > 0;
    ratings[i].heard_s = Math.round((heardBefore[i] + seconds) * 1000) / 1000;
    if (first) keepDraft();
    if (first) show();
  });
}

// --- volume -------------------------------------------------------------------------------------------------

/** The page's own gain: set before the first sound, fixed from there to the end of the trial. */
let gainDb = before?.gain_db ?? page.gain_db;
/** @type {HTMLInputElement | null} */
const volume = find("#volume");

function showVolume() {
  if (!volume) return;
  volume.value = String(gainDb);
  const change = gainDb - (page.lowest_gain_db + page.highest_gain_db) / 2;
  const text = say("{change} dB", { change: `${change > 0 ? "+" : change < 0 ? "−" : "±"}${Math.abs(change)}` });
  volume.setAttribute("aria-valuetext", text);
  find("output[for=volume]").textContent = text;
}

function fixVolume() {
  if (volume) volume.disabled = true;
}

volume?.addEventListener("input", () => {
  gainDb = Number(volume.value);
  if (engine) engine.gainDb = gainDb;
  note("gain", null, gainDb);
  keepDraft();
  showVolume();
});
if (ratings.some(({ plays }) => plays > 0) || events.some(({ kind }) => kind === "play")) fixVolume();
showVolume();

// --- rating -------------------------------------------------------------------------------------------------

/** @type {Map<number, number>} when a slider's move was last noted; a drag is many moves */
const noted = new Map();

function rate(hidden, value) {
  if (saving) return;
  if (hidden + firstHidden !== current || ratings[hidden].plays === 0) {
    showSlider(hidden);
    hint(say("Play sound {number} first: only the sound you are listening to can be rated.", { number: hidden + 1 }));
    return;
  }
  ratings[hidden].value = Math.min(Math.max(Math.round(value), 0), 100);
  reminded = false;
  const now = performance.now();
  if (now - (noted.get(hidden) ?? -Infinity) > SLIDER_EVENT_MS) {
    noted.set(hidden, now);
    note("slider", current, ratings[hidden].value);
  }
  keepDraft();
  hint("");
  show();
}

function nudge(step) {
  if (current < firstHidden) {
    hint(say("This is the reference. Choose a numbered sound to rate it."));
    return;
  }
  const hidden = current - firstHidden;
  rate(hidden, (ratings[hidden].value ?? 50) + step);
}

function describe(value) {
  const band = page.labels[Math.min(Math.floor(value / (100 / BANDS)), BANDS - 1)];
  return `${value}, ${band}`;
}

// --- showing ------------------------------------------------------------------------------------------------

function showSlider(hidden) {
  const { value } = ratings[hidden];
  const input = slider(hidden);
  input.value = String(value ?? 50);
  input.setAttribute("aria-valuetext", value === null ? say("not yet rated") : describe(value));
  const box = input.closest(".sound");
  box.classList.toggle("unrated", value === null);
  box.classList.toggle("heard", ratings[hidden].heard_s > 0);
  box.style.setProperty("--value", String(value ?? 0));
  box.querySelector("output").textContent = value === null ? "–" : page.show_numbers ? String(value) : "✓";
}

function show() {
  signals.forEach((sound, signal) => {
    const button = place(signal);
    const sounding = running && signal === current;
    button.setAttribute("aria-pressed", String(sounding));
    button.classList.toggle("current", signal === current);
    button.closest(".sound")?.classList.toggle("current", signal === current);
    if (signal >= firstHidden) slider(signal - firstHidden).setAttribute("aria-disabled", String(signal !== current));
  });
  ratings.forEach((_, hidden) => showSlider(hidden));
  const toggle = find("#toggle");
  toggle.querySelector("span").textContent = running ? say("Pause") : say("Play");
  toggle.classList.toggle("running", running);
  showProgress();
}

function showProgress() {
  const unheard = ratings.filter((rating) => rating.heard_s === 0).length;
  const unrated = ratings.filter((rating) => rating.value === null).length;
  find("#next").disabled = !engine || saving || unheard + unrated > 0;
  find("#sort").disabled = unrated > 0;
  for (const part of [".deck", ".board"]) find(part).inert = saving;
  find("#comment").readOnly = saving;
  const left = [unheard && say("{number} to hear", { number: unheard }), unrated && say("{number} to rate", { number: unrated })].filter(Boolean);
  find("#left").textContent = left.length ? left.join(", ") : say("All sounds heard and rated");
}

// --- order on the page --------------------------------------------------------------------------------------

/** Hidden sounds from left to right: as they were drawn, or by rating. */
let order = [...page.sounds.keys()];

/** Side by side what was rated alike. The order stays as it is while ratings change: nothing runs from under a hand. */
function arrange(byRating) {
  const drawn = [...page.sounds.keys()];
  const value = (hidden) => ratings[hidden].value ?? 0;
  order = byRating ? drawn.sort((one, other) => value(one) - value(other) || one - other) : drawn;
  const focused = /** @type {HTMLElement} */ (document.activeElement);
  // Moved in the document and not by style alone, so that the keyboard and readers go the same way.
  for (const hidden of order) find(".sounds").append(slider(hidden).closest(".sound"));
  focused.focus();
  find("#sort").setAttribute("aria-pressed", String(byRating));
}

/** The signal beside the current one, as the page has them. */
function neighbour(step) {
  const row = [...page.references.keys(), ...order.map((hidden) => hidden + firstHidden)];
  return row[Math.min(Math.max(row.indexOf(current) + step, 0), row.length - 1)];
}

function hint(sentence) {
  find("#hint").textContent = sentence;
}

function state(sentence, kind = "") {
  Object.assign(find("#state"), { textContent: sentence, className: `state ${kind}` });
}

/** A matter that stops the page: what it is, and a way to try again. */
function stop(sentence) {
  find("#trouble").hidden = false;
  find("#trouble p").textContent = sentence;
  state("");
}

// --- going on -----------------------------------------------------------------------------------------------

async function next() {
  if (find("#next").disabled || !engine) return;
  if (!reminded && !ratings.some((rating) => rating.value === 100)) {
    reminded = true;
    hint(say("None of the sounds is at 100 yet. One of them is the reference itself, hidden: it should get 100. Press Next again to go on as it is."));
    return;
  }
  pause();
  keepDraft();
  saving = true;
  show();
  hint("");
  state(say("Saving…"));
  await outbox.put(page.token, body());
  await sendAll();
}

/** Send what waits and go on; false where the server refused, and the listener has to choose. */
async function sendAll() {
  const address = await deliver(outbox, state);
  if (address === null) return false;
  await engine?.close();
  location.assign(address);
  return true;
}

function body() {
  const { context } = /** @type {import("./engine.js").Engine} */ (engine);
  return {
    key: newKey(), // once per body: a repeat is read from the outbox, another tab's body is another save
    revision: page.revision + 1,
    ratings: ratings.map(({ sound, value, heard_s, plays }) => ({ sound, value, moved: true, heard_s, plays })),
    comment: find("#comment").value,
    trial_s: Math.round(secondsHere() * 10) / 10,
    engine: engine?.name,
    fade_mode: engine?.fadeMode,
    gain_db: gainDb,
    rate_hz: context.sampleRate,
    base_latency_s: context.baseLatency ?? null,
    output_latency_s: context.outputLatency ?? null,
    events: events.slice(), // it must not grow while it is being sent
    decoded: decodedAs,
  };
}

// --- what the listener does ---------------------------------------------------------------------------------

signals.forEach((_, signal) => {
  place(signal).addEventListener("click", () => (running && signal === current ? pause() : play(signal)));
});
for (const hidden of page.sounds.keys()) {
  // A click that leaves the handle where it stands is no input, but it is a rating.
  for (const kind of ["input", "click"]) slider(hidden).addEventListener(kind, () => rate(hidden, Number(slider(hidden).value)));
}
find("#toggle").addEventListener("click", () => (running ? pause() : play(current)));
find("#next").addEventListener("click", next);
find("#sort").addEventListener("click", () => arrange(find("#sort").getAttribute("aria-pressed") !== "true"));
find("#retry").addEventListener("click", () => (engine ? location.reload() : start()));
find("#keys-button").addEventListener("click", () => find("#keys").showModal());
find("#comment").addEventListener("input", () => keepDraft());
addEventListener("blur", () => note("blur", null));
addEventListener("focus", () => note("focus", null));
addEventListener("pagehide", () => keepDraft(true));

/** Play by keyboard: the focus goes along, so that Space and Enter act on what is heard. */
function choose(signal) {
  place(signal).focus();
  play(signal);
}

const KEYS = {
  " ": () => (running ? pause() : play(current)),
  r: () => choose(0),
  0: () => choose(0),
  ArrowLeft: () => choose(neighbour(-forward())),
  ArrowRight: () => choose(neighbour(forward())),
  s: () => find("#sort").disabled || find("#sort").click(),
  a: () => waveform.moved(at(waveform.start)),
  b: () => waveform.moved(at(waveform.end)),
  l: () => (waveform.setLoop(0, waveform.length), setLoop(0, waveform.length)),
  "?": () => find("#keys").showModal(),
};

/** Which way the numbers run on this page: 1 to the right, -1 to the left. */
const forward = () => (getComputedStyle(document.body).direction === "rtl" ? -1 : 1);

/** Put a loop handle where the sound is now. */
function at(handle) {
  handle.value = String(position);
  return handle;
}

addEventListener("keydown", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || find("#keys").open || target.matches("textarea, .loop-handle, #volume")) return;
  // Space and Enter on a button press that button, as everywhere.
  if (event.key === " " && target.matches("button")) return;
  const vertical = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
  if (vertical) nudge(vertical * (event.shiftKey ? 10 : 1));
  else if (/^[1-9]$/.test(event.key) && Number(event.key) <= page.sounds.length) choose(firstHidden + Number(event.key) - 1);
  else if (KEYS[event.key]) KEYS[event.key]();
  else return;
  event.preventDefault();
});

/** @param {RequestCache} cache @returns {Promise<[import("./engine.js").Engine, Float32Array[][]]>} */
async function prepare(cache) {
  context ??= openContext(page.rate_hz);
  const engineToCome = (opening ??= openEngine(context, find("#trial").dataset.worklet, page.switching));
  // Opened again, whatever else failed, and on another context: one remembers for good that its player did not come.
  engineToCome.catch(() => (context = opening = undefined));
  const tell = (share) => started && state(say("Loading {share} %", { share: Math.round(share * 100) }));
  const decoded = await load(context, signals, page.frames, arrived, cache, tell);
  return [await engineToCome, decoded];
}

/** Take in engine and sounds; where the listener tries again, what failed is fetched past the browser's cache. */
async function start() {
  started = true;
  find("#trouble").hidden = true;
  state(say("Loading…"));
  try {
    const [opened, decoded] = await (prepared ?? prepare("reload"));
    opened.onreport = onreport;
    opened.accept(decoded);
    arrived.clear();
    engine = opened;
    engine.gainDb = gainDb;
    waveform.show(decoded[0][0], page.frames / page.rate_hz);
    void hashes(signals.map(({ token }) => token), decoded)
      .then((found) => (decodedAs = found))
      .then(() => prefetch(page.next_sounds));
    document.body.classList.add("ready");
    state(before ? say("Your ratings are as you left them") : say("Ready"));
    show();
  } catch (error) {
    if (!(error instanceof SoundError)) throw error;
    stop(error.message);
  } finally {
    prepared = null;
  }
}

/** What an earlier page left to send goes first: once it has arrived, this page is no longer the next one. */
async function begin() {
  outbox.onlost = () => (find("#fleeting").hidden = false);
  if (!outbox.durable) outbox.onlost();
  find("#comment").value = before?.comment ?? "";
  show();
  if ((await outbox.pending()).length) {
    saving = true;
    show();
    state(say("Sending what you rated before…"));
    if (await sendAll()) return;
    saving = false;
    show();
  }
  await start();
}

void begin();
