// Keeps the page up to date, sends forms without a reload, and suggests commands and people. Only the suggestions need
// this script.
"use strict";

const byId = (id) => document.getElementById(id);
const scrollToEnd = () => {
  if (!byId("talk").matches(".home")) byId("talk").scrollTop = byId("talk").scrollHeight;
};
const foldQueries = { "d-side": "(max-width: 44rem)", "d-inspector": "(max-width: 75rem)" };

// The HTML that the server sent for each element. The element itself changes when a person folds or unfolds it.
const serverHTML = new WeakMap();

// Replaces an element. Keeps the state of its folds and the focus.
function replace(shown, next) {
  const focus = shown.contains(document.activeElement) ? document.activeElement : null;
  serverHTML.set(next, next.outerHTML);
  for (const fold of [shown, ...shown.querySelectorAll("details[id]")]) {
    const match = fold.id && (next.id === fold.id ? next : next.querySelector("#" + fold.id));
    if (match && match.matches("details")) match.open = fold.open;
  }
  shown.replaceWith(next);
  if (!focus) return;
  const match = [...next.querySelectorAll("a, button, input, select, summary, pre")].find((e) =>
    e.tagName === focus.tagName && e.name === focus.name && e.value === focus.value &&
    e.textContent === focus.textContent);
  if (match) match.focus();
}

// Replaces only the children that changed, so that the others stay under the pointer.
function merge(shown, next) {
  const fresh = [...next.children];
  fresh.forEach((item, i) => {
    const old = shown.children[i];
    if (!old) shown.append(item);
    else if ((serverHTML.get(old) || old.outerHTML) !== item.outerHTML) replace(old, item);
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
const sent = {}; // the HTML that the server last sent for each part
for (const id of parts) if (byId(id)) sent[id] = byId(id).outerHTML;

let refreshes = 0;
async function refresh() {
  const number = ++refreshes;
  const response = await fetch(location.href, { cache: "no-store" });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (number !== refreshes) return; // a newer refresh is in progress
  for (const id of parts) {
    const [shown, next] = [byId(id), fresh.getElementById(id)];
    if (!shown || !next || sent[id] === next.outerHTML) continue;
    sent[id] = next.outerHTML;
    // A form that the person fills in stays until its version changes.
    if (next.dataset.version !== undefined && next.dataset.version === shown.dataset.version) continue;
    if (id === "inspector") merge(byId("d-inspector"), next.querySelector("#d-inspector"));
    else if (id === "talk" && next.matches("ol") && shown.matches("ol")) merge(shown, next);
    else replace(shown, next);
  }
  openDialog();
  scrollToEnd();
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-live]")) return;
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const button = event.submitter || form.querySelector("button");
  button.disabled = true;
  if (form.matches(".composer")) {
    form.querySelectorAll("input:not([type=hidden])").forEach((input) => { input.value = ""; });
  }
  document.body.classList.add("busy");
  try {
    await fetch(form.getAttribute("action"), { method: "POST", body, redirect: "manual" });
  } finally {
    document.body.classList.remove("busy");
    button.disabled = false;
  }
  await refresh();
});

// The composer's menu of suggestions.
const [text, menu] = [byId("text"), byId("menu")];
const suggestions = () => [...menu.children].filter((item) => !item.hidden);
const selected = () => menu.querySelector("[aria-selected=true]");

function closeMenu() {
  menu.hidden = true;
  text.setAttribute("aria-expanded", "false");
  text.removeAttribute("aria-activedescendant");
}

function select(item) {
  if (selected()) selected().removeAttribute("aria-selected");
  item.setAttribute("aria-selected", "true");
  item.scrollIntoView({ block: "nearest" });
  text.setAttribute("aria-activedescendant", item.id);
}

// Returns the command at the start of the text, or the @name before the cursor.
function currentWord() {
  const before = text.value.slice(0, text.selectionStart);
  const found = before.match(/^\/\S*$/) || before.match(/(?:^|\s)(@[^@]*)$/);
  return found ? found.at(-1) : "";
}

function showSuggestions() {
  const typed = currentWord().toLowerCase();
  for (const item of menu.children) item.hidden = !typed || !item.dataset.text.toLowerCase().startsWith(typed);
  if (suggestions().length === 0 || suggestions()[0].dataset.text.trim().toLowerCase() === typed) return closeMenu();
  menu.hidden = false;
  text.setAttribute("aria-expanded", "true");
  select(suggestions()[0]);
}

function insert(item) {
  const cursor = text.selectionStart;
  const before = text.value.slice(0, cursor - currentWord().length) + item.dataset.text;
  text.value = before + text.value.slice(cursor);
  text.setSelectionRange(before.length, before.length);
  closeMenu();
  text.focus();
}

if (text) {
  text.addEventListener("input", showSuggestions);
  text.addEventListener("blur", () => setTimeout(closeMenu, 200));
  text.addEventListener("keydown", (event) => {
    if (menu.hidden) return;
    const list = suggestions(), index = list.indexOf(selected());
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) select(list[(index + moves[event.key] + list.length) % list.length]);
    else if (event.key === "Escape") closeMenu();
    else if (event.key === "Enter" || event.key === "Tab") insert(selected());
    else return;
    event.preventDefault();
  });
  menu.addEventListener("mousedown", (event) => {
    const item = event.target.closest("li");
    if (item) { event.preventDefault(); insert(item); }
  });
}

for (const [id, query] of Object.entries(foldQueries)) byId(id).open = !matchMedia(query).matches;
let timer;
new EventSource("changes").onmessage = () => { clearTimeout(timer); timer = setTimeout(refresh, 40); };
openDialog();
scrollToEnd();
