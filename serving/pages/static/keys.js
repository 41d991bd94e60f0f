/* The one-key actions of the review desk, and the sheet that lists them. They can be switched off (WCAG 2.1.4). */
import { byId, make } from "/static/base.js";

const OFF = "fenzhuan-keys-off";

/* `act` is also the `data-act` of a button that does the same. */
export const KEYS = [
  { key: "a", act: "accept", name: "采纳（确认未更正的各项）并看下一件" },
  { key: "c", act: "category", name: "更正类别" },
  { key: "z", act: "lead_department", name: "更正主办部门" },
  { key: "x", act: "co_departments", name: "更正协办部门" },
  { key: "v", act: "kind", name: "更正性质" },
  { key: "1", act: "urgency-1", name: "紧急程度改为 1 特急" },
  { key: "2", act: "urgency-2", name: "紧急程度改为 2 紧急" },
  { key: "3", act: "urgency-3", name: "紧急程度改为 3 一般" },
  { key: "4", act: "urgency-4", name: "紧急程度改为 4 低" },
  { key: "w", act: "candidate", name: "换一件疑似重复件对照" },
  { key: "d", act: "duplicate_of", name: "确认与对照件重复" },
  { key: "n", act: "not_duplicate_of", name: "与对照件不重复" },
  { key: "p", act: "duplicate_id", name: "按编号指定重复件" },
  { key: "b", act: "false", name: "标为不实" },
  { key: "g", act: "not-false", name: "并非不实" },
  { key: "r", act: "reason", name: "填写理由（可不填；Esc 或回车返回）" },
  { key: "u", act: "undo", name: "撤销上一步" },
  { key: "s", act: "skip", name: "跳过，稍后再看" },
  { key: "j", act: "next", name: "下一件" },
  { key: "k", act: "previous", name: "上一件" },
  { key: "q", act: "queue", name: "到队列" },
  { key: "t", act: "statistics", name: "展开或收起统计" },
  { key: "?", act: "help", name: "显示本说明" },
];

const on = () => localStorage.getItem(OFF) === null;
const writing = (node) => node instanceof Element && node.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");

/* Returns the act that a pressed key stands for, undefined where it stands for none just now. */
function actOf(event) {
  const busy = event.isComposing || event.keyCode === 229 || event.repeat || event.ctrlKey || event.metaKey || event.altKey;
  if (busy || writing(event.target) || document.querySelector("dialog[open]")) return undefined;
  const key = event.key.toLowerCase();
  const found = KEYS.find((one) => one.key === key || (one.key === "?" && key === "？"));
  return found && (on() || found.act === "help") ? found.act : undefined;
}

function sheet() {
  return KEYS.flatMap(({ key, name }) => [make("dt", null, make("kbd", null, key.toUpperCase())), make("dd", null, name)]);
}

function showState() {
  document.body.classList.toggle("keys-off", !on());
}

/* Runs `acts[act]` for keys and for buttons that name an act. */
export function heedKeys(acts) {
  byId("help-keys").replaceChildren(...sheet());
  const box = byId("keys-on");
  box.checked = on();
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
    showState();
  });
  showState();
  byId("help-close").addEventListener("click", () => byId("help").close());
  document.addEventListener("keydown", (event) => {
    const act = actOf(event);
    if (act === undefined) return;
    event.preventDefault();
    acts[act]();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button && !button.disabled) acts[button.dataset.act]();
  });
}
