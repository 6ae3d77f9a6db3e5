"use strict";

// The page of the development mailbox. Everything from a mail is put in as text, never as mark-up;
// the HTML part goes into a frame whose sandbox runs no scripts.

const API = "/dev/mailbox/api/";
const WAIT_MS = 20000;
const RETRY_MS = 2000;
const EVENT_NAMES = { queued: "Queued", sent: "Sent", retry: "Will be tried again", not_sent: "Not sent" };

const byId = (id) => document.getElementById(id);
const tabs = [...document.querySelectorAll("[role=tab]")];
const state = { messages: [], notes: [], chosen: decodeURIComponent(location.hash.slice(1)), shown: null };

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function clock(at) {
  const time = make("time", "at", new Date(at).toLocaleString());
  time.dateTime = at;
  return time;
}

function wanted(record) {
  const filter = byId("filter").value.trim().toLowerCase();
  return filter === "" || record.to.toLowerCase().includes(filter);
}

// What to read: the mail that the person picked while it is there, else the newest.
function current(messages) {
  return messages.find((message) => message.id === state.chosen) ?? messages[0];
}

function draw() {
  const messages = state.messages.filter(wanted);
  const notes = state.notes.filter(wanted);
  const reading = current(messages);
  drawList(byId("messages"), messages, (message) => messageItem(message, message === reading));
  drawList(byId("notes"), notes, noteItem);
  byId("messages-empty").hidden = messages.length > 0;
  byId("messages-count").textContent = messages.length > 0 ? `(${messages.length})` : "";
  byId("notes-empty").hidden = notes.length > 0;
  drawReader(reading);
}

// Redraws only what changed, so that focus and selection stay where they are.
function drawList(list, records, item) {
  const key = JSON.stringify([records, state.chosen]);
  if (list.drawn === key) return;
  list.drawn = key;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.id : null;
  list.replaceChildren(...records.map(item));
  if (focused) list.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

function messageItem(message, isRead) {
  const item = make("li");
  const button = make("button", "mail");
  button.type = "button";
  button.dataset.id = message.id;
  button.setAttribute("aria-current", String(isRead));
  button.append(make("span", "subject", message.subject), make("span", "address", message.to));
  const last = message.events.at(-1);
  if (last) {
    const line = make("span", "meta");
    line.append(make("span", `kind ${last.kind}`, EVENT_NAMES[last.kind] ?? last.kind), " ", clock(last.at));
    button.append(line);
  }
  button.addEventListener("click", () => {
    state.chosen = message.id;
    history.replaceState(null, "", `#${encodeURIComponent(message.id)}`);
    draw();
    byId("reader").scrollIntoView({ block: "nearest" });
  });
  item.append(button);
  return item;
}

function noteItem(note) {
  const item = make("li", "note");
  item.append(make("span", "address", note.to), make("span", "reason", note.reason), clock(note.at));
  return item;
}

function drawReader(message) {
  byId("reader").hidden = !message;
  const key = JSON.stringify(message ?? null);
  if (state.shown === key) return;
  state.shown = key;
  if (!message) return;
  byId("subject").textContent = message.subject;
  byId("to").textContent = message.to;
  byId("code-row").hidden = !message.code;
  byId("code").textContent = message.code ?? "";
  byId("copy").textContent = "Copy the code";
  drawLink(message.link);
  byId("text").textContent = message.text;
  if (byId("html").srcdoc !== message.html) byId("html").srcdoc = message.html;
  byId("headers").replaceChildren(
    ...Object.entries(message.headers).flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]),
  );
  byId("events").replaceChildren(...message.events.map(eventItem));
}

function drawLink(href) {
  const isWeb = typeof href === "string" && /^https?:\/\//.test(href);
  byId("link-row").hidden = !isWeb;
  if (isWeb) byId("link").href = href;
  else byId("link").removeAttribute("href");
}

function eventItem(event) {
  const item = make("li");
  item.append(make("span", `kind ${event.kind}`, EVENT_NAMES[event.kind] ?? event.kind), " ", clock(event.at));
  if (event.detail) item.append(make("span", "reason", event.detail));
  return item;
}

function choosePart(tab) {
  for (const other of tabs) {
    const isChosen = other === tab;
    other.setAttribute("aria-selected", String(isChosen));
    other.tabIndex = isChosen ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !isChosen;
  }
}

function onTabKey(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const next = tabs[(tabs.indexOf(event.currentTarget) + step + tabs.length) % tabs.length];
  choosePart(next);
  next.focus();
}

async function load(kind, query) {
  const answer = await fetch(`${API}${kind}?${new URLSearchParams(query)}`, { cache: "no-store" });
  if (!answer.ok) throw new Error(`${kind}: ${answer.status}`);
  return answer.json();
}

// Waits for something new, then reads everything again: mails also change (their timeline) and
// disappear (somebody emptied the mailbox).
async function follow(kind) {
  for (;;) {
    try {
      state[kind] = await load(kind, {});
      byId("status").textContent = "Live";
      draw();
      const newest = state[kind][0]?.id;
      await load(kind, newest ? { after: newest, wait_ms: WAIT_MS } : { wait_ms: WAIT_MS });
    } catch {
      byId("status").textContent = "No connection to the server. Trying again…";
      await new Promise((resume) => setTimeout(resume, RETRY_MS));
    }
  }
}

async function clear() {
  const answer = await fetch(`${API}messages`, { method: "DELETE" });
  if (!answer.ok) {
    byId("status").textContent = `The mailbox could not be emptied (${answer.status}).`;
    return;
  }
  state.messages = [];
  state.notes = [];
  draw();
}

async function copyCode() {
  try {
    await navigator.clipboard.writeText(byId("code").textContent);
    byId("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(byId("code"));
    byId("copy").textContent = "Selected: copy it now";
  }
}

for (const tab of tabs) {
  tab.addEventListener("click", () => choosePart(tab));
  tab.addEventListener("keydown", onTabKey);
}
byId("filter").addEventListener("input", draw);
byId("clear").addEventListener("click", clear);
byId("copy").addEventListener("click", copyCode);
byId("narrow").addEventListener("change", (event) => {
  byId("html").classList.toggle("narrow", event.target.checked);
});
choosePart(tabs[0]);
document.querySelector("main").hidden = false;
byId("status").textContent = "Connecting…";
follow("messages");
follow("notes");
