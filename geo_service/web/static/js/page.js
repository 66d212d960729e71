// The start of every page but the map: theme button and language link.

import { installThemeButton } from "./theme.js";
import { installLanguageLink } from "./words.js";

const themeButton = document.getElementById("theme");
if (themeButton) installThemeButton(themeButton);
const languageLink = document.getElementById("language");
if (languageLink instanceof HTMLAnchorElement) installLanguageLink(languageLink);
