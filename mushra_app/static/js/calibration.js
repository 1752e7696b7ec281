/** The studio's page of listening places: the alignment noise, as loud as listeners will have it. */

import { SoundButtons } from "./sound-buttons.js";

new SoundButtons(0);
