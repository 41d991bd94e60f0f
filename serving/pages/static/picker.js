/* One dialog that chooses one or several of many by search: arrows move, Enter takes, Escape leaves. */
import { bar, byId, make } from "/static/base.js";
import { search } from "/static/search.js";

const dialog = byId("picker");
const input = byId("picker-input");
const list = byId("picker-list");
let asked = null;

function shown() {
  return search(asked.choices, input.value, asked.suggested);
}

function option(choice, number) {
  const taken = asked.taken.includes(choice.value);
  return make("li", { id: "picker-" + number, role: "option", "aria-selected": String(asked.several ? taken : number === asked.active),
                      class: number === asked.active ? "active" : null, "data-value": choice.value },
              make("span", { class: "name" }, (taken && asked.several ? "✓ " : "") + choice.name),
              make("span", { class: "code" }, choice.value === choice.name ? "" : choice.value),
              choice.probability === undefined ? null : bar(choice.probability),
              choice.scope ? make("span", { class: "scope" }, choice.scope) : null);
}

function chip(value) {
  const name = asked.choices.find((choice) => choice.value === value)?.name || value;
  return make("li", null, make("button", { type: "button", "aria-label": "去掉 " + name, onclick: () => toggle(value) }, name + " ×"));
}

function draw() {
  const found = shown();
  asked.active = Math.max(0, Math.min(asked.active, found.length - 1));
  list.replaceChildren(...found.map(option));
  input.setAttribute("aria-activedescendant", found.length ? "picker-" + asked.active : "");
  byId("picker-count").textContent = found.length ? "共 " + found.length + " 项" : asked.free ? "回车即用所填编号" : "没有符合的，换个词试试";
  byId("picker-chosen").replaceChildren(...(asked.several ? asked.taken.map(chip) : []));
  list.querySelector(".active")?.scrollIntoView({ block: "nearest" });
}

function toggle(value) {
  const has = asked.taken.includes(value);
  if (!has && asked.taken.length >= asked.most) {
    byId("picker-count").textContent = "最多选 " + asked.most + " 个，先去掉一个";
    return;
  }
  asked.taken = has ? asked.taken.filter((one) => one !== value) : [...asked.taken, value];
  input.value = "";
  draw();
  input.focus();
}

function finish(result) {
  const { done } = asked;
  asked = null;
  dialog.close();
  done(result);
}

function take(value) {
  if (asked.several) toggle(value);
  else finish(value);
}

function move(step) {
  const count = list.children.length;
  if (count) asked.active = (asked.active + step + count) % count;
  draw();
}

function onKey(event) {
  if (event.isComposing || event.keyCode === 229) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
  if (event.key in steps) {
    event.preventDefault();
    move(steps[event.key]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    const found = shown();
    if (asked.several && (event.ctrlKey || (input.value === "" && asked.moved === false))) finish(asked.taken);
    else if (asked.free && input.value.trim() && !asked.moved) finish(input.value.trim());
    else if (found.length) take(found[asked.active].value);
  }
  if (event.key in steps) asked.moved = true;
  else if (event.key === "Enter" && asked) asked.moved = false;
}

/* Asks, and returns the value taken (a list where several may be), or null where the reviewer left.
   `asks`: title, choices of {value, name, group, scope, aliases, probability}, suggested values, several, most, taken. */
export function pick(asks) {
  return new Promise((done) => {
    asked = { several: false, free: false, most: Infinity, taken: [], suggested: [], moved: false, active: 0, ...asks, done };
    byId("picker-title").textContent = asks.title;
    byId("picker-hint").textContent = asked.several
      ? "输入词语查找，↑↓ 移动，回车选中或去掉；输入框空着时再按回车保存" : "输入代码或词语查找，↑↓ 移动，回车确定，Esc 取消";
    byId("picker-save").hidden = !asked.several;
    list.setAttribute("aria-multiselectable", String(asked.several));
    input.value = "";
    draw();
    dialog.showModal();
    input.focus();
  });
}

input.addEventListener("keydown", onKey);
input.addEventListener("input", () => {
  asked.active = 0;
  asked.moved = false;
  draw();
});
list.addEventListener("click", (event) => {
  const chosen = event.target.closest("[role=option]");
  if (chosen) take(chosen.dataset.value);
});
byId("picker-save").addEventListener("click", () => finish(asked.taken));
byId("picker-cancel").addEventListener("click", () => finish(null));
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  finish(null);
});
