/**
 * Keeps the page of a running study fresh: asks every few seconds whether it has changed, and takes over the parts
 * that have. What has the focus keeps it, what is opened stays open, and nothing scrolls.
 *
 * Nothing here looks at a clock that can be set: times are by `performance.now()`, and ages come in words from the
 * server. While the page is hidden it asks once a minute, and while the server is away it asks less and less often.
 */
import { say } from "./words.js";

const EVERY_MS = 5_000;
const HIDDEN_MS = 60_000;
const LONGEST_MS = 60_000;
const GIVE_UP_MS = 20_000;

const live = /** @type {HTMLElement} */ (document.querySelector("#live"));
const updated = /** @type {HTMLElement} */ (document.querySelector("#updated"));
let etag = `W/"${live.dataset.etag}"`;
let freshAt = performance.now();
let failures = 0;
let timer = 0;
let asking = false;
let ended = false;

async function look() {
  clearTimeout(timer);
  if (asking || ended) return;
  asking = true;
  try {
    const answer = await fetch(live.dataset.url ?? "", {
      cache: "no-store",
      headers: { "If-None-Match": etag },
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if ([401, 403, 404].includes(answer.status)) return end();
    if (answer.status !== 304) {
      if (!answer.ok) throw new Error(String(answer.status));
      take(await answer.text());
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
  const pause = Math.min(EVERY_MS * 2 ** failures, LONGEST_MS);
  if (!ended) timer = setTimeout(look, document.hidden ? Math.max(pause, HIDDEN_MS) : pause);
}

/** @param {string} html the parts of the page as they are now */
function take(html) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  for (const part of fresh.content.querySelectorAll("[data-part]")) {
    const old = document.getElementById(part.id);
    if (old && sourceOf(old) !== sourceOf(part)) replace(old, part);
  }
}

/**
 * What the server wrote: without what is opened by hand, and without the tokens of forms, which differ every time.
 * @param {Element} part
 */
function sourceOf(part) {
  const copy = /** @type {Element} */ (part.cloneNode(true));
  for (const details of copy.querySelectorAll("details")) details.removeAttribute("open");
  for (const token of copy.querySelectorAll("[name=csrf_token]")) token.remove();
  return copy.innerHTML;
}

/**
 * @param {Element} old
 * @param {Element} part
 */
function replace(old, part) {
  const focused = old.contains(document.activeElement) ? focusOf(old) : null;
  const open = new Set([...old.querySelectorAll("details[open]")].map(({ id }) => id));
  const scrolled = [...old.querySelectorAll(".scroll[id]")].map((box) => [box.id, box.scrollLeft, box.scrollTop]);
  const [left, top] = [scrollX, scrollY];
  old.replaceChildren(...part.childNodes);
  for (const details of old.querySelectorAll("details")) details.open = open.has(details.id);
  for (const [id, x, y] of scrolled) document.getElementById(String(id))?.scrollTo(Number(x), Number(y));
  if (focused) (document.getElementById(focused) ?? old.querySelector(focused))?.focus({ preventScroll: true });
  scrollTo({ left, top, behavior: "instant" });
}

/**
 * How what has the focus is found again: by its id, or as the summary of what is opened by it.
 * @param {Element} part
 */
function focusOf(part) {
  const element = /** @type {Element} */ (document.activeElement);
  if (element.id) return element.id;
  const details = element.closest("details");
  if (element.matches("summary") && details?.id) return `[id="${CSS.escape(details.id)}"] > summary`;
  const same = [...part.querySelectorAll("a[href]")].find((link) => link === element);
  return same ? `a[href="${CSS.escape(same.getAttribute("href") ?? "")}"]` : null;
}

/** Where somebody has finished since the rules looked, they are asked to look again: the form says so. */
async function askForALook() {
  const form = /** @type {HTMLFormElement | null} */ (live.querySelector("form[data-ask]"));
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
  updated.classList.toggle("away", failures > 0);
  updated.hidden = false;
  // Said aloud only where the connection comes or goes, not every second.
  updated.setAttribute("aria-live", failures === 1 ? "polite" : "off");
  if (updated.textContent !== text) updated.textContent = text;
}

function end() {
  ended = true;
  updated.hidden = false;
  updated.classList.add("away");
  updated.textContent = say("This page is not shown to you any more. Reload it to log in again.");
}

document.addEventListener("visibilitychange", () => (document.hidden ? wait() : look()));
addEventListener("online", look);
setInterval(() => ended || document.hidden || tell(), 1000);
tell();
askForALook().then(wait);
