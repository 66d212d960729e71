// Runs before the first paint, so that a saved or preferred dark theme never flashes white.
(function () {
  var saved = null;
  try {
    saved = localStorage.getItem("theme");
  } catch (error) {
    saved = null; // storage is switched off: follow the system
  }
  var dark = saved ? saved === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
