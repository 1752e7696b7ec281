/** Errors of a session's scripts are the experimenter's business: they go to the server, which keeps so many. */

addEventListener("error", (event) => tellServer(`${event.message} (${event.filename}:${event.lineno})`));
addEventListener("unhandledrejection", (event) => tellServer(String(event.reason)));

/** @param {string} text */
function tellServer(text) {
  const session = location.pathname.match(/^.*\/session\/[^/]+/)?.[0];
  if (session) void fetch(`${session}/error`, { method: "POST", body: text }).catch(() => {});
}
