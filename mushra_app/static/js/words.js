/** What scripts say, in the language of the page: its translations lie in #words, by their English. */

const element = document.querySelector("#words");
/** @type {Record<string, string>} */
const words = element ? JSON.parse(element.textContent ?? "{}") : {};

/**
 * @param {string} text English, with `{name}` where a value goes
 * @param {Record<string, string | number>} [values]
 */
export function say(text, values = {}) {
  return (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
