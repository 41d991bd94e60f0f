/* The list of what waits, each with the reason why it is there. */
import { make } from "/static/base.js";

const STATES = { done: "已复核", skipped: "已跳过", lost: "他人在办" };

function row(entry, number, current, open) {
  const { urgency, category } = entry.prediction;
  const state = STATES[entry.state];
  return make("li", null, make("button", { type: "button", "aria-current": number === current ? "true" : null, class: "entry " + entry.state, onclick: () => open(number) },
    make("span", { class: "title" }, (state ? "［" + state + "］" : "") + (entry.report.title || entry.report.text.slice(0, 30))),
    make("span", { class: "soft" }, (category.path[1] || category.code) + " · " + urgency.label),
    make("span", { class: "soft reason" }, entry.reason || "")));
}

export function showQueue(list, entries, current, open) {
  const held = list.contains(document.activeElement);
  list.replaceChildren(...entries.map((entry, number) => row(entry, number, current, open)));
  const now = list.querySelector("[aria-current]");
  if (now && list.scrollHeight > list.clientHeight) list.scrollTop = now.offsetTop - list.offsetTop - 8;
  if (held) now?.focus();
}
