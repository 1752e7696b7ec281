// One sound at a time; all clips of an item share one position, so that another clip goes on where the last one was.
const clips = [...document.querySelectorAll(".clip")];
const repeat = document.getElementById("repeat");
let current = null; // the clip that was touched last

const audioOf = (clip) => clip.querySelector("audio");
const itemOf = (clip) => clip.closest(".item");
const lengthOf = (clip) => audioOf(clip).duration || Number(clip.dataset.length);
const isPlaying = (clip) => clip.classList.contains("playing");
const placeIn = (item) => Number(item.dataset.place || 0);

function showPlace(clip, seconds) {
  const item = itemOf(clip);
  item.dataset.place = seconds;
  item.classList.add("heard");
  item.style.setProperty("--at", Math.min(seconds / lengthOf(clip), 1));
  item.querySelector(".clock").value = `${seconds.toFixed(1)} s`;
  for (const pictures of item.querySelectorAll(".pictures")) {
    pictures.setAttribute("aria-valuenow", seconds.toFixed(1));
    pictures.setAttribute("aria-valuetext", `${seconds.toFixed(1)} seconds`);
  }
}

function mark(clip, playing) {
  clip.classList.toggle("playing", playing);
  clip.querySelector("button").setAttribute("aria-pressed", String(playing));
}

function stop() {
  for (const clip of clips.filter(isPlaying)) {
    audioOf(clip).pause();
    if (audioOf(clip).readyState) showPlace(clip, audioOf(clip).currentTime);
    mark(clip, false);
  }
}

function play(clip, seconds) {
  stop();
  current = clip;
  const audio = audioOf(clip);
  // From the first play on, the item's other clips are fetched, so that the next switch is immediate.
  for (const other of itemOf(clip).querySelectorAll("audio")) other.preload = "auto";
  audio.loop = repeat.checked;
  audio.currentTime = seconds ?? placeIn(itemOf(clip));
  mark(clip, true);
  audio.play().catch(() => {}); // a stop before it began; a file that fails says so by its error event
  requestAnimationFrame(follow);
}

function follow() {
  if (!current || !isPlaying(current)) return;
  if (audioOf(current).readyState && !audioOf(current).seeking) showPlace(current, audioOf(current).currentTime);
  requestAnimationFrame(follow);
}

function seek(clip, seconds) {
  const there = Math.max(0, Math.min(seconds, lengthOf(clip) - 0.01));
  if (isPlaying(clip)) audioOf(clip).currentTime = there;
  current = clip;
  showPlace(clip, there);
}

const toggle = (clip) => (isPlaying(clip) ? stop() : play(clip));

for (const clip of clips) {
  const audio = audioOf(clip);
  const pictures = clip.querySelector(".pictures");
  clip.querySelector("button").addEventListener("click", () => toggle(clip));
  audio.addEventListener("ended", () => { stop(); showPlace(clip, 0); });
  audio.addEventListener("error", () => {
    mark(clip, false);
    if (clip.querySelector("[role=alert]")) return;
    const said = document.createElement("p");
    said.className = "must";
    said.setAttribute("role", "alert");
    said.textContent = `This clip can’t be played: ${clip.dataset.file} is missing or damaged. Build the set again, or keep this page beside it.`;
    clip.querySelector(".marks").prepend(said);
  });
  for (const [name, value] of Object.entries({
    role: "slider", tabindex: "0", "aria-label": `Position in ${clip.getAttribute("aria-label")}`,
    "aria-valuemin": "0", "aria-valuemax": clip.dataset.length, "aria-valuenow": "0",
  })) pictures.setAttribute(name, value);
  pictures.addEventListener("click", (event) => {
    const box = pictures.getBoundingClientRect();
    const seconds = ((event.clientX - box.left) / box.width) * lengthOf(clip);
    if (isPlaying(clip)) seek(clip, seconds);
    else play(clip, seconds);
  });
}
repeat.addEventListener("change", () => { if (current) audioOf(current).loop = repeat.checked; });

// Keys work from anywhere but where the browser has its own use for them.
function press(key, clip, item) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
  const numbered = /^[1-9]$/.test(key) && item?.querySelectorAll(".clip")[key - 1];
  if (numbered) play(numbered);
  else if (step && clip) seek(clip, placeIn(itemOf(clip)) + step);
  else if (key === " " && clip) toggle(clip);
  else return false;
  return true;
}

document.addEventListener("keydown", (event) => {
  const own = event.key === " " ? "input, summary, a, button" : ".scroll"; // the inputs are boxes to tick
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest(own)) return;
  const clip = clips.find(isPlaying) ?? event.target.closest(".clip") ?? current;
  const item = event.target.closest(".item") ?? (clip ? itemOf(clip) : document.querySelector(".item"));
  if (press(event.key, clip, item)) event.preventDefault();
});
