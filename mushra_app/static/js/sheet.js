/** The contact sheet: one clip plays at a time, and the arrow keys lead through the grid. */

import { SoundButtons } from "./sound-buttons.js";

new SoundButtons(0);

/** @type {HTMLButtonElement[]} */
const players = [...document.querySelectorAll("button[data-url]")];
const itemOf = (/** @type {Element} */ player) => player.closest(".item");

/** The same condition in the item after, or before: where it is missing, in the next that has it. */
function sameCondition(/** @type {HTMLButtonElement} */ player, /** @type {number} */ step) {
  const row = players.filter((one) => one.dataset.condition === player.dataset.condition);
  return row[row.indexOf(player) + step];
}

/** The clip beside it, within its item. */
function beside(/** @type {HTMLButtonElement} */ player, /** @type {number} */ step) {
  const next = players[players.indexOf(player) + step];
  return next && itemOf(next) === itemOf(player) ? next : undefined;
}

addEventListener("keydown", (event) => {
  const player = players.find((one) => one === document.activeElement);
  if (!player || event.ctrlKey || event.metaKey || event.altKey) return;
  const forward = getComputedStyle(document.body).direction === "rtl" ? -1 : 1;
  const to = {
    ArrowRight: () => beside(player, forward),
    ArrowLeft: () => beside(player, -forward),
    ArrowDown: () => sameCondition(player, 1),
    ArrowUp: () => sameCondition(player, -1),
  }[event.key]?.();
  if (!to) return;
  event.preventDefault();
  to.focus();
});
