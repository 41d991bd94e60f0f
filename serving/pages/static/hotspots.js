/* The page of hotspots: what stands above its own past, as tables with the days drawn beside each row. */
import { byId, call, heedKey, make, say } from "/static/base.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 280;
const HEIGHT = 56;

function shape(tag, traits) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(traits)) node.setAttribute(name, String(value));
  return node;
}

/* Bars for the days, the window in another colour, a dashed line for what is usual; the words say the same. */
function days(cell) {
  const { counts, expected, from } = cell.series;
  const top = Math.max(1, ...counts, ...expected);
  const step = WIDTH / counts.length;
  const height = (value) => (value / top) * (HEIGHT - 4);
  const said = from + "起每日件数，最近" + (cell.window_days + 1) + "日共" + cell.count + "件，单日最多" + Math.max(...counts) + "件";
  const drawn = shape("svg", { class: "days", viewBox: "0 0 " + WIDTH + " " + HEIGHT, role: "img", "aria-label": said, preserveAspectRatio: "none" });
  drawn.append(shape("line", { class: "ground", x1: 0, x2: WIDTH, y1: HEIGHT - 1, y2: HEIGHT - 1 }));
  counts.forEach((count, day) => {
    if (!count) return;
    const recent = day >= counts.length - cell.window_days - 1;
    drawn.append(shape("rect", { class: recent ? "recent" : "came", x: day * step, width: step * 0.8, y: HEIGHT - 1 - height(count), height: height(count) }));
  });
  drawn.append(shape("polyline", { class: "usual", points: expected.map((value, day) => (day + 0.4) * step + "," + (HEIGHT - 1 - height(value))).join(" ") }));
  return drawn;
}

function table(heads, rows, nothing) {
  if (!rows.length) return make("p", null, nothing);
  const numbers = (cell) => (typeof cell === "number" ? make("td", { class: "count" }, String(cell)) : make("td", null, cell));
  return make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": "表格" }, make("table", null,
    make("thead", null, make("tr", null, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", null, ...rows.map((row) => make("tr", null, ...row.map(numbers))))));
}

const nameOf = (one) => (one.path.length ? one.path.join(" / ") : one.category);
const moment = (text) => text.slice(0, 16).replace("T", " ");

function cells(found, nothing) {
  const rows = found.map((one) => [nameOf(one), one.region || "未注明", "近" + (one.window_days + 1) + "日", one.count, Number(one.expected.toFixed(1)), one.limit, Number(one.ratio.toFixed(1)), days(one)]);
  return table(["类别", "区划", "时段", "件数", "预计", "上限", "倍数", "近 56 日（虚线为预计）"], rows, nothing);
}

function events(found) {
  const rows = found.map((one) => [one.event_id, one.title || "（无标题）", nameOf(one), one.region || "未注明", one.reports, one.last_7_days, one.weekly_mean_before, moment(one.first_at), moment(one.last_at)]);
  return table(["事件", "首件标题", "类别", "区划", "累计", "近 7 日", "此前周均", "首件时间", "末件时间"], rows, "近 7 日没有增长的事件。");
}

async function load() {
  say("");
  try {
    const found = await call("/v1/hotspots");
    byId("as-of").textContent = "截至 " + new Date(found.as_of).toLocaleString("zh-CN");
    byId("basis").textContent = found.basis.past_days < 14
      ? "往期数据不足两周，暂不判断突增。"
      : "与前 " + found.basis.past_days + " 日自身水平相比（已计入星期、节假日与去年同期）；在 " + found.basis.cells + " 个“类别×区划”中统一控制，名单中误报的比例预期不超过 " + Math.round(found.basis.false_discovery_rate * 100) + "%。";
    byId("surges").replaceChildren(cells(found.surges, "目前没有突增。"));
    byId("early").replaceChildren(cells(found.early_warnings, "目前没有早期预警。"));
    byId("events").replaceChildren(events(found.events));
  } catch (error) {
    say(error.message);
  }
}

byId("refresh").addEventListener("click", load);
heedKey(load);
load();
