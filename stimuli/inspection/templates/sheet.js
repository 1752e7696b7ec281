// Players of the contact sheet. Clips of an item share one moment: whichever sounds, it goes on where the last one was.
// Without this script the native controls do.

const cards = [...document.querySelectorAll(".card")];
let sounding = null; // the card that plays
const moments = new Map(); // item section -> seconds

const itemOf = (card) => card.closest(".item");
const audioOf = (card) => card.querySelector("audio");
const momentOf = (card) => moments.get(itemOf(card)) ?? 0;

function show(card) {
  const on = card === sounding;
  card.classList.toggle("sounding", on);
  const button = card.querySelector(".play");
  button.setAttribute("aria-pressed", String(on));
  button.firstChild.textContent = on ? "❚❚ Pause" : "▶ Play";
}

function showMoment(item) {
  const share = Math.min((moments.get(item) ?? 0) / Number(item.dataset.length), 1);
  for (const head of item.querySelectorAll(".playhead")) {
    head.hidden = !moments.has(item);
    head.style.left = `calc(28px + ${share} * (100% - 28px))`;
  }
  for (const time of item.querySelectorAll(".play small")) time.textContent = moments.has(item) ? `${moments.get(item).toFixed(1)} s` : "";
}

function stop() {
  if (!sounding) return;
  const card = sounding;
  sounding = null;
  audioOf(card).pause();
  show(card);
}

async function play(card) {
  const audio = audioOf(card);
  stop();
  sounding = card;
  show(card);
  moments.set(itemOf(card), momentOf(card));
  try {
    if (audio.readyState === 0) {
      audio.load();
      await new Promise((done, failed) => {
        audio.addEventListener("loadedmetadata", done, { once: true });
        audio.addEventListener("error", failed, { once: true });
      });
    }
    audio.currentTime = momentOf(card);
    if (sounding === card) await audio.play();
  } catch (error) {
    if (error.name === "AbortError") return; // another one was asked for meanwhile
    card.querySelector(".trouble").hidden = false;
    if (sounding === card) stop();
  }
}

const toggle = (card) => (card === sounding ? stop() : play(card));

function jump(card, seconds) {
  const item = itemOf(card);
  moments.set(item, Math.max(0, Math.min(seconds, Number(item.dataset.length) - 0.05)));
  if (sounding && itemOf(sounding) === item) audioOf(sounding).currentTime = moments.get(item);
  showMoment(item);
  if (card !== sounding) play(card);
}

function follow() {
  if (sounding) {
    const audio = audioOf(sounding);
    if (audio.readyState > 0 && !audio.seeking && !audio.paused) moments.set(itemOf(sounding), audio.currentTime);
    showMoment(itemOf(sounding));
  }
  requestAnimationFrame(follow);
}

for (const card of cards) {
  const audio = audioOf(card);
  audio.controls = false;
  audio.hidden = true;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "play";
  button.setAttribute("aria-label", `Play ${card.querySelector("h3").firstChild.textContent.trim()}`);
  button.append(document.createElement("span"), document.createElement("small"));
  button.addEventListener("click", () => toggle(card));
  audio.after(button);
  show(card);
  audio.addEventListener("ended", () => {
    if (card !== sounding) return;
    stop();
    moments.set(itemOf(card), 0);
    showMoment(itemOf(card));
  });
  card.querySelector(".picture").addEventListener("click", (event) => {
    const box = card.querySelector(".wave").getBoundingClientRect();
    jump(card, ((event.clientX - box.left) / box.width) * Number(itemOf(card).dataset.length));
  });
}

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.closest("input, summary, a")) return;
  const here = sounding ?? event.target.closest(".card");
  if (event.key === " " && !event.target.closest("button")) {
    event.preventDefault();
    toggle(here ?? cards[0]);
  } else if (here && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const own = [...itemOf(here).querySelectorAll(".card")].filter((card) => card.offsetParent);
    const next = own[own.indexOf(here) + (event.key === "ArrowRight" ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    next.querySelector(".play").focus();
    if (sounding) play(next);
  }
});

document.querySelector("#filter")?.addEventListener("change", (event) => {
  document.body.classList.toggle("marked-only", event.target.checked);
});
document.querySelector(".keys").hidden = false;
requestAnimationFrame(follow);
