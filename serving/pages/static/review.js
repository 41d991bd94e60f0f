/* The review desk: one report at a time, by keyboard, mouse or touch. */
import { URGENCIES, byId, heedKey, say } from "/static/base.js";
import * as drafts from "/static/drafts.js";
import { showDuplicates } from "/static/duplicates_view.js";
import { heedKeys } from "/static/keys.js";
import { pick } from "/static/picker.js";
import { dutiesView, predictionView } from "/static/prediction_view.js";
import { asks } from "/static/questions.js";
import { showQueue } from "/static/queue_view.js";
import { reportView } from "/static/report_view.js";
import { fetchChoices, fetchQueue, release, renewEveryMs, submit, undo } from "/static/review_calls.js";
import { showStatistics } from "/static/statistics_view.js";

const BATCH = 10;
const FEW = 3;
const MOST = 100;
const NARROW = window.matchMedia("(max-width: 48rem)");
const desk = { entries: [], current: -1, waiting: 0, choices: null, sending: false, moved: false, stored: [] };
const entry = () => desk.entries[desk.current];
const open = () => desk.entries.filter((one) => one.state === "open" || one.state === "skipped");

function tell(text, failed) {
  byId("status").textContent = text;
  byId("status").classList.toggle("warn", Boolean(failed));
}

function drawQueue() {
  byId("waiting").textContent = "待复核 " + desk.waiting + " 件";
  showQueue(byId("queue-list"), desk.entries, desk.current, (number) => show(number));
}

const focusReport = () => byId("report-title").focus({ preventScroll: true });

function draw() {
  const shown = entry();
  byId("prediction-body").replaceChildren(predictionView(shown.prediction, { sets: shown.sets, names: desk.choices.names, set }));
  byId("accept-text").textContent = drafts.pending(shown) ? "提交并下一件" : "采纳并下一件";
  showDuplicates(byId("duplicates"), shown, { candidate: chooseCandidate }, () => shown === entry());
  drawQueue();
}

function show(number) {
  desk.current = number;
  const shown = entry();
  byId("case").hidden = byId("actions").hidden = !shown;
  byId("empty").hidden = Boolean(shown);
  if (!shown) {
    byId("empty").textContent = "此处没有待复核的诉求。可换一种顺序，或稍后刷新。";
    drawQueue();
    return;
  }
  byId("report").dataset.id = shown.id;
  byId("report").replaceChildren(...reportView(shown, desk.choices.names));
  byId("duties-body").replaceChildren(dutiesView(shown.prediction.lead_department));
  draw();
  focusReport();
  if (!NARROW.matches) window.scrollTo(0, 0);
  else if (desk.moved) byId("report-title").scrollIntoView({ block: "start" });
  desk.moved = true;
}

/* Takes over what the queue answers: leases of what is here, and what is new. */
function merge(found) {
  desk.waiting = found.waiting;
  const known = new Map(desk.entries.map((one) => [one.id, one]));
  for (const one of found.queue) {
    const here = known.get(one.id);
    if (here) here.lease = one.lease;
    else {
      const { duplicate } = one.prediction;
      const added = { ...one, state: "open", candidate: Math.max(0, duplicate.matches.findIndex((match) => match.id === duplicate.of)) };
      drafts.restore(added);
      desk.entries.push(added);
    }
  }
}

async function refill() {
  merge(await fetchQueue(byId("strategy").value, Math.min(MOST, BATCH + open().length)));
}

async function load() {
  say("");
  const held = open().map((one) => one.id);
  try {
    if (!desk.choices) desk.choices = await fetchChoices();
    await release(held);
    desk.entries = [];
    await refill();
    show(desk.entries.length ? 0 : -1);
    showStatistics(true);
  } catch (error) {
    say(error.message);
  }
}

/* Goes on to the next open one after this, from the top again; fetches more in time. */
async function forward() {
  const after = [...desk.entries.keys()].slice(desk.current + 1);
  const before = [...desk.entries.keys()].slice(0, Math.max(desk.current, 0));
  const isOpen = (number) => desk.entries[number].state === "open";
  try {
    if (![...after, ...before].some(isOpen)) await refill();
    else if (after.filter(isOpen).length < FEW) refill().then(drawQueue, () => null);
  } catch (error) {
    say(error.message);
  }
  const all = [...desk.entries.keys()];
  const next = [...all.slice(desk.current + 1), ...all.slice(0, Math.max(desk.current, 0))].find(isOpen);
  if (next !== undefined) show(next);
  else if (entry() && entry().state === "open") tell("没有别的诉求了。");
  else show(-1);
}

function draftText() {
  const count = drafts.corrections(entry(), "").length;
  return count ? count + " 处更正尚未提交。" : "已恢复原判断。";
}

function set(field, value) {
  drafts.set(entry(), field, value);
  draw();
  tell(draftText());
}

