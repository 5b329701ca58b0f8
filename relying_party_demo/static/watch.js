// Shows news without a click: asks every two seconds whether something happened here, and loads the page anew then.
// The page works the same without it; one only has to reload by hand.
const shown = document.currentScript.dataset.revision;
// News must not call a person back who is on the way elsewhere: a sign-out waits a moment at the provider.
let leaving = false;
addEventListener("beforeunload", () => { leaving = true; });

async function look() {
  if (leaving || document.hidden) return;
  const response = await fetch("/api/state", { cache: "no-store" }).catch(() => null);
  if (!response || !response.ok) return;
  const { revision } = await response.json();
  // A page that shows the result of a button stays until the person moves on.
  if (!leaving && String(revision) !== shown && !document.getElementById("outcome")) location.replace("/");
}

setInterval(look, 2000);
