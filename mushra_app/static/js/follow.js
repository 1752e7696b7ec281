/**
 * Follows a page while something goes on: asks every few seconds whether it has changed, and takes over the parts that
 * have. What has the focus keeps it, what is opened stays open, what is filled in stays, and nothing scrolls; a part in
 * which something is selected waits until it is not. It ends with what it follows.
 *
 * Nothing here looks at a clock that can be set: times are by `performance.now()`, and ages come in words from the
 * server. While the page is hidden it asks nothing, and while the server is away it asks less and less often.
 */
import { say } from "./words.js";

const EVERY_MS = 3_000;
const LONGEST_MS = 60_000;
const GIVE_UP_MS = 20_000;
const STEPS_ALOUD_MS = 20_000;

const followed = /** @type {HTMLElement} */ (document.querySelector("#followed"));
const aloud = /** @type {HTMLElement} */ (document.querySelector("#aloud"));
/** Parts that waited, as they are now, by their ids. @type {Map<string, Element>} */
const waiting = new Map();
let etag = `W/"${followed.dataset.etag}"`;
let freshAt = performance.now();
let saidAt = -Infinity;
let failures = 0;
let timer = 0;
let asking = false;
let ended = false;

async function look() {
  clearTimeout(timer);
  if (asking || ended || document.hidden) return; // looked at again, it goes on
  asking = true;
  try {
    const answer = await fetch(followed.dataset.url ?? "", {
      cache: "no-store",
      headers: { "If-None-Match": etag },
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if ([401, 403, 404].includes(answer.status)) return shutOut();
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(String(answer.status));
      take(new DOMParser().parseFromString(await answer.text(), "text/html"));
      etag = answer.headers.get("ETag") ?? etag;
    }
    failures = 0;
    freshAt = performance.now();
  } catch {
    failures += 1; // no connection, no answer in time, or a server that says that it can't
  } finally {
    asking = false;
  }
  tell();
  await askForALook();
  wait();
}

function wait() {
  clearTimeout(timer);
  if (!ended) timer = setTimeout(look, Math.min(EVERY_MS * 2 ** failures, LONGEST_MS));
}

/** @param {Document} fresh the page as it is now */
function take(fresh) {
  const before = standings(document);
  for (const part of fresh.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (!old) continue;
    waiting.delete(part.id);
    if (sourceOf(old) === sourceOf(part)) continue;
    if (isSelected(old)) waiting.set(part.id, part);
    else replace(old, /** @type {Element} */ (part.cloneNode(true)));
  }
  for (const [id, now] of standings(document)) tellAloud(before.get(id), now);
  ended = fresh.querySelector("#followed") === null;
  document.dispatchEvent(new Event("renewed"));
}

/**
 * Whether something in a part is selected, to be copied or to be read.
 * @param {Element} part
 */
function isSelected(part) {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(part, true);
}

function takeWhatWaited() {
  for (const [id, part] of waiting) {
    const old = document.getElementById(id);
    if (old && isSelected(old)) continue;
    waiting.delete(id);
    if (old) replace(old, /** @type {Element} */ (part.cloneNode(true)));
    document.dispatchEvent(new Event("renewed"));
  }
}

/** @param {Document} page */
function standings(page) {
  return new Map([.../** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-work]"))].map((one) => [one.id, one]));
}

/**
 * A change of state is said aloud at once, steps on the way now and then.
 * @param {HTMLElement | undefined} before
 * @param {HTMLElement} now
 */
function tellAloud(before, now) {
  if (before?.textContent === now.textContent) return;
  const isStep = before?.dataset.work === now.dataset.work;
  if (isStep && performance.now() - saidAt < STEPS_ALOUD_MS) return;
  saidAt = performance.now();
  aloud.textContent = (now.textContent ?? "").trim();
}

/**
 * What the server wrote: without the parts in it, which are looked at by themselves, what is opened by hand, and the
 * tokens of forms, which differ every time.
 * @param {Element} part
 */
function sourceOf(part) {
  const copy = /** @type {Element} */ (part.cloneNode(true));
  for (const inner of copy.querySelectorAll("[data-part]")) inner.replaceChildren();
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  for (const token of copy.querySelectorAll("[name=csrf_token]")) token.remove();
  for (const button of copy.querySelectorAll("[data-after-saving]")) button.removeAttribute("disabled");
  return copy.innerHTML;
}

/**
 * @param {Element} old
 * @param {Element} part
 */
function replace(old, part) {
  const focused = old.contains(document.activeElement) ? focusOf(old) : () => null;
  const open = new Set([...old.querySelectorAll("details[open]")].map(({ id }) => id));
  const filled = fieldsOf(old);
  const scrolled = [...old.querySelectorAll(".scroll[id]")].map((box) => [box.id, box.scrollLeft, box.scrollTop]);
  const [left, top] = [scrollX, scrollY];
  old.replaceChildren(...part.childNodes);
  for (const details of old.querySelectorAll("details")) details.open = open.has(details.id);
  for (const [id, x, y] of scrolled) document.getElementById(String(id))?.scrollTo(Number(x), Number(y));
  fieldsOf(old).forEach((field, place) => {
    const { name, type, value, checked } = filled[place] ?? {};
    if (field.name === name && field.type === type) Object.assign(field, /radio|checkbox/.test(type) ? { checked } : { value });
  });
  focused(old)?.focus({ preventScroll: true });
  scrollTo({ left, top, behavior: "instant" });
}

/**
 * What somebody may have filled in.
 * @param {Element} part
 * @returns {HTMLInputElement[]}
 */
function fieldsOf(part) {
  return [...part.querySelectorAll("input:not([type=hidden]), select, textarea")];
}

/**
 * How what has the focus is found again: by its id, as the summary of what is opened by it, or by what it says.
 * @param {Element} part
 * @returns {(now: Element) => HTMLElement | null | undefined}
 */
function focusOf(part) {
  const element = /** @type {Element} */ (document.activeElement);
  if (element.id) return () => document.getElementById(element.id);
  const details = element.closest("details");
  if (element.matches("summary") && details?.id) return (now) => now.querySelector(`[id="${CSS.escape(details.id)}"] > summary`);
  /** @param {Element} among @returns {HTMLElement[]} */
  const alike = (among) => [...among.querySelectorAll(element.localName)].filter((one) => says(one) === says(element));
  const place = alike(part).indexOf(/** @type {HTMLElement} */ (element));
  return (now) => alike(now)[place];
}

/** @param {Element} element */
function says(element) {
  return `${element.getAttribute("href")} ${element.textContent?.trim()}`;
}

/** Where somebody has finished since the rules looked, they are asked to look again: the form says so. */
async function askForALook() {
  const form = /** @type {HTMLFormElement | null} */ (document.querySelector("form[data-ask]"));
  if (!form || failures || document.hidden) return;
  form.removeAttribute("data-ask");
  try {
    await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" });
  } catch {
    // the button is still there
  }
}

function tell() {
  const seconds = Math.round((performance.now() - freshAt) / 1000);
  const sentence =
    seconds < 2 ? say("Updated just now.")
    : seconds < 120 ? say("Updated {seconds} s ago.", { seconds })
    : say("Updated {minutes} min ago.", { minutes: Math.floor(seconds / 60) });
  const text = failures ? `${say("Not connected; trying again.")} ${sentence}` : sentence;
  followed.classList.toggle("away", failures > 0);
  followed.hidden = ended;
  // Said aloud only where the connection comes or goes, not every second.
  followed.setAttribute("aria-live", failures === 1 ? "polite" : "off");
  if (followed.textContent !== text) followed.textContent = text;
}

function shutOut() {
  ended = true;
  followed.hidden = false;
  followed.classList.add("away");
  followed.textContent = say("This page is not shown to you any more. Reload it to log in again.");
}

document.addEventListener("selectionchange", takeWhatWaited);
document.addEventListener("visibilitychange", look);
addEventListener("online", look);
setInterval(() => ended || document.hidden || tell(), 1000);
tell();
askForALook().then(wait);
