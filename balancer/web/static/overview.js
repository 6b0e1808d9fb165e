// Draws the forecast of the overview: step lines, for lateness happens at instants. The table under it says the same.

const place = document.getElementById("forecast-chart");
const said = JSON.parse(place.dataset.chart);
const chart = globalThis.echarts.init(place, null, { renderer: "svg" });
const narrow = () => place.clientWidth < 560;

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
// The instants are London's wall clock written as UTC, so that no browser's own zone matters.
const clock = (instant) => {
  const at = new Date(instant);
  return `${DAYS[at.getUTCDay()]} ${String(at.getUTCHours()).padStart(2, "0")}:${String(at.getUTCMinutes()).padStart(2, "0")}`;
};
const count = (value) => value.toLocaleString("en-GB");

const HOUR = 3_600_000;
const HALF_DAY = 12 * HOUR, DAWN = 8 * HOUR;
const hours = (at) => (at - said.start) / HOUR;
// The axis has its words at 08:00 and 20:00, whenever one looks; every second of them where there is little room.
function ticks() {
  const step = narrow() ? 2 * HALF_DAY : HALF_DAY;
  const found = [];
  for (let at = Math.ceil((said.start - DAWN) / step) * step + DAWN; at <= said.end; at += step) found.push(hours(at));
  return found;
}

function series(line) {
  const last = line.points.at(-1)[1];
  const colour = line.proposed ? "#005eb8" : "#b8170c";
  return {
    type: "line",
    name: line.name,
    step: "end",
    symbol: "none",
    silent: true,
    animation: false,
    data: line.points.map(([at, total]) => [hours(at), total]),
    lineStyle: { color: colour, width: 2.5, type: line.proposed ? [7, 4] : "solid" },
    areaStyle: line.proposed ? undefined : { color: colour, opacity: 0.07 },
    endLabel: {
      show: true,
      distance: 6,
      color: line.proposed ? "#00478d" : colour,
      fontSize: 13,
      fontWeight: 600,
      formatter: () => (narrow() ? count(last) : `${count(last)} ${line.name}`),
    },
    ...(line.proposed
      ? {}
      : {
          markArea: {
            silent: true,
            itemStyle: { color: "#eaeff2" },
            data: said.nights.map(([from, to]) => [{ xAxis: hours(from) }, { xAxis: hours(to) }]),
          },
          markLine: {
            silent: true,
            symbol: "none",
            lineStyle: { color: "#212b32", type: [3, 3], width: 1 },
            label: { color: "#212b32", fontSize: 12, fontWeight: 600, position: "end" },
            data: said.marks.map((mark) => ({
              xAxis: hours(mark.at),
              label: { formatter: narrow() ? mark.words.split(":")[0] : mark.words, align: hours(mark.at) < 12 ? "left" : "center" },
            })),
          },
        }),
  };
}

function draw() {
  chart.setOption(
    {
      animation: false,
      aria: { enabled: true, label: { enabled: false } },
      textStyle: { fontFamily: "Frutiger, Arial, sans-serif" },
      grid: { left: 8, right: narrow() ? 52 : 130, top: 30, bottom: 8, containLabel: true },
      xAxis: {
        type: "value",
        min: 0,
        max: hours(said.end),
        axisTick: { customValues: ticks() },
        axisLabel: { color: "#4c6272", fontSize: 12, customValues: ticks(), formatter: (value) => clock(said.start + value * HOUR), hideOverlap: true },
        splitLine: { show: false },
        axisLine: { lineStyle: { color: "#8fa0ab" } },
      },
      yAxis: {
        type: "value",
        min: 0,
        minInterval: 1,
        axisLabel: { color: "#4c6272", fontSize: 12, formatter: count },
        splitLine: { lineStyle: { color: "#d8dde0" } },
      },
      series: said.lines.map(series),
    },
    true,
  );
}

draw();
new ResizeObserver(() => {
  chart.resize();
  draw();
}).observe(place);
