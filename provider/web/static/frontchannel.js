// Leads on as soon as every frame of the page has loaded, or after three seconds if one never does.
// Without this script the link, and a refresh by the page itself, do the same.
(function () {
  "use strict";

  var LONGEST_WAIT = 3000;
  var gone = false;

  function goOn() {
    if (!gone) {
      gone = true;
      // Not kept in the history: going back must not tell the apps once more.
      location.replace(document.getElementById("continue").href);
    }
  }

  // A page has loaded when all of its frames have.
  window.addEventListener("load", goOn);
  window.setTimeout(goOn, LONGEST_WAIT);
}());
