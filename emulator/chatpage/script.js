// Keeps the page up to date, sends its forms without a reload, offers commands
// and people while one types. All but the offers works without this script too.
"use strict";

const byId = (id) => document.getElementById(id);
const toEnd = () => { if (!byId("talk").matches(".home")) byId("talk").scrollTop = byId("talk").scrollHeight; };
const narrow = { "d-side": "(max-width: 44rem)", "d-inspector": "(max-width: 75rem)" };

// What the server said of each element, which people may have unfolded since.
const drawn = new WeakMap();

// What is folded stays folded, and who is typing goes on where they were.
function put(shown, next) {
  const focus = shown.contains(document.activeElement) ? document.activeElement : null;
  drawn.set(next, next.outerHTML);
  for (const fold of [shown, ...shown.querySelectorAll("details[id]")]) {
    const same = fold.id && (next.id === fold.id ? next : next.querySelector("#" + fold.id));
    if (same && same.matches("details")) same.open = fold.open;
  }
  shown.replaceWith(next);
  if (!focus) return;
  const same = [...next.querySelectorAll("a, button, input, select, summary, pre")].find((e) =>
    e.tagName === focus.tagName && e.name === focus.name && e.value === focus.value && e.textContent === focus.textContent);
  if (same) same.focus();
}

// Puts only what is new: what stands under somebody's pointer stays there.
function merge(shown, next) {
  const fresh = [...next.children];
  fresh.forEach((item, i) => {
    const old = shown.children[i];
    if (!old) shown.append(item);
    else if ((drawn.get(old) || old.outerHTML) !== item.outerHTML) put(old, item);
  });
  while (shown.children.length > fresh.length) shown.lastElementChild.remove();
}

function openDialog() {
  const dialog = document.querySelector("#dialog dialog");
  if (!dialog || dialog.matches(":modal")) return;
  dialog.close();
  dialog.showModal();
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    dialog.querySelector(".close").click();
  });
}

const parts = ["side", "head", "talk", "quick", "inspector", "toast", "dialog"];
const sent = {}; // what the server said last of each part
for (const id of parts) if (byId(id)) sent[id] = byId(id).outerHTML;

let asked = 0;
async function refresh() {
  const mine = ++asked;
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (mine !== asked) return; // a later one is on its way
  for (const id of parts) {
    const [shown, next] = [byId(id), fresh.getElementById(id)];
    if (!shown || !next || sent[id] === next.outerHTML) continue;
    sent[id] = next.outerHTML;
    // What is being filled in stays as it is until there is something new.
    if (next.dataset.version !== undefined && next.dataset.version === shown.dataset.version) continue;
    if (id === "inspector") merge(byId("d-inspector"), next.querySelector("#d-inspector"));
    else if (id === "talk" && next.matches("ol") && shown.matches("ol")) merge(shown, next);
    else put(shown, next);
  }
  openDialog();
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
    await fetch(form.getAttribute("action"), { method: "POST", body, redirect: "manual" });
  } finally {
    document.body.classList.remove("busy");
    button.disabled = false;
  }
  await refresh();
});

// The menu of the composer.
const [text, menu] = [byId("text"), byId("menu")];
const offered = () => [...menu.children].filter((item) => !item.hidden);
const picked = () => menu.querySelector("[aria-selected=true]");

function close() {
  menu.hidden = true;
  text.setAttribute("aria-expanded", "false");
  text.removeAttribute("aria-activedescendant");
}

function pick(item) {
  if (picked()) picked().removeAttribute("aria-selected");
  item.setAttribute("aria-selected", "true");
  item.scrollIntoView({ block: "nearest" });
  text.setAttribute("aria-activedescendant", item.id);
}

// The word that is being typed: a command at the beginning, or somebody's name.
function word() {
  const before = text.value.slice(0, text.selectionStart);
  const found = before.match(/^\/\S*$/) || before.match(/(?:^|\s)(@[^@]*)$/);
  return found ? found.at(-1) : "";
}

function offer() {
  const typed = word().toLowerCase();
  for (const item of menu.children) item.hidden = !typed || !item.dataset.text.toLowerCase().startsWith(typed);
  if (offered().length === 0 || offered()[0].dataset.text.trim().toLowerCase() === typed) return close();
  menu.hidden = false;
  text.setAttribute("aria-expanded", "true");
  pick(offered()[0]);
}

function take(item) {
  const at = text.selectionStart;
  const before = text.value.slice(0, at - word().length) + item.dataset.text;
  text.value = before + text.value.slice(at);
  text.setSelectionRange(before.length, before.length);
  close();
  text.focus();
}

if (text) {
  text.addEventListener("input", offer);
  text.addEventListener("blur", () => setTimeout(close, 200));
  text.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    const list = offered(), at = list.indexOf(picked());
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) pick(list[(at + moves[event.key] + list.length) % list.length]);
    else if (event.key === "Escape") close();
    else if (event.key === "Enter" || event.key === "Tab") take(picked());
    else return;
    event.preventDefault();
  });
  menu.addEventListener("mousedown", (event) => {
    const item = event.target.closest("li");
    if (item) { event.preventDefault(); take(item); }
  });
}

for (const [id, query] of Object.entries(narrow)) byId(id).open = !matchMedia(query).matches;
let soon;
new EventSource("changes").onmessage = () => { clearTimeout(soon); soon = setTimeout(refresh, 40); };
openDialog();
toEnd();
