/* The reports that this one may repeat, one at a time beside it: same words and different words told apart. */
import { WORDS, bar, call, make, named, percent } from "/static/base.js";
import { compared, sharedPart } from "/static/compare.js";
import { textBox, when } from "/static/report_view.js";

const texts = new Map();

/* Returns the stored report of a candidate; asked once. */
function stored(id) {
  if (!texts.has(id)) {
    const asked = call("/v1/reports/" + encodeURIComponent(id)).then((found) => found.report);
    asked.catch(() => texts.delete(id));
    texts.set(id, asked);
  }
  return texts.get(id);
}

const whole = (report) => (report.title ? report.title + "\n" : "") + report.text;

function side(heading, meta, label, content) {
  return make("div", { class: "side" }, make("h4", null, heading), make("p", { class: "soft" }, meta), textBox(label, content));
}

function meaning() {
  return make("ul", { class: "legend", "aria-label": "对照说明" }, make("li", null, make("mark", { class: "same" }, "两件都有")),
              make("li", null, make("span", { class: "differs" }, "只有这件有")));
}

function tabs(entry, acts) {
  const { matches, of } = entry.prediction.duplicate;
  return make("div", { class: "tabs", role: "group", "aria-label": "疑似重复件" }, ...matches.map((match, number) =>
    make("button", { type: "button", "aria-pressed": String(number === entry.candidate), onclick: () => acts.candidate(number) },
         (match.id === of ? "★ " : "") + (match.title || match.id) + " ", make("span", { class: "number" }, percent(match.score)))));
}

function sides(entry, other, match) {
  const mine = whole(entry.report);
  const theirs = whole(other);
  return make("div", { class: "sides" },
    side("本件", entry.id + " · " + when(entry.report.received_at), "本件正文", compared(mine, theirs)),
    side("对照件", match.id + " · " + when(other.received_at), "对照件正文", compared(theirs, mine)));
}

/* Fills the section; `still` tells whether the entry is still shown when the candidate's text has come. */
export async function showDuplicates(section, entry, acts, still) {
  const { matches, of } = entry.prediction.duplicate;
  section.hidden = matches.length === 0;
  if (section.hidden) {
    section.replaceChildren();
    return;
  }
  const match = matches[entry.candidate];
  const place = make("div", null, make("p", { class: "soft" }, "正在读取对照件……"));
  const said = entry.sets.duplicate_of === match.id ? "已确认重复" : entry.sets.not_duplicate_of === match.id ? "已判为不重复" : "";
  section.replaceChildren(
    make("h3", null, of ? "与已有诉求重复" : "可能相关的已有诉求"),
    matches.length > 1 ? tabs(entry, acts) : "",
    make("p", { class: "head" }, make("span", null, "相近程度"), bar(match.score), make("span", { class: "soft" }, named(match.reasons, WORDS.duplicate)), said ? make("ins", null, said) : ""),
    meaning(), place,
    make("div", { class: "buttons" },
         make("button", { type: "button", "data-act": "duplicate_of", "aria-keyshortcuts": "D" }, "确认重复", make("kbd", { "aria-hidden": "true" }, "D")),
         make("button", { type: "button", "data-act": "not_duplicate_of", "aria-keyshortcuts": "N" }, "不是重复", make("kbd", { "aria-hidden": "true" }, "N")),
         matches.length > 1 ? make("button", { type: "button", "data-act": "candidate", "aria-keyshortcuts": "W" }, "换一件", make("kbd", { "aria-hidden": "true" }, "W")) : ""));
  try {
    const other = await stored(match.id);
    if (!still()) return;
    const shared = make("p", { class: "soft" }, "本件有 " + percent(sharedPart(whole(entry.report), whole(other))) + " 的文字与对照件相同。");
    place.replaceChildren(shared, sides(entry, other, match));
  } catch (error) {
    if (still()) place.replaceChildren(make("p", { class: "warn" }, "未能读取对照件：" + error.message));
  }
}
