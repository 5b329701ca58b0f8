// The OP iframe of OpenID Connect Session Management 1.0, section 3.2, in ES5.
// An app posts "client_id session_state"; the response is "unchanged", "changed" or "error".
// Nothing is sent over the network: the state of this browser stands in a cookie of ours.
(function () {
  "use strict";

  // A client_id may hold spaces, a session_state never does.
  var MESSAGE = /^([\x20-\x7e]+) ([0-9a-f]{64})\.([A-Za-z0-9_-]+)$/;
  var cookieName = document.documentElement.getAttribute("data-cookie");

  function browserState() {
    var pairs = document.cookie.split("; ");
    var start = cookieName + "=";
    for (var i = 0; i < pairs.length; i += 1) {
      if (pairs[i].indexOf(start) === 0) {
        return pairs[i].substring(start.length);
      }
    }
    return "";
  }

  // Not every browser says who our parent is; then it may be null.
  function parentOrigin() {
    if (location.ancestorOrigins && location.ancestorOrigins.length) {
      return location.ancestorOrigins[0];
    }
    var referrer = /^https?:\/\/[^\/?#]+/.exec(document.referrer);
    return referrer ? referrer[0] : null;
  }

  // "The OP iframe MUST enforce that the caller has the same origin as its parent frame."
  function mayAsk(event) {
    if (!event.source || window.parent === window || event.origin === "null") {
      return false;
    }
    if (event.source === window.parent) {
      return true;
    }
    return event.origin === parentOrigin();
  }

  function answer(message, origin) {
    var found = typeof message === "string" ? MESSAGE.exec(message) : null;
    if (!found) {
      return "error";
    }
    var hash = sha256([found[1], origin, browserState(), found[3]].join(" "));
    return hash === found[2] ? "unchanged" : "changed";
  }

  window.addEventListener("message", function (event) {
    if (mayAsk(event)) {
      event.source.postMessage(answer(event.data, event.origin), event.origin);
    }
  });

  // FIPS 180-4. The browser's own is missing on plain http, and its response would come too late for an
  // app that expects one message for each of its own.
  var K = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
  ];

  function rotated(word, by) {
    return (word >>> by) | (word << (32 - by));
  }

  // The text is ASCII: a message with anything else is an error, origins and our own values have nothing else.
  function padded(text) {
    var length = (((text.length + 8) >> 6) + 1) * 16;
    var words = [];
    var i;
    for (i = 0; i < length; i += 1) {
      words[i] = 0;
    }
    for (i = 0; i < text.length; i += 1) {
      words[i >> 2] |= text.charCodeAt(i) << (24 - (i % 4) * 8);
    }
    words[text.length >> 2] |= 0x80 << (24 - (text.length % 4) * 8);
    words[length - 1] = text.length * 8;
    return words;
  }

  function schedule(words, start) {
    var w = words.slice(start, start + 16);
    for (var i = 16; i < 64; i += 1) {
      var s0 = rotated(w[i - 15], 7) ^ rotated(w[i - 15], 18) ^ (w[i - 15] >>> 3);
      var s1 = rotated(w[i - 2], 17) ^ rotated(w[i - 2], 19) ^ (w[i - 2] >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    return w;
  }

  function compress(hash, w) {
    var v = hash.slice();
    for (var i = 0; i < 64; i += 1) {
      var s1 = rotated(v[4], 6) ^ rotated(v[4], 11) ^ rotated(v[4], 25);
      var chosen = (v[4] & v[5]) ^ (~v[4] & v[6]);
      var first = (v[7] + s1 + chosen + K[i] + w[i]) | 0;
      var s0 = rotated(v[0], 2) ^ rotated(v[0], 13) ^ rotated(v[0], 22);
      var majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      v = [(first + s0 + majority) | 0, v[0], v[1], v[2], (v[3] + first) | 0, v[4], v[5], v[6]];
    }
    for (i = 0; i < 8; i += 1) {
      hash[i] = (hash[i] + v[i]) | 0;
    }
  }

  function sha256(text) {
    var hash = [
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
    ];
    var words = padded(text);
    for (var start = 0; start < words.length; start += 16) {
      compress(hash, schedule(words, start));
    }
    var hex = "";
    for (var i = 0; i < 8; i += 1) {
      hex += ("0000000" + (hash[i] >>> 0).toString(16)).slice(-8);
    }
    return hex;
  }
}());
