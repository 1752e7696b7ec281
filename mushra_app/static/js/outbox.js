/**
 * What this browser keeps of a session until the server has it: the draft of the trial that is being rated, and
 * the parcels, finished trials whose save is not acknowledged yet.
 *
 * Both lie in IndexedDB, which is there on plain http too and is written through to the disk ("strict"). Keys begin
 * with the session of the page's own address, and no page asks for what lies under another one:
 *
 * - Drafts of other sessions and of other trials are deleted unread, so that the next listener at a shared machine
 *   finds nothing.
 * - Parcels of other sessions may be the only copy of what somebody rated. They are kept unread for a week, for
 *   their own link to send when it is opened here again; then they are deleted. This page could not send them if
 *   it tried: the token of their address is not kept, only a fingerprint of it.
 *
 * Of a listener who withdrew nothing stays: `forget` deletes it, and has other tabs of that session ask the server anew.
 *
 * Where IndexedDB is missing, refuses or is full, parcels are kept in memory, and `durable` is false.
 */

const NAME = "mushra-outbox";
const DRAFTS = "drafts";
const PARCELS = "parcels";
const WITHDRAWN = "mushra-withdrawn";
const LONGEST_OPENING_MS = 3000;
/** By this machine's clock, there is no better one; own parcels are sent whatever their age. */
const STRANGERS_KEPT_MS = 7 * 24 * 3600 * 1000;

/** @typedef {{trial: string, body: {key: string}, stored_ms: number}} Parcel the body is exactly what is sent */

export class Outbox {
  /**
   * @param {IDBDatabase | null} database
   * @param {string} session
   * @param {string | null} trial the one that is rated on this page
   */
  constructor(database, session, trial) {
    this.database = database;
    this.session = session;
    this.trial = trial;
    this.durable = database !== null;
    /** Told once when nothing is kept any more that a reload would bring back. */
    this.onlost = () => {};
    /** @type {Map<string, Parcel>} parcels of this page by key, whether or not they reached the disk */
    this.held = new Map();
    /** @type {object | null} the newest draft that is not being written yet */
    this.newest = null;
    this.writing = false;
    this.forgotten = false;
    /** Between the tabs of this browser; older ones lack it. */
    this.tabs = "BroadcastChannel" in globalThis ? new BroadcastChannel(WITHDRAWN) : null;
    this.tabs?.addEventListener("message", ({ data }) => {
      if (data === session && !this.forgotten) location.reload();
    });
  }

  /**
   * The outbox of the session in this page's address, tidied.
   * @param {string | null} trial the one that is rated on this page
   */
  static async open(trial = null) {
    const token = /\/session\/([^/]+)/.exec(location.pathname)?.[1] ?? "";
    const outbox = new Outbox(await openDatabase().catch(() => null), fingerprint(token), trial);
    await outbox.use("readwrite", (drafts, parcels) => tidy(drafts, parcels, outbox.session, trial));
    return outbox;
  }

  /** @returns {Promise<any>} what was kept of this trial, or nothing */
  async draft() {
    return this.trial && this.use("readonly", (drafts) => drafts.get([this.session, this.trial]));
  }

  /** Keep the trial as it is now. One write at a time: a slow disk must not pile up the steps of a slider. */
  async keepDraft(content, leaving = false) {
    this.newest = content;
    if (this.writing && !leaving) return;
    this.writing = true;
    while (this.newest) {
      const taken = this.newest;
      this.newest = null;
      await this.use("readwrite", (drafts) => drafts.put(taken, [this.session, this.trial]), leaving);
    }
    this.writing = false;
  }

  /**
   * Take in a finished trial; on the disk, where there is one to write to, when this resolves.
   * @param {string} trial
   * @param {{key: string}} body
   */
  async put(trial, body) {
    const parcel = { trial, body, stored_ms: Date.now() };
    this.held.set(body.key, parcel);
    await this.use("readwrite", (_, parcels) => parcels.put(parcel, [this.session, trial, body.key]));
  }

