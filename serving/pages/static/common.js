"use strict";
/* Shared by both pages. Everything from the server is set as text, never as markup. */
const Fenzhuan = (() => {
  const KEY = "fenzhuan-key";
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

  const MESSAGES = {
    unauthenticated: "密钥无效或未填写，请填写密钥。", forbidden: "此密钥的角色无权执行该操作。",
    not_found: "没有找到该诉求。", too_large: "内容过大。", rate_limited: "请求过于频繁，请稍后再试。",
    overloaded: "服务繁忙，请稍后再试。", internal: "服务出错，请联系管理员。",
  };

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
    throw new Error(MESSAGES[answer.code] || "内容不符合要求：" + (answer.field || "") + " " + (answer.detail || response.status));
  }

  function percent(value) {
    return (value * 100).toFixed(1) + "%";
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

  const REASONS = {
    category_uncertain: "类别把握不足", lead_uncertain: "主办部门把握不足", urgent: "紧急",
    possible_false_report: "疑似不实，请核实", possible_duplicate: "可能与已有诉求重复", degraded: "部分环节未能完成",
    advert_wording: "有广告用语", hearsay: "仅为传闻", no_checkable_element: "没有可核查的要素",
    model_suspects: "模型提示内容可疑", insufficient_history: "尚无足够的办理结果可供比对",
    time: "时间", place: "地点", subject: "被反映对象", evidence: "证据",
  };
  const DANGERS = {
    gas_leak: "燃气泄漏", collapse: "坍塌", fire_explosion: "火灾爆炸", poisoning: "中毒", trapped: "人员受困",
    violence: "暴力", self_harm: "轻生", electric: "触电", missing_person: "人员失踪", blocked_escape: "疏散通道堵塞",
    outage: "停水停电", crowd: "群体聚集",
  };
  const named = (codes) => codes.map((code) => REASONS[code] || code).join("、");
  const LEVELS = { street: "街道乡镇", county: "区县" };
  const BANDS = { low: "低", medium: "中", high: "高" };

  function dangers(reasons) {
    return reasons.map((reason) => {
      const [code, word] = reason.split(":");
      return (DANGERS[code] || code) + "（文中“" + word + "”）";
    }).join("、");
  }

  /* The answer of the contract, readable. */
  function answer(found) {
    const box = make("div");
    const category = found.category;
    const lead = found.lead_department;
    const review = found.decision.route === "review";
    box.append(make("p", review ? "需人工复核：" + named(found.decision.reasons) : "可自动派单", review ? "reason" : ""));
    box.append(pairs([
      ["性质", found.kind.label + "（" + percent(found.kind.probability) + "）"],
      ["类别", category.path.join(" / ") + " " + category.code + "（" + percent(category.probability) + "）"],
      ["其他可能", category.alternatives.map((one) => (one.path[1] || one.code) + " " + percent(one.probability)).join("，")],
      ["紧急程度", found.urgency.level + " " + found.urgency.label + "（" + percent(found.urgency.probability) + "）"],
      ["危险词语", dangers(found.urgency.reasons)],
      ["主办", lead.name + "（" + percent(lead.probability) + "）"],
      ["协办", found.co_departments.map((one) => one.name + "（" + one.reason + "）").join("；")],
      ["属地", found.territory.involved ? "需" + (LEVELS[found.territory.level] || "属地") + "参与（" + percent(found.territory.probability) + "）" : ""],
      ["关键词", found.keywords.join("、")],
      ["地点", found.elements.places.join("、")], ["时间", found.elements.times.join("、")],
      ["对象", found.elements.subjects.join("、")], ["证据线索", found.elements.evidence.join("、")],
      ["缺失要素", named(found.elements.missing)],
      ["不实可能", BANDS[found.false_report.band] + "：" + (named(found.false_report.reasons) || "无") + "（仅供复核参考）"],
    ]));
    if (lead.evidence.length) {
      box.append(make("h3", "职责依据"));
      box.append(bullets(lead.evidence.map((one) => one.duty_id + " " + one.text + "（" + one.basis + "）")));
    }
    if (found.duplicate.matches.length) {
      box.append(make("h3", found.duplicate.of ? "与已有诉求重复：" + found.duplicate.of : "可能相关的已有诉求"));
      box.append(bullets(found.duplicate.matches.map((one) => one.id + " " + one.title + "（" + percent(one.score) + "）")));
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
      sessionStorage.setItem(KEY, byId("key").value.trim());
      byId("key").value = "";
      byId("key-form").hidden = true;
      forget.hidden = false;
      say("");
      document.dispatchEvent(new Event("fenzhuan-key"));
    });
  });

  return { answer, byId, call, make, pairs, percent, say };
})();
