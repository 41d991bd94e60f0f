/* What the system thinks of a report, field by field, with what the reviewer made of it. */
import { URGENCIES, WORDS, bar, bullets, danger, make, named } from "/static/base.js";

const levelName = (level) => level + " " + new Map(URGENCIES).get(level);
const categoryName = (one) => (one.path.join(" / ") || one.code) + " " + one.code;

function correct(desk, act, key, name) {
  return desk && make("button", { type: "button", class: "small", "data-act": act, "aria-keyshortcuts": key },
                      "更正", make("span", { class: "unseen" }, name), make("kbd", { "aria-hidden": "true" }, key));
}

/* The value, struck out where the reviewer set another. */
function valueOf(predicted, set) {
  if (set === undefined) return make("span", { class: "value" }, predicted);
  return make("span", { class: "value" }, make("span", { class: "unseen" }, "原判断 "), make("del", null, predicted), " ",
              make("span", { class: "unseen" }, "更正为 "), make("ins", null, set));
}

function field(name, button, ...content) {
  return make("div", { class: "field" }, make("div", { class: "name" }, make("h3", null, name), button), make("div", { class: "content" }, ...content));
}

function head(value, probability) {
  return make("div", { class: "head" }, value, bar(probability));
}

function alternative(one, desk) {
  const content = [make("span", null, categoryName(one)), bar(one.probability)];
  return desk ? make("button", { type: "button", class: "other", onclick: () => desk.set("category", one.code) },
                     make("span", { class: "unseen" }, "改为 "), ...content) : make("div", { class: "other" }, ...content);
}

function category(found, desk) {
  const set = desk && desk.sets.category;
  const others = found.alternatives.map((one) => make("li", null, alternative(one, desk)));
  return field("类别", correct(desk, "category", "C", "类别"), head(valueOf(categoryName(found), set ? desk.names.category(set) : undefined), found.probability),
               others.length ? make("ul", { class: "others", "aria-label": "其他可能" }, ...others) : null);
}

function levels(level) {
  return make("div", { class: "levels", role: "group", "aria-label": "改紧急程度" }, ...URGENCIES.map(([number]) =>
    make("button", { type: "button", class: "small", "data-act": "urgency-" + number, "aria-pressed": String(number === level), "aria-keyshortcuts": number }, levelName(number))));
}

function urgency(found, desk) {
  const set = desk ? desk.sets.urgency : undefined;
  const dangers = found.reasons.map(danger).map(([name, word]) => name + (word ? "（文中“" + word + "”）" : ""));
  return field("紧急程度", null, head(valueOf(levelName(found.level), set && levelName(set)), found.probability),
               desk && levels(set || found.level),
               dangers.length ? make("p", { class: "warn" }, "危险词语：" + dangers.join("、")) : null);
}

function helper(one) {
  return make("li", null, make("div", { class: "head" }, make("span", null, one.name), bar(one.probability)),
              one.reason ? make("p", { class: "soft" }, one.reason) : null);
}

function helpers(found, desk) {
  const set = desk && desk.sets.co_departments;
  const list = found.length ? make("ul", { class: "helpers" + (set ? " replaced" : "") }, ...found.map(helper)) : null;
  const made = set ? make("p", { class: "value" }, make("ins", null, "更正为 " + (set.map(desk.names.department).join("、") || "无"))) : null;
  return field("协办", correct(desk, "co_departments", "X", "协办部门"), made, list || (made ? null : make("p", { class: "value" }, "无")));
}

function duty(one) {
  return make("li", null, make("div", null, one.text), make("div", { class: "head" }, make("span", { class: "soft" }, [one.duty_id, one.basis].filter(Boolean).join(" · ")), bar(one.score)));
}

function lead(found, desk) {
  const set = desk && desk.sets.lead_department;
  return field("主办", correct(desk, "lead_department", "Z", "主办部门"), head(valueOf(found.name, set ? desk.names.department(set) : undefined), found.probability),
               found.notes ? make("div", { class: "note" }, make("strong", null, "联合情形与职责争议"), bullets(found.notes)) : null);
}

/* The duties that speak for the lead department. */
export function dutiesView(found) {
  return found.evidence.length ? make("ol", { class: "duties" }, ...found.evidence.map(duty)) : make("p", { class: "soft" }, "没有找到相应的职责条款。");
}

function kind(found, desk) {
  return field("性质", correct(desk, "kind", "V", "性质"), head(valueOf(found.label, desk ? desk.sets.kind : undefined), found.probability));
}

function territory(found) {
  return field("属地", null, head(make("span", { class: "value" }, found.involved ? "需" + (WORDS.territory[found.level] || "属地") + "参与" : "不需属地参与"), found.probability));
}

function judgements(set) {
  return make("div", { class: "levels", role: "group", "aria-label": "是否不实" }, ...[["false", "标为不实", "B", true], ["not-false", "并非不实", "G", false]].map(([act, text, key, value]) =>
    make("button", { type: "button", class: "small", "data-act": act, "aria-pressed": String(set === value), "aria-keyshortcuts": key }, text, make("kbd", { "aria-hidden": "true" }, key))));
}

function falseReport(found, desk) {
  const set = desk ? desk.sets.false_report : undefined;
  const reasons = named(found.reasons, WORDS.false_report);
  return field("不实可能", null, head(valueOf(WORDS.bands[found.band] || found.band, set === undefined ? undefined : set ? "不实" : "并非不实"), found.score),
               desk && judgements(set), reasons ? make("p", { class: "soft" }, reasons + "（仅供复核参考）") : null);
}

function deadlines(found) {
  if (!found.length) return null;
  const lines = found.map((one) => one.step + "：" + (one.due || "日期未定") + "，" + one.basis + (one.note ? "。" + one.note : ""));
  return make("details", { class: "field" }, make("summary", null, "办理期限（" + found.length + "）"), bullets(lines));
}

/* Returns the panel. `desk` is null where nothing can be corrected, else: `sets` of the reviewer by field,
   `names` that turn codes into names, `set` that sets a field. */
export function predictionView(found, desk) {
  const { missing } = found.elements;
  const failed = found.degraded || [];
  return make("div", { class: "fields" },
              failed.length ? make("p", { class: "warn" }, "未完成的环节：" + named(failed, WORDS.stages)) : null,
              category(found.category, desk), lead(found.lead_department, desk), helpers(found.co_departments, desk),
              urgency(found.urgency, desk), kind(found.kind, desk), territory(found.territory), falseReport(found.false_report, desk),
              missing.length ? field("缺失要素", null, make("p", null, named(missing, WORDS.elements))) : null,
              deadlines(found.deadlines));
}
