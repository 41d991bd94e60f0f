/* The calls of the review desk (docs/api.md). */
import { URGENCIES, call } from "/static/base.js";

const LEASE_S = 600;
const report = (id, what) => "/v1/reports/" + encodeURIComponent(id) + "/" + what;

export const renewEveryMs = (LEASE_S * 1000) / 2;

/* Returns what waits under a strategy, kept for this reviewer. */
export function fetchQueue(strategy, limit) {
  return call("/v1/review/queue?" + new URLSearchParams({ strategy, limit, lease_s: LEASE_S }));
}

/* Stores a whole reading; returns the numbers of its entries. */
export async function submit(id, corrections) {
  const answer = await call(report(id, "review"), { corrections });
  return answer.corrections.map((one) => one.number);
}

/* Takes one stored entry back. */
export const undo = (id, number, reason) => call(report(id, "undo"), reason ? { number, reason } : { number });

/* Gives reports back to the queue; a failure does no harm, since leases end by themselves. */
export function release(ids) {
  return ids.length ? call("/v1/review/release", { ids }).catch(() => null) : Promise.resolve(null);
}

export const fetchStatistics = () => call("/v1/review/statistics");

/* A correction's value in words. */
function valueName(field, value, category, department) {
  if (field === "category") return category(value);
  if (field === "lead_department") return department(value);
  if (field === "co_departments") return (value || []).map(department).join("、") || "无";
  if (field === "urgency") return value + " " + (new Map(URGENCIES).get(value) || "");
  return typeof value === "boolean" ? (value ? "是" : "否") : String(value ?? "未定");
}

/* Returns the choices of the pickers, and what turns codes into names. */
export async function fetchChoices() {
  const [taxonomy, departments] = await Promise.all([call("/v1/taxonomy"), call("/v1/departments")]);
  const categories = taxonomy.categories.map((one) => ({ value: one.code, name: one.path[1] || one.code, group: one.path[0], scope: one.path[0] + "：" + one.scope }));
  const offices = departments.departments.map((one) => ({ value: one.code, name: one.name, scope: one.scope, aliases: one.aliases }));
  const paths = new Map(taxonomy.categories.map((one) => [one.code, one.path.join(" / ") + " " + one.code]));
  const officeNames = new Map(offices.map((one) => [one.value, one.name]));
  const category = (code) => paths.get(code) || code;
  const department = (code) => officeNames.get(code) || code;
  return { categories, departments: offices, names: { category, department, value: (field, value) => valueName(field, value, category, department) } };
}
