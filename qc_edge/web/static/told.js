// Asks once a second until the station has taken it up, and then shows what became of it.
const again = setInterval(async () => {
  try {
    const text = await (await fetch(location.href)).text();
    if (text.includes("data-waits")) return;
  } catch {
    return; // the page's server is away for a moment
  }
  clearInterval(again);
  location.reload();
}, 1000);
