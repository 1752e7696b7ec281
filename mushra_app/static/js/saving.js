/**
 * Keeping a trial: a draft in this browser while it is rated, and a save that is only believed when acknowledged.
 *
 * The draft belongs to one trial; drafts of other trials are removed, so that the next listener at a shared
 * machine finds nothing.
 */

const PREFIX = "mushra-draft-";
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

export class Draft {
  /** @param {string} trial */
  constructor(trial) {
    this.key = PREFIX + trial;
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(PREFIX) && key !== this.key) localStorage.removeItem(key);
      }
    } catch {
      // No storage in this browser (a private window, a policy): a reload then starts the page afresh.
    }
  }

  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "null");
    } catch {
      return null;
    }
  }

  write(content) {
    try {
      localStorage.setItem(this.key, JSON.stringify(content));
    } catch {
      // See above.
    }
  }

  remove() {
    try {
      localStorage.removeItem(this.key);
    } catch {
      // See above.
    }
  }
}

/** Thirty-two random hexadecimal digits; randomUUID exists on secure pages only. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Save until the server acknowledges. The body's key makes repeats harmless.
 * @param {string} url
 * @param {object} body
 * @param {(sentence: string) => void} onwait told what is the matter before each further try
 * @returns {Promise<{next: string}>}
 * @throws {Error} with the server's sentence where trying again can't help
 */
export async function save(url, body, onwait) {
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
    try {
      const response = await fetch(url, {
        method: "PUT",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      if (response.ok) return await response.json();
      if (response.status < 500) throw new Refused((await response.json()).error ?? `The server answered ${response.status}.`);
      onwait("Not saved yet: the server is busy. Trying again…");
    } catch (error) {
      if (error instanceof Refused) throw error;
      onwait("Not saved yet: no connection to the server. Trying again… Please keep this page open.");
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

class Refused extends Error {}
