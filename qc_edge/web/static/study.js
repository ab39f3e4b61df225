// A study: G and B say it, once; how long the picture was looked at goes along.
const form = document.querySelector("[data-study]");
const began = performance.now();
let said = false;

form?.addEventListener("submit", (event) => {
  if (said) event.preventDefault(); // a second press of an impatient hand
  said = true;
  form.querySelector("[data-took]").value = ((performance.now() - began) / 1000).toFixed(2);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || said) return;
  const button = form?.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button) form.requestSubmit(button);
});
