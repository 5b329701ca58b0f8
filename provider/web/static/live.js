/* Two comforts that no page depends on: a form is sent once, and the page of results looks again by itself. */
(function () {
  "use strict";

  var FIRST_WAIT = 700;
  var LONGEST_WAIT = 15000;
  var GROWTH = 1.2;
  // After this time a form without a response may be sent again.
  var GIVE_UP = 15000;

  function buttons(disabled) {
    document.querySelectorAll("button").forEach(function (button) {
      button.disabled = disabled;
    });
  }

  function release(form) {
    form.removeAttribute("aria-busy");
    buttons(false);
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (document.querySelector("form[aria-busy=true]")) {
      event.preventDefault();
      return;
    }
    form.setAttribute("aria-busy", "true");
    // Only afterwards: what a disabled button says would not be sent.
    setTimeout(buttons, 0, true);
    setTimeout(release, GIVE_UP, form);
  });

  // A page that the browser kept in memory may be about a session that has ended since.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      window.location.reload();
    }
  });

  function watch(list) {
    var wait = FIRST_WAIT;
    var timer = null;
    var looking = false;

    function later() {
      timer = setTimeout(look, wait);
      wait = Math.min(wait * GROWTH, LONGEST_WAIT);
    }

    function look() {
      timer = null;
      if (looking || document.hidden) {
        return;
      }
      looking = true;
      fetch(list.dataset.stateUrl, { cache: "no-store", credentials: "same-origin" })
        .then(function (response) {
          return response.ok ? response.json() : { pending: response.status >= 429 };
        })
        .catch(function () {
          return { pending: true };
        })
        .then(function (said) {
          looking = false;
          if (said.rows !== undefined) {
            show(said.rows);
          }
          if (said.pending) {
            later();
          } else {
            finish();
          }
        });
    }

    function show(rows) {
      var fresh = document.createElement("ul");
      fresh.innerHTML = rows;
      Array.from(fresh.children).forEach(function (row, index) {
        var known = list.children[index];
        // A row that says the same stays, so that it is not read out again.
        if (!known) {
          list.appendChild(row);
        } else if (known.outerHTML.trim() !== row.outerHTML.trim()) {
          known.replaceWith(row);
        }
      });
    }

    function finish() {
      document.removeEventListener("visibilitychange", onVisible);
      var note = document.getElementById("looking-again");
      if (note) {
        note.remove();
      }
    }

    function onVisible() {
      if (!document.hidden && timer === null) {
        look();
      }
    }

    document.addEventListener("visibilitychange", onVisible);
    later();
  }

  var list = document.querySelector("[data-state-url]");
  if (list) {
    watch(list);
  }
})();
