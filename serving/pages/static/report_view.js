/* The report that is being reviewed: why it is here, and its text with what was found in it. */
import { CHANNELS, FIELDS, bullets, make } from "/static/base.js";
import { highlighted, legend } from "/static/highlight.js";

export const when = (moment) => (moment ? moment.slice(0, 16).replace("T", " ") : "");

/* A piece of text that may scroll: reachable by keyboard. */
export function textBox(label, content) {
  return make("div", { class: "text", tabindex: "0", role: "region", "aria-label": label }, content);
}

function facts(report) {
  const attached = (report.attachments || []).map((one) => one.type + "×" + one.count).join("、");
  return [when(report.received_at), report.region && "区划 " + report.region, CHANNELS[report.channel],
          report.reporter && report.reporter.anonymous ? "匿名" : "", attached && "附件 " + attached].filter(Boolean).join(" · ");
}

/* Returns the text with its marks, and what they mean. */
export function reportText(report, prediction, titleKinds = []) {
  const { fragment, kinds: found } = highlighted(report.text, prediction);
  const kinds = new Set([...titleKinds, ...found]);
  return [kinds.size ? legend(kinds) : "", textBox("正文", fragment)];
}

/* What two readers differ in, which a third decides. */
function differences(found, names) {
  const lines = found.map((one) => (FIELDS[one.field] || one.field) + "：" + names.value(one.field, one.first) + " ／ " + names.value(one.field, one.second));
  return make("div", { class: "note" }, make("strong", null, "两次判读不一致，请裁定（前者 ／ 后者）"), bullets(lines));
}

/* Returns the heading with the reason, and the text. */
export function reportView(entry, names) {
  const { report, prediction } = entry;
  const title = highlighted(report.title || "（无标题）", prediction);
  return [
    make("h2", { id: "report-title", tabindex: "-1" }, title.fragment),
    make("p", { class: "soft" }, [entry.id, facts(report)].filter(Boolean).join(" · ")),
    make("p", { class: "why" }, make("strong", null, "在此的原因："), entry.reason || "未说明"),
    entry.disagreements && entry.disagreements.length ? differences(entry.disagreements, names) : "",
    ...reportText(report, prediction, title.kinds),
  ];
}
