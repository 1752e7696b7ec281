// The file is looked at while it is written: what is wrong, which rules, how long. Without this script the same is said
// after saving.
import { say } from "./words.js";

const AFTER_MS = 500;
const editor = document.querySelector(".editor[data-check]");
const findings = document.querySelector("#findings");
const kept = document.querySelector("#kept");
const text = document.querySelector("textarea.file[name='text']");
let timer, asked = 0, changed = false;

// What works with the saved file waits until there is nothing else.
function unsaved(is) {
  changed = is;
  for (const button of document.querySelectorAll("[data-after-saving]")) button.disabled = is;
  for (const sentence of document.querySelectorAll(".save-first")) sentence.hidden = !is;
}

function mark() {
  const wrong = new Set([...findings.querySelectorAll("[data-place]")].map((line) => line.dataset.place));
  for (const field of editor.querySelectorAll("[id^='f-']")) {
    if (wrong.has(field.name)) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
}

async function look() {
  const own = ++asked;
  findings.classList.add("stale");
  try {
    const answer = await fetch(editor.dataset.check, { method: "POST", body: new FormData(editor) });
    if (own !== asked) return; // a later one is under way
    if (answer.ok) {
      findings.innerHTML = await answer.text();
      mark();
    }
  } catch {
    // away: what was typed is looked at when it is saved
  } finally {
    if (own === asked) findings.classList.remove("stale");
  }
}

if (editor) {
  editor.addEventListener("input", () => {
    unsaved(true);
    kept.textContent = say("not saved yet");
    clearTimeout(timer);
    timer = setTimeout(look, AFTER_MS);
  });
  editor.addEventListener("submit", () => { changed = false; });
  text.addEventListener("input", () => unsaved(true));
  text.form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
  // What was typed before this script was there counts, too.
  if ([...editor.elements].some((field) => "defaultValue" in field && field.value !== field.defaultValue)) {
    editor.dispatchEvent(new Event("input"));
  }
}
findings?.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='#f-']");
  const field = link && document.getElementById(link.hash.slice(1));
  if (!field) return;
  for (let part = field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  field.focus();
  event.preventDefault();
});
document.addEventListener("renewed", () => unsaved(changed)); // buttons that came with a part of the page (follow.js)
if (location.hash) document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
