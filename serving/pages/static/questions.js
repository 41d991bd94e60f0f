/* What the picker asks for each field. */
import { KINDS } from "/static/base.js";

const MOST_HELPERS = 5;

/* Adds the answer's probabilities to the choices, and puts those it names first. */
function weighed(choices, scored) {
  const probability = new Map(scored.map((one) => [one.code, one.probability]));
  return { choices: choices.map((one) => ({ ...one, probability: probability.get(one.value) })), suggested: scored.map((one) => one.code) };
}

/* Returns the question for a field of an entry. */
export function asks(field, entry, choices) {
  const found = entry.prediction;
  if (field === "category") return { title: "更正类别", ...weighed(choices.categories, [found.category, ...found.category.alternatives]) };
  if (field === "kind") return { title: "更正性质", choices: KINDS.map((kind) => ({ value: kind, name: kind })), suggested: [found.kind.label] };
  if (field === "lead_department") return { title: "更正主办部门", ...weighed(choices.departments, [found.lead_department, ...found.co_departments]) };
  if (field === "co_departments") {
    return { title: "更正协办部门（可多选）", several: true, most: MOST_HELPERS,
             taken: entry.sets.co_departments || found.co_departments.map((one) => one.code),
             ...weighed(choices.departments, found.co_departments) };
  }
  return { title: "按编号指定重复件", free: true,
           choices: found.duplicate.matches.map((one) => ({ value: one.id, name: one.title || one.id, probability: one.score })) };
}
