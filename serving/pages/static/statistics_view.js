/* How the desk and the automatic decisions do. */
import { FIELDS, byId, make, percent } from "/static/base.js";
import { fetchStatistics } from "/static/review_calls.js";

const SELDOM_MS = 5000;
let last = 0;

const share = (value) => (value === null || value === undefined ? "尚无" : percent(value));
const fieldName = (code) => FIELDS[code] || code;

function within(interval) {
  return interval ? "（95% 区间 " + percent(interval[0]) + " 至 " + percent(interval[1]) + "）" : "";
}

function figure(name, value, note) {
  return make("div", { class: "figure" }, make("dt", null, name), make("dd", null, make("strong", null, value), note ? make("span", { class: "soft" }, note) : null));
}

function table(caption, heads, rows) {
  return make("table", null, make("caption", null, caption),
              make("thead", null, make("tr", null, ...heads.map((head) => make("th", { scope: "col" }, head)))),
              make("tbody", null, ...rows.map((cells) => make("tr", null, ...cells.map((cell, number) => (number ? make("td", null, cell) : make("th", { scope: "row" }, cell)))))));
}

function agreementText(all) {
  const category = all.find((one) => one.field === "category") || all[0];
  return category ? share(category.agreed) : "尚无";
}

function view(found) {
  const audit = found.audit_sample;
  const alone = found.decided_alone;
  const all = found.agreement.filter((one) => one.reviewers === null);
  const body = [make("dl", { class: "figures" },
    figure("今日已复核", found.reviewed_today.reports + " 件", found.reviewed_today.entries + " 条记录"),
    figure("两次判读一致（类别）", agreementText(all), "复读 " + found.second_readings.done + " 件，不一致 " + found.second_readings.differing + " 件"),
    figure("自动办理占比", share(alone.share), alone.automatic + " / " + alone.reports + " 件"),
    figure("自动办理准确率（抽查）", share(audit.accuracy), audit.right + " / " + audit.reviewed + " 件" + within(audit.interval)))];
  if (all.length) body.push(table("两次判读的一致程度", ["项目", "件数", "一致", "κ"], all.map((one) => [fieldName(one.field), String(one.reports), share(one.agreed), one.kappa === null ? "—" : one.kappa.toFixed(2)])));
  const sampled = (audit.fields || []).filter((one) => one.reviewed);
  if (sampled.length) body.push(table("自动办理抽查", ["项目", "已查", "准确率"], sampled.map((one) => [fieldName(one.field), String(one.reviewed), share(one.accuracy) + within(one.interval)])));
  return body;
}

function brief(found) {
  return "今日已复核 " + found.reviewed_today.reports + " 件 · 一致 " + agreementText(found.agreement.filter((one) => one.reviewers === null))
    + " · 自动办理 " + share(found.decided_alone.share) + " · 抽查准确 " + share(found.audit_sample.accuracy);
}

/* Shows the figures of now; not again within five seconds unless `surely`. */
export async function showStatistics(surely) {
  if (!surely && Date.now() - last < SELDOM_MS) return;
  last = Date.now();
  try {
    const found = await fetchStatistics();
    byId("statistics-brief").textContent = brief(found);
    byId("statistics-body").replaceChildren(...view(found));
  } catch (error) {
    byId("statistics-brief").textContent = "暂无";
    byId("statistics-body").replaceChildren(make("p", { class: "soft" }, error.status === 404 ? "此服务未提供统计。" : "未能读取统计：" + error.message));
  }
}
