/** The page of a listener who withdrew: this browser drops what it still keeps of the session in its address. */

import { Outbox } from "./outbox.js";

await (await Outbox.open()).forget();
