/* Shared by the pages: elements, calls, the key. Everything from the server is set as text, never as markup. */
const KEY = "fenzhuan-key";
const WITHIN_MS = 30000;
export const WORDS = JSON.parse(document.body.dataset.words);
export const KINDS = JSON.parse(document.querySelector("main").dataset.kinds);
export const URGENCIES = JSON.parse(document.querySelector("main").dataset.urgencies);
export const CHANNELS = JSON.parse(document.querySelector("main").dataset.channels);
export const FIELDS = { kind: "性质", category: "类别", urgency: "紧急程度", lead_department: "主办", co_departments: "协办", duplicate_of: "重复于",
                        not_duplicate_of: "不重复于", false_report: "不实" };
export const byId = (id) => document.getElementById(id);

/* Returns an element; `traits` are attributes, `on...` functions listen, `children` are nodes or plain text. */
export function make(tag, traits, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(traits || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/* Says what went wrong, above the page's main part; nothing hides it again. */
export function say(text) {
  const message = byId("message");
  message.textContent = text || "";
  message.hidden = !text;
}

/* What the service refused, or that it was not reached: `status` 0. */
export class CallError extends Error {
  constructor(text, status, code) {
    super(text);
    this.status = status;
    this.code = code;
  }
}

function askForKey() {
  byId("key-form").hidden = false;
  byId("key").focus();
}

function options(body) {
  const made = { headers: {}, signal: AbortSignal.timeout(WITHIN_MS) };
  const key = sessionStorage.getItem(KEY);
  if (key) made.headers.Authorization = "Bearer " + key;
  if (body !== undefined) {
    made.headers["Content-Type"] = "application/json";
    made.method = "POST";
    made.body = JSON.stringify(body);
  }
  return made;
}

/* Returns the JSON of a call; throws CallError with words for people. */
export async function call(path, body) {
  let response;
  try {
    response = await fetch(path, options(body));
  } catch (_error) {
    throw new CallError("无法连接服务，请检查网络后再试。", 0, "unreachable");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) askForKey();
  const known = answer.code === "invalid" && WORDS.fields[answer.field];
  throw new CallError(known || WORDS.problems[answer.code] || "服务未能答复（" + response.status + "）。",
                      response.status, answer.code || "");
}

export function percent(value) {
  if (value >= 0.9995) return ">99.9%";
  return value < 0.0005 ? "<0.1%" : (value * 100).toFixed(1) + "%";
}

export const named = (codes, words) => codes.map((code) => words[code] || code).join("、");

/* Returns [name of the danger, word of the text] of a reason such as `gas_leak:漏气`. */
export function danger(reason) {
  const colon = reason.indexOf(":");
  const code = colon < 0 ? reason : reason.slice(0, colon);
  return [WORDS.dangers[code] || code, colon < 0 ? "" : reason.slice(colon + 1)];
}

/* A probability as a bar for the eye and a number for everyone. */
export function bar(probability) {
  const fill = make("span", { class: "fill" });
  fill.style.inlineSize = Math.round(Math.min(Math.max(probability, 0), 1) * 100) + "%";
  return make("span", { class: "probability" }, make("span", { class: "bar", "aria-hidden": "true" }, fill),
              make("span", { class: "number" }, percent(probability)));
}

export function bullets(lines) {
  return make("ul", null, ...lines.map((line) => make("li", null, line)));
}

/* Lets the page hold a key in this tab; `changed` runs when one is given. */
export function heedKey(changed) {
  const forget = byId("key-forget");
  forget.hidden = !sessionStorage.getItem(KEY);
  forget.addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    location.reload();
  });
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const key = byId("key").value.trim();
    if (!/^[\x21-\x7e]+$/.test(key)) {
      say(WORDS.problems.unauthenticated);
      return;
    }
    sessionStorage.setItem(KEY, key);
    byId("key").value = "";
    byId("key-form").hidden = true;
    forget.hidden = false;
    say("");
    changed();
  });
}
