// Sends the response to the app at once. Without this script the button does the same.
(function () {
  "use strict";

  document.getElementById("answer").submit();
}());
