// Asks how the jobs of a study stand while one is under way, shows it, and shows the page anew when one has ended.
// An unchanged answer costs nothing: its ETag is sent along, and the server says 304.

const EVERY_MS = 2000;
const SLOWEST_MS = 30000;
const address = new URL("jobs.json", location.href);

let tag = "";
let missing = document.querySelector("[data-job] ~ pre") !== null;

async function look() {
  const answer = await fetch(address, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
  if (answer.status === 304) return;
  if (!answer.ok) throw new Error(`jobs: ${answer.status}`);
  tag = answer.headers.get("ETag") ?? "";
  const { jobs, worker_missing: isMissing } = await answer.json();
  for (const box of document.querySelectorAll("[data-job]")) {
    const job = jobs.find((one) => one.kind === box.dataset.job);
    if (!job?.under_way || isMissing !== missing) {
      location.reload();
      return;
    }
    const said = box.querySelector("[role=status]");
    if (said.textContent !== job.sentence) said.textContent = job.sentence;
  }
}

let wait = EVERY_MS;
async function goOn() {
  if (!document.hidden) {
    try {
      await look();
      wait = EVERY_MS;
    } catch {
      wait = Math.min(2 * wait, SLOWEST_MS); // the server is away; it is asked less and less often
    }
  }
  setTimeout(goOn, wait);
}
setTimeout(goOn, EVERY_MS);
