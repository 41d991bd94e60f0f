"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const { byId, call, make, say } = Fenzhuan;
  const queue = byId("queue");
  const LABELS = ["kind", "category", "lead_department", "urgency"];
  let choices = null;

  async function loadChoices() {
    const [taxonomy, departments] = await Promise.all([call("/v1/taxonomy"), call("/v1/departments")]);
    choices = {
      category: taxonomy.categories.map((one) => [one.code, one.code + " " + one.path[1]]),
      lead_department: departments.departments.map((one) => [one.code, one.name]),
    };
  }

  function fill(select, options) {
    for (const [value, text] of options) {
      const option = make("option", text);
      option.value = value;
      select.append(option);
    }
  }

  function predicted(entry) {
    const found = entry.prediction;
    return { kind: found.kind.label, category: found.category.code, lead_department: found.lead_department.code,
             urgency: String(found.urgency.level) };
  }

  async function correct(entry, corrections, reason) {
    for (const [field, value] of corrections) {
      await call("/v1/reports/" + encodeURIComponent(entry.id) + "/corrections", { field, value, reason });
    }
  }

  /* Says how a save went beside its buttons, where the eyes are. */
  function tell(card, text, failed) {
    const status = card.querySelector(".status");
    status.textContent = text;
    status.classList.toggle("reason", failed);
  }

  /* Runs a save with all buttons of the card off, and says how it went. */
  async function save(card, entry, corrections, reason, done) {
    const buttons = card.querySelectorAll("button");
    buttons.forEach((button) => { button.disabled = true; });
    try {
      await correct(entry, corrections, reason);
      say("");
      tell(card, done, false);
      card.classList.add("done");
    } catch (error) {
      tell(card, "未保存：" + error.message, true);
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
    }
  }

  function other(entry) {
    const duplicate = entry.prediction.duplicate;
    const nearest = duplicate.of || (duplicate.matches[0] || {}).id || "";
    return (window.prompt("另一件诉求的编号", nearest) || "").trim();
  }

  function correctionForm(card, entry) {
    const form = byId("correction-template").content.firstElementChild.cloneNode(true);
    fill(form.elements.category, choices.category);
    fill(form.elements.lead_department, choices.lead_department);
    for (const [field, value] of Object.entries(predicted(entry))) form.elements[field].value = value;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const corrections = LABELS.map((field) => [field, field === "urgency" ? Number(form.elements[field].value) : form.elements[field].value]);
      save(card, entry, corrections, form.elements.reason.value, "已保存");
    });
    form.querySelectorAll("[data-action]").forEach((button) => button.addEventListener("click", () => {
      const field = button.dataset.action;
      const value = field === "false_report" ? button.dataset.value === "true" : other(entry);
      if (value !== "") save(card, entry, [[field, value]], form.elements.reason.value, "已保存：" + button.textContent);
    }));
    return form;
  }

  function cardOf(entry) {
    const card = make("article", null, "card");
    card.append(make("h2", entry.report.title || "（无标题）"), make("p", entry.id + (entry.report.received_at ? " · " + entry.report.received_at.slice(0, 16).replace("T", " ") : ""), "soft"));
    card.append(make("p", "待复核原因：" + entry.reason, "reason"));
    const text = make("div", entry.report.text, "text");
    text.tabIndex = 0;
    text.setAttribute("aria-label", "正文");
    text.setAttribute("role", "region");
    card.append(text, make("h3", "系统判断"), Fenzhuan.answer(entry.prediction, entry.reason_codes.length > 0), make("h3", "更正"), correctionForm(card, entry));
    const status = make("p", "", "status soft");
    status.setAttribute("role", "status");
    card.append(status);
    return card;
  }

  async function load(event) {
    if (event) event.preventDefault();
    say("");
    try {
      if (!choices) await loadChoices();
      const found = await call("/v1/review/queue?limit=10&strategy=" + encodeURIComponent(byId("strategy").value));
      byId("waiting").textContent = "待办 " + found.waiting + " 件";
      queue.replaceChildren(...found.queue.map(cardOf));
      if (!found.queue.length) queue.append(make("p", "没有需要复核的诉求。"));
    } catch (error) {
      say(error.message);
    }
  }

  byId("queue-form").addEventListener("submit", load);
  byId("strategy").addEventListener("change", () => load());
  document.addEventListener("fenzhuan-key", () => load());
  load();
});
