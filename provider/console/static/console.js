/* Comforts that no page of the console depends on: numbers look again by themselves, and a form is sent once.
   A part of a page names its address in `data-look-again`; the answer is our own HTML, or 304 while it is
   the same. */
(function () {
  "use strict";

  var EVERY = 5000;
  var LONGEST = 60000;
  var GIVE_UP = 15000;

  function openOnes(part) {
    return Array.from(part.querySelectorAll("details[open][id]")).map(function (one) {
      return one.id;
    });
  }

  function replace(part, html) {
    var open = openOnes(part);
    var focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.innerHTML = html;
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
      place.textContent = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(new Date());
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

  // A page that the browser kept in memory may be about a session that has ended since.
  window.addEventListener("pageshow", function (event) {
    if (event.persisted) {
      window.location.reload();
    }
  });

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
