"use strict";
/* Shared by both pages. Everything from the server is set as text, never as markup. */
const Fenzhuan = (() => {
  const KEY = "fenzhuan-key";
  const WORDS = JSON.parse(document.body.dataset.words);
  const byId = (id) => document.getElementById(id);

  function make(tag, text, className) {
    const node = document.createElement(tag);
    if (text !== undefined && text !== null) node.textContent = String(text);
    if (className) node.className = className;
    return node;
  }

  function say(text) {
    const message = byId("message");
    message.textContent = text || "";
    message.hidden = !text;
  }

  function askForKey() {
    byId("key-form").hidden = false;
    byId("key").focus();
  }

  async function call(path, body) {
    const headers = {};
    const key = sessionStorage.getItem(KEY);
    if (key) headers.Authorization = "Bearer " + key;
    const options = { headers };
    if (body !== undefined) {
      headers["Content-Type"] = "application/json";
      options.method = "POST";
      options.body = JSON.stringify(body);
    }
    let response;
    try {
      response = await fetch(path, options);
    } catch (_error) {
      throw new Error("无法连接服务，请检查网络后再试。");
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (response.status === 401) askForKey();
    const known = answer.code === "invalid" && WORDS.fields[answer.field];
    throw new Error(known || WORDS.problems[answer.code] || "服务未能答复（" + response.status + "）。");
  }

  function percent(value) {
    if (value >= 0.9995) return ">99.9%";
    return value < 0.0005 ? "<0.1%" : (value * 100).toFixed(1) + "%";
  }

  function pairs(rows) {
    const list = make("dl");
    for (const [name, value] of rows) {
      if (value === "" || value === null || value === undefined) continue;
      list.append(make("dt", name));
      const cell = make("dd");
      cell.append(value instanceof Node ? value : document.createTextNode(String(value)));
      list.append(cell);
    }
    return list;
  }

  function bullets(lines) {
    const list = make("ul");
    for (const line of lines) list.append(make("li", line));
    return list;
  }

  const named = (codes, words) => codes.map((code) => words[code] || code).join("、");

  function dangers(reasons) {
    return reasons.map((reason) => {
      const [code, word] = reason.split(":");
      return (WORDS.dangers[code] || code) + "（文中“" + word + "”）";
    }).join("、");
  }

  function likeness(match) {
    return [percent(match.score), named(match.reasons, WORDS.duplicate)].filter(Boolean).join("，");
  }

  /* The answer of the contract, readable; with `plain` without the decision, where it is said already. */
  function answer(found, plain) {
    const box = make("div");
    const category = found.category;
    const lead = found.lead_department;
    const review = found.decision.route === "review";
    if (!plain) box.append(make("p", review ? "需人工复核：" + named(found.decision.reasons, WORDS.decision) : "可自动派单", review ? "reason" : ""));
    box.append(pairs([
      ["未完成的环节", named(found.degraded || [], WORDS.stages)],
      ["性质", found.kind.label + "（" + percent(found.kind.probability) + "）"],
      ["类别", category.path.join(" / ") + " " + category.code + "（" + percent(category.probability) + "）"],
      ["其他可能", category.alternatives.map((one) => (one.path[1] || one.code) + " " + percent(one.probability)).join("，")],
      ["紧急程度", found.urgency.level + " " + found.urgency.label + "（" + percent(found.urgency.probability) + "）"],
      ["危险词语", dangers(found.urgency.reasons)],
      ["主办", lead.name + "（" + percent(lead.probability) + "）"],
      ["协办", found.co_departments.map((one) => one.name + "（" + one.reason + "）").join("；")],
      ["属地", found.territory.involved ? "需" + (WORDS.territory[found.territory.level] || "属地") + "参与（" + percent(found.territory.probability) + "）" : ""],
      ["关键词", found.keywords.join("、")],
      ["地点", found.elements.places.join("、")], ["时间", found.elements.times.join("、")],
      ["对象", found.elements.subjects.join("、")], ["证据线索", found.elements.evidence.join("、")],
      ["缺失要素", named(found.elements.missing, WORDS.elements)],
      ["不实可能", WORDS.bands[found.false_report.band] + "：" + (named(found.false_report.reasons, WORDS.false_report) || "无") + "（仅供复核参考）"],
    ]));
    if (lead.evidence.length) {
      box.append(make("h3", "职责依据"));
      box.append(bullets(lead.evidence.map((one) => one.duty_id + " " + one.text + "（" + one.basis + "）")));
    }
    if (lead.notes) {
      box.append(make("h3", "派单说明"));
      box.append(bullets(lead.notes));
    }
    if (found.duplicate.matches.length) {
      box.append(make("h3", found.duplicate.of ? "与已有诉求重复：" + found.duplicate.of : "可能相关的已有诉求"));
      box.append(bullets(found.duplicate.matches.map((one) => one.id + " " + one.title + "（" + likeness(one) + "）")));
    }
    if (found.deadlines.length) {
      box.append(make("h3", "办理期限"));
      box.append(bullets(found.deadlines.map((one) => one.step + "：" + (one.due || "日期未定") + "，" + one.basis + (one.note ? "。" + one.note : ""))));
    }
    return box;
  }

  document.addEventListener("DOMContentLoaded", () => {
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
      document.dispatchEvent(new Event("fenzhuan-key"));
    });
  });

  return { answer, byId, call, make, pairs, percent, say };
})();
