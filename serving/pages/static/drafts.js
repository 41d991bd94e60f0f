/* What the reviewer set but has not sent: kept in this tab, so that a reload loses nothing. It holds no report text. */
const KEPT = "fenzhuan-drafts";

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT)) || {};
  } catch (_error) {
    return {};
  }
}

function keep(entry) {
  const drafts = kept();
  if (Object.keys(entry.sets).length) drafts[entry.id] = entry.sets;
  else delete drafts[entry.id];
  sessionStorage.setItem(KEPT, JSON.stringify(drafts));
}

/* Gives an entry its draft back, or an empty one. */
export function restore(entry) {
  entry.sets = kept()[entry.id] || {};
  entry.steps = [];
}

export const pending = (entry) => Object.keys(entry.sets).length > 0;

/* The value that the answer has for a field, in the form that a correction takes. */
export function predicted(entry, field) {
  const found = entry.prediction;
  if (field === "category") return found.category.code;
  if (field === "lead_department") return found.lead_department.code;
  if (field === "co_departments") return found.co_departments.map((one) => one.code);
  if (field === "urgency") return found.urgency.level;
  return field === "kind" ? found.kind.label : undefined;
}

const alike = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/* Sets a field; the value as predicted takes the draft of that field back. */
export function set(entry, field, value) {
  entry.steps.push({ ...entry.sets });
  const { [field]: _old, ...others } = entry.sets;
  entry.sets = alike(value, predicted(entry, field)) ? others : { ...others, [field]: value };
  keep(entry);
}

/* Says that a candidate is, or is not, the same matter; of those that are there is at most one. */
export function judge(entry, other, same) {
  const denied = (entry.sets.not_duplicate_of || []).filter((id) => id !== other);
  entry.steps.push({ ...entry.sets });
  const { duplicate_of: before, not_duplicate_of: _denied, ...others } = entry.sets;
  const confirmed = same ? other : before === other ? undefined : before;
  if (!same) denied.push(other);
  entry.sets = { ...others, ...(confirmed ? { duplicate_of: confirmed } : {}), ...(denied.length ? { not_duplicate_of: denied } : {}) };
  keep(entry);
}

/* Takes the last step back; false where there is none. */
export function stepBack(entry) {
  const before = entry.steps.pop();
  if (before) entry.sets = before;
  else if (pending(entry)) entry.sets = {};
  else return false;
  keep(entry);
  return true;
}

/* Forgets the draft, once it is stored. */
export function sent(entry) {
  entry.sets = {};
  entry.steps = [];
  keep(entry);
}

/* Takes a draft up again, once what was stored is undone. */
export function takeUp(entry, sets) {
  entry.sets = sets;
  entry.steps = [];
  keep(entry);
}

/* Returns the draft as the API takes it. */
export function corrections(entry, reason) {
  const made = Object.entries(entry.sets).flatMap(([field, value]) =>
    (field === "not_duplicate_of" ? value : [value]).map((one) => ({ field, value: one })));
  return made.map((one) => (reason ? { ...one, reason } : one));
}
