// Keeps the page up to date and sends its forms without a reload. All of it
// works without this script too.
"use strict";

const talk = () => document.getElementById("talk");
const toEnd = () => { if (!talk().matches(".home")) talk().scrollTop = talk().scrollHeight; };

async function refresh() {
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const id of ["side", "talk", "dialog"]) {
    const [shown, next] = [document.getElementById(id), fresh.getElementById(id)];
    // What is being filled in stays as it is until there is something new.
    if (next.dataset.version !== shown.dataset.version || !next.dataset.version) shown.replaceWith(next);
  }
  toEnd();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-live]")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const button = event.submitter || form.querySelector("button");
  button.disabled = true;
  if (form.matches(".composer")) form.querySelectorAll("input:not([type=hidden])").forEach((input) => { input.value = ""; });
  document.body.classList.add("busy");
  try {
    await fetch(form.action, { method: "POST", body, redirect: "manual" });
    await refresh();
  } finally {
    document.body.classList.remove("busy");
    button.disabled = false;
  }
});

new EventSource("changes").onmessage = refresh;
toEnd();
