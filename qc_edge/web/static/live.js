// Live: puts what the server sends in the place of what stands there. Without scripts the page shows the same, once.
const place = document.querySelector("[data-live]");
const stale = document.querySelector("[data-stale]");

function show(html) {
  const focused = document.activeElement?.getAttribute("href");
  place.innerHTML = html; // made by the server from escaped values, as the page itself
  if (focused && place.contains(document.activeElement) === false) {
    place.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
}

const stream = new EventSource(place.dataset.live);
stream.addEventListener("live", (event) => {
  stale.hidden = true;
  show(event.data);
});
stream.addEventListener("login", () => {
  stream.close();
  location.assign("/login?next=%2Flive");
});
stream.addEventListener("error", () => {
  stale.hidden = false; // the browser tries again by itself
});
window.addEventListener("pagehide", () => stream.close());