  /** @returns {Promise<Parcel[]>} what this session still has to send */
  async pending() {
    const stored = (await this.use("readonly", (_, parcels) => parcels.getAll(ofSession(this.session)))) ?? [];
    return [...new Map([...stored.map((parcel) => [parcel.body.key, parcel]), ...this.held]).values()];
  }

  /** The server has it, and so the draft is not needed either. @param {Parcel} parcel */
  async acknowledged({ trial, body }) {
    if (trial === this.trial) this.newest = null;
    await this.use("readwrite", (drafts, parcels) => {
      drafts.delete([this.session, trial]);
      parcels.delete([this.session, trial, body.key]);
    });
    this.held.delete(body.key);
  }

  /** The listener let a refused parcel go; the draft stays. @param {Parcel} parcel */
  async drop({ trial, body }) {
    await this.use("readwrite", (_, parcels) => parcels.delete([this.session, trial, body.key]));
    this.held.delete(body.key);
  }

  /** The listener withdrew: nothing of the session stays here, and nothing of it is sent. */
  async forget() {
    this.forgotten = true;
    this.newest = null;
    this.held.clear();
    await this.use("readwrite", (drafts, parcels) => {
      for (const store of [drafts, parcels]) store.delete(ofSession(this.session));
    });
    this.tabs?.postMessage(this.session);
  }

  /**
   * One transaction, finished when this resolves; a store that fails is not used again.
   * @param {IDBTransactionMode} mode
   * @param {(drafts: IDBObjectStore, parcels: IDBObjectStore) => IDBRequest | void} work
   * @param {boolean} hurry commit without waiting for events that a page being left may not get
   */
  async use(mode, work, hurry = false) {
    if (!this.database) return undefined;
    try {
      const transaction = this.database.transaction([DRAFTS, PARCELS], mode, { durability: "strict" });
      const request = work(transaction.objectStore(DRAFTS), transaction.objectStore(PARCELS));
      if (hurry) transaction.commit();
      await finished(transaction);
      return request?.result;
    } catch {
      this.database = null;
      this.durable = false;
      this.onlost();
      return undefined;
    }
  }
}

/** All keys of a session. */
function ofSession(session) {
  return IDBKeyRange.bound([session], [session, []]);
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(DRAFTS);
      request.result.createObjectStore(PARCELS).createIndex("stored_ms", "stored_ms");
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    // Some browsers have been seen never to answer; the listener should not wait for that.
    setTimeout(() => reject(new Error("no answer")), LONGEST_OPENING_MS);
  });
}

/** Delete what must not be found here; only keys are looked at. */
function tidy(drafts, parcels, session, trial) {
  if (trial === null) {
    drafts.clear();
  } else {
    drafts.delete(IDBKeyRange.upperBound([session, trial], true));
    drafts.delete(IDBKeyRange.lowerBound([session, trial], true));
  }
  const old = parcels.index("stored_ms").openKeyCursor(IDBKeyRange.upperBound(Date.now() - STRANGERS_KEPT_MS));
  old.onsuccess = () => {
    const cursor = old.result;
    if (!cursor) return;
    if (cursor.primaryKey[0] !== session) parcels.delete(cursor.primaryKey);
    cursor.continue();
  };
}

/** @param {IDBTransaction} transaction */
function finished(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(undefined);
    transaction.onabort = () => reject(transaction.error);
  });
}

/**
 * 64 bits of a session's token (FNV-1a, of Fowler, Noll and Vo, forwards and backwards): enough to tell sessions apart,
 * far too few to get the 128 random bits of the token back, whatever the hash. crypto.subtle exists on secure pages only.
 * @param {string} token
 */
function fingerprint(token) {
  const fnv = (letters) => letters.reduce((hash, letter) => Math.imul(hash ^ letter.charCodeAt(0), 16777619) >>> 0, 2166136261);
  return [[...token], [...token].reverse()].map((letters) => fnv(letters).toString(36)).join("-");
}
