// Threshold: what the slider stands at is asked of the server; without scripts the form shows the same.
const form = document.querySelector("[data-threshold]");
const place = document.querySelector("[data-outlook]");
const propose = document.querySelector("[data-propose]");
const slider = form.querySelector("[data-slider]");
const number = form.querySelector("[data-number]");
const asked = form.querySelector("[data-asked]");
let asking = null;
let timer = 0;

async function show() {
  asking?.abort();
  asking = new AbortController();
  const query = new URLSearchParams({ ...Object.fromEntries(new FormData(form)), model: form.dataset.model });
  try {
    const answer = await fetch(`/threshold/at?${query}`, { signal: asking.signal, redirect: "manual" });
    if (answer.ok) place.innerHTML = await answer.text(); // made by the server from escaped values
    else if (answer.status === 401) location.reload();
  } catch {} // another one was asked for meanwhile, or the server is away: the next one tries again
}

function moved(value) {
  slider.value = value;
  asked.setAttribute("x", 1000 * value - 2);
  propose.elements.value.value = value;
  propose.elements.days.value = form.elements.days.value;
  propose.querySelector("[data-shown]").textContent = value;
  clearTimeout(timer);
  timer = setTimeout(show, 120);
}

slider.addEventListener("input", () => {
  number.value = slider.value;
  moved(slider.value);
});
number.addEventListener("input", () => number.value !== "" && number.validity.valid && moved(number.value));
for (const name of ["days", "escape", "overkill"]) form.elements[name].addEventListener("change", () => moved(number.value));
form.addEventListener("submit", (event) => {
  event.preventDefault();
  location.search = new URLSearchParams(new FormData(form));
});