function judge(same, other) {
  const match = entry().prediction.duplicate.matches[entry().candidate];
  const id = other || (match && match.id);
  if (!id) {
    tell("没有疑似重复件；可按 P 填写编号。", true);
    return;
  }
  drafts.judge(entry(), id, same);
  draw();
  tell((same ? "记为与 " : "记为不同于 ") + id + (same ? " 重复。" : "。") + draftText());
}

function chooseCandidate(number) {
  const count = entry().prediction.duplicate.matches.length;
  if (!count) return;
  entry().candidate = number === undefined ? (entry().candidate + 1) % count : number;
  draw();
}

async function ask(field) {
  const here = entry();
  const value = await pick(asks(field, here, desk.choices));
  if (value !== null && here === entry()) {
    if (field === "duplicate_id") judge(true, value);
    else set(field, value);
  }
  focusReport();
}

async function accept() {
  if (desk.sending) return;
  desk.sending = true;
  const here = entry();
  const sets = here.sets;
  try {
    const numbers = await submit(here.id, drafts.corrections(here, byId("reason").value.trim()));
    desk.stored.push({ entry: here, numbers, sets });
    if (here.state !== "done") desk.waiting = Math.max(0, desk.waiting - 1);
    here.state = "done";
    drafts.sent(here);
    byId("reason").value = "";
    tell("已保存：" + (here.report.title || here.id) + (Object.keys(sets).length ? "（有更正）" : "（采纳）"));
    say("");
    await forward();
    showStatistics();
  } catch (error) {
    tell("未保存：" + error.message, true);
  } finally {
    desk.sending = false;
  }
}

/* Takes a stored reading back, entry by entry, the last first; what is left after a failure can be tried again. */
async function undoStored() {
  const last = desk.stored.at(-1);
  if (!last) {
    tell("没有可撤销的。");
    return;
  }
  while (last.numbers.length) {
    await undo(last.entry.id, last.numbers.at(-1), byId("reason").value.trim());
    last.numbers.pop();
  }
  desk.stored.pop();
  last.entry.state = "open";
  desk.waiting += 1;
  drafts.takeUp(last.entry, last.sets);
  if (!desk.entries.includes(last.entry)) desk.entries.unshift(last.entry);
  show(desk.entries.indexOf(last.entry));
  tell("已撤销：" + (last.entry.report.title || last.entry.id));
  showStatistics();
}

async function takeBack() {
  if (entry() && drafts.stepBack(entry())) {
    draw();
    tell("已撤销一步。" + draftText());
    return;
  }
  if (desk.sending) return;
  desk.sending = true;
  try {
    await undoStored();
  } catch (error) {
    tell(error.status === 404 || error.status === 405 ? "此服务未提供撤销。" : "未撤销：" + error.message, true);
  } finally {
    desk.sending = false;
  }
}

function skip() {
  entry().state = "skipped";
  release([entry().id]);
  tell("已跳过：" + (entry().report.title || entry().id));
  forward();
}

function step(by) {
  const number = desk.current + by;
  if (number < 0) tell("已是第一件。");
  else if (number >= desk.entries.length) forward();
  else show(number);
}

function focusQueue() {
  (byId("queue-list").querySelector("[aria-current]") || byId("queue-list")).focus();
}

function toggleStatistics() {
  byId("statistics").open = !byId("statistics").open;
}

const needs = (act) => () => (entry() ? act() : tell("没有正在看的诉求。"));
const acts = {
  accept: needs(accept), undo: takeBack, skip: needs(skip), next: needs(() => step(1)), previous: needs(() => step(-1)),
  duplicate_of: needs(() => judge(true)), not_duplicate_of: needs(() => judge(false)), candidate: needs(() => chooseCandidate()),
  false: needs(() => set("false_report", true)), "not-false": needs(() => set("false_report", false)),
  reason: needs(() => byId("reason").focus()), queue: focusQueue, statistics: toggleStatistics,
  help: () => byId("help").showModal(),
};
for (const field of ["category", "lead_department", "co_departments", "kind", "duplicate_id"]) acts[field] = needs(() => ask(field));
for (const [level] of URGENCIES) acts["urgency-" + level] = needs(() => set("urgency", level));

function leaveReason(event) {
  if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
  event.preventDefault();
  focusReport();
}

heedKeys(acts);
heedKey(load);
byId("reason").addEventListener("keydown", leaveReason);
byId("strategy").addEventListener("change", load);
byId("queue-form").addEventListener("submit", (event) => {
  event.preventDefault();
  load();
});
byId("statistics").addEventListener("toggle", () => byId("statistics").open && showStatistics());
setInterval(() => {
  if (!document.hidden && desk.entries.length) refill().then(drawQueue, () => null);
}, renewEveryMs);
window.addEventListener("beforeunload", (event) => {
  if (desk.entries.some(drafts.pending)) event.preventDefault();
});
load();
