/** Sending an archive: how far it is, a way to stop, and what the server said of it. Without this it is a plain form. */

import { say } from "./words.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("#upload"));
const button = /** @type {HTMLButtonElement} */ (form.querySelector("button[type=submit]"));
const stop = /** @type {HTMLButtonElement} */ (document.querySelector("#stop"));
const going = /** @type {HTMLElement} */ (document.querySelector("#going"));
const bar = /** @type {HTMLProgressElement} */ (going.querySelector("progress"));
const words = /** @type {HTMLElement} */ (going.querySelector("span"));
const refused = /** @type {HTMLElement} */ (document.querySelector("#refused"));
const MB = 1e6;

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const request = new XMLHttpRequest(); // fetch does not tell how much of a body is sent
  request.responseType = "document";
  request.upload.onprogress = ({ loaded, total }) => {
    bar.value = loaded / total;
    words.textContent = say("{sent} of {all} MB sent", { sent: (loaded / MB).toFixed(0), all: (total / MB).toFixed(0) });
  };
  request.upload.onload = () => {
    bar.removeAttribute("value");
    words.textContent = say("All of it is there. It is unpacked, verified and published…");
    stop.hidden = true;
  };
  request.onload = () => {
    if (request.status < 400) location.assign(request.responseURL);
    else tell(sentencesOf(request.response));
  };
  request.onerror = () => tell([say("The connection broke off, or the server refused so large an archive. Nothing was kept; please send it again.")]);
  request.onabort = () => tell([say("Stopped. Nothing was kept.")]);
  stop.onclick = () => request.abort();
  request.open("POST", form.action);
  request.send(new FormData(form));
  button.disabled = true;
  going.hidden = stop.hidden = false;
  refused.hidden = true;
});

/** What a page says of an error: this page once more, or the server's page for all other errors. @param {Document | null} page */
function sentencesOf(page) {
  const found = page?.querySelectorAll(page.querySelector("#refused") ? "#refused p" : "main p:not(.over)") ?? [];
  const said = [...found].map((one) => one.textContent ?? "");
  return said.length ? said : [say("The server did not take the archive, and nothing was kept. Please try again.")];
}

/** @param {string[]} sentences why it was not taken */
function tell(sentences) {
  const box = /** @type {HTMLElement} */ (refused.querySelector("div"));
  box.replaceChildren(...sentences.slice(0, 20).map((sentence) => Object.assign(document.createElement("p"), { textContent: sentence })));
  refused.hidden = false;
  going.hidden = stop.hidden = true;
  bar.value = 0;
  button.disabled = false;
  refused.scrollIntoView({ block: "nearest" });
}
