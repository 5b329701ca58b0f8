/* Comforts that no page of the console depends on: numbers look again by themselves, and a form is sent once.
   A part of a page names its address in `data-look-again`; the response is our own HTML, or 304 while it is
   the same. */
(function () {
  "use strict";

  var EVERY = 5000;
  var LONGEST = 60000;
  var GIVE_UP = 15000;

  // On a narrow screen each row of a list is a block, in which the cells say of which column they are.
  function label(part) {
    part.querySelectorAll("table.list").forEach(function (table) {
      var heads = Array.from(table.querySelectorAll("thead > tr > *")).map(function (one) {
        return one.textContent.trim();
      });
      if (!heads.length) {
        return;
      }
      table.querySelectorAll("tbody > tr").forEach(function (row) {
        Array.from(row.children).forEach(function (cell, column) {
          cell.dataset.label = heads[column] || (cell.querySelector("input") ? "Choose" : "");
          cell.classList.toggle("blank", !cell.textContent.trim() && !cell.querySelector("input, button"));
        });
      });
      table.classList.add("stacks");
    });
  }

  function openOnes(part) {
    return Array.from(part.querySelectorAll("details[open][id]")).map(function (one) {
      return one.id;
    });
  }

  function replace(part, html) {
    var open = openOnes(part);
    var focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = html;
    label(part);
    open.forEach(function (id) {
      var one = document.getElementById(id);
      if (one) {
        one.open = true;
      }
    });
    var again = focused && document.getElementById(focused);
    if (again) {
      again.focus();
    }
  }

  function noteTime() {
    document.querySelectorAll("[data-looked-at]").forEach(function (place) {
      var zone = document.documentElement.hasAttribute("data-utc") ? "UTC" : undefined;
      var form = new Intl.DateTimeFormat(undefined, { timeStyle: "medium", timeZone: zone });
      place.textContent = form.format(new Date()) + (zone ? " UTC" : "");
    });
  }

  function watch(part) {
    var tag = null;
    var wait = EVERY;
    var timer = null;

    function later() {
      timer = setTimeout(look, wait);
    }

    function look() {
      timer = null;
      // A person who selects a text or fills in a field is not interrupted.
      if (document.hidden) {
        return;
      }
      if (String(document.getSelection()) || part.querySelector("input:focus, textarea:focus, select:focus")) {
        later();
        return;
      }
      var headers = { "Curfew-Looks-Again": "1" };
      if (tag) {
        headers["If-None-Match"] = tag;
      }
      fetch(part.dataset.lookAgain, { cache: "no-store", credentials: "same-origin", headers: headers })
        .then(take)
        .catch(function () {
          wait = Math.min(wait * 2, LONGEST);
        })
        .then(function () {
          if (part.isConnected && part.dataset.lookAgain) {
            later();
          }
        });
    }

    function take(response) {
      if (response.status === 401 || response.status === 403) {
        // Signed out, or without the role: the page itself says what to do.
        window.location.reload();
        return null;
      }
      if (response.status === 304) {
        wait = EVERY;
        noteTime();
        return null;
      }
      if (!response.ok) {
        wait = Math.min(wait * 2, LONGEST);
        return null;
      }
      wait = EVERY;
      tag = response.headers.get("ETag");
      return response.text().then(function (html) {
        replace(part, html);
        noteTime();
        if (part.querySelector("[data-finished]")) {
          delete part.dataset.lookAgain;
          // What steers it is of no use any more.
          document.querySelectorAll("[data-until-finished]").forEach(function (one) {
            one.hidden = true;
          });
        }
      });
    }

    document.addEventListener("visibilitychange", function () {
      if (!document.hidden && timer === null && part.dataset.lookAgain) {
        look();
      }
    });
    later();
  }

  label(document);
  document.querySelectorAll("[data-look-again]").forEach(watch);

  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.method !== "post") {
      return;
    }
    if (form.getAttribute("aria-busy") === "true") {
      event.preventDefault();
      return;
    }
    form.setAttribute("aria-busy", "true");
    setTimeout(function () {
      form.removeAttribute("aria-busy");
    }, GIVE_UP);
  });

  // Times are local unless the person prefers those of logs; this runs before the script that shows them.
  var inUTC = false;
  try {
    inUTC = localStorage.getItem("curfew-times") === "utc";
  } catch (unavailable) {
    inUTC = false;
  }
  document.documentElement.toggleAttribute("data-utc", inUTC);
  var times = document.getElementById("times");
  if (times) {
    times.hidden = false;
    times.textContent = inUTC ? "Show times in your time zone" : "Show times in UTC";
    times.addEventListener("click", function () {
      try {
        localStorage.setItem("curfew-times", inUTC ? "local" : "utc");
      } catch (unavailable) {
        return;
      }
      window.location.reload();
    });
  }

  // A page that the browser kept in memory may be about a session that has ended since.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      window.location.reload();
    }
  });

  // What an act has done comes first for the keyboard and for screen readers.
  var said = document.querySelector("main [role=status][tabindex]");
  if (said) {
    said.focus({ preventScroll: true });
  }

  // On a narrow screen the navigation scrolls.
  var here = document.querySelector("nav [aria-current]");
  if (here) {
    here.parentElement.scrollIntoView({ block: "nearest", inline: "center" });
  }

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") {
      document.querySelectorAll("details.me[open]").forEach(function (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
    }
  });
}());
