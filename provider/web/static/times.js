/* Shows each instant in the browser's own time zone, with the exact one in its title. Without this script
   it is shown in UTC. */
(function () {
  "use strict";

  // The console's script says so if the person prefers UTC.
  if (document.documentElement.hasAttribute("data-utc")) {
    return;
  }
  var language = document.documentElement.lang;
  var exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
  var forms = {
    date: new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }),
    time: new Intl.DateTimeFormat(language, { timeStyle: "medium" })
  };

  function show(element) {
    var at = new Date(element.dateTime);
    var form = forms[element.dataset.form];
    if (!form || isNaN(at) || element.dataset.shown) {
      return;
    }
    element.dataset.shown = "true";
    element.title = exact.format(at) + " (" + element.title + ")";
    element.textContent = form.format(at);
  }

  function showAll() {
    document.querySelectorAll("time[data-form]").forEach(show);
  }

  showAll();
  // The page of results replaces its rows.
  new MutationObserver(showAll).observe(document.body, { childList: true, subtree: true });
}());
