/* report.js: draws the report from the data in the page. No network, no storage.
 *
 *     data.summary   the verdicts, ordered: what is lost stands first   -> cards, ratio charts, table
 *     data.samples   every process                                      -> a small chart a cell
 *
 * Text enters the page as text only, never as markup: names come from outside.
 * When everything is drawn, <html data-drawn="N"> tells how many charts there are.
 */
(function () {
  "use strict";

  var data = JSON.parse(document.getElementById("data").textContent);
  var summary = data.summary;
  var METRICS = ["time", "peak_rss", "instructions"];
  var NOUN = { time: "Time", peak_rss: "Peak memory", instructions: "Instructions" };
  var LESS = { time: "less time", peak_rss: "less memory", instructions: "fewer instructions" };
  var MORE = { time: "more time", peak_rss: "more memory", instructions: "more instructions" };
  var FIELD = { time: "time_ns", peak_rss: "peak_rss_kib", instructions: "instructions" };
  var VERDICTS = ["failed", "worse", "unclear", "same", "better"];
  var NARROW = 640; /* charts below this width put their labels above the line */

  /* The page opens on a contender; a reference, the floor, is one click away. */
  var judged = summary.contenders.filter(function (name) { return name !== summary.reference; });
  var state = { contender: judged[0] || summary.contenders[0], rawMetric: "time" };
  var views = [];

  /* Building the page. */

  function el(tag, attributes, children) {
    var node = document.createElement(tag);
    Object.keys(attributes || {}).forEach(function (key) {
      node.setAttribute(key, attributes[key]);
    });
    (children || []).forEach(function (child) {
      node.append(child);
    });
    return node;
  }

  /* A number keeps its percent sign on its line. */
  function keep(text) {
    return text.replace(/ %/g, "\u00a0%");
  }

  function fill(id, children) {
    document.getElementById(id).replaceChildren.apply(document.getElementById(id), children);
  }

  /* Figures in words. */

  function scaled(value, step, units) {
    var k = 0;
    while (k + 1 < units.length && Math.abs(value) >= step) {
      value /= step;
      k++;
    }
    var size = Math.abs(value);
    return value.toFixed(size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : 2) + " " + units[k];
  }

  function figure(metric, value) {
    if (value === null || value === undefined) return "–";
    if (metric === "time") return scaled(value, 1000, ["ns", "µs", "ms", "s"]);
    if (metric === "peak_rss") return scaled(value, 1024, ["KiB", "MiB", "GiB"]);
    return scaled(value, 1000, ["", "thousand", "million", "billion", "trillion"]).trim();
  }

  function signedKib(value) {
    return (value > 0 ? "+" : value < 0 ? "−" : "±") + Math.abs(Math.round(value));
  }

  function ratioText(cell) {
    if (cell.judged_by === "difference") return signedKib(cell.difference_kib) + " KiB";
    return cell.ratio === null ? "–" : cell.ratio.toFixed(3);
  }

  function intervalText(cell) {
    if (cell.judged_by === "difference")
      return signedKib(cell.difference_low_kib) + " to " + signedKib(cell.difference_high_kib) + " KiB";
    if (cell.judged_by === "count") return "exact count";
    if (cell.low === null || cell.confidence === 0) return "–";
    return cell.low.toFixed(3) + " to " + cell.high.toFixed(3);
  }

  function pText(p) {
    if (p === null) return "–";
    return p < 0.000001 ? "< 0.000001" : p < 0.001 ? p.toExponential(1) : p.toFixed(p < 0.1 ? 4 : 2);
  }

  /* "17 % less time", or that nothing can be said. */
  function say(metric, ratio, low, high) {
    if (ratio === null) return "no ratio to average";
    if (low <= 1 && high >= 1) return "no difference to be seen";
    if (ratio >= 2) return ratio.toFixed(1) + " times as much";
    var percent = Math.abs(1 - ratio) * 100;
    return percent.toFixed(percent >= 10 ? 0 : 1) + " % " + (ratio < 1 ? LESS : MORE)[metric];
  }

  function cellsOf(metric, contender) {
    return summary.cells.filter(function (cell) {
      return cell.metric === metric && cell.contender === (contender || state.contender);
    });
  }

  function meanOf(metric, contender) {
    return summary.geomean.filter(function (mean) {
      return mean.metric === metric && mean.contender === (contender || state.contender);
    })[0];
  }

  function threadsText(cell) {
    return cell.threads === 1 ? "1 thread" : cell.threads + " threads";
  }

  function anchor(cell) {
    return "cell-" + cell.cell;
  }

  /* Colours come from the style sheet, so that light and dark are stated once. */
  function theme() {
    var style = getComputedStyle(document.documentElement);
    var colours = {};
    VERDICTS.concat(["ink", "soft", "faint", "line", "hover", "band", "card", "baseline", "contender",
      "sans"]).forEach(function (name) {
      colours[name] = style.getPropertyValue("--" + name).trim();
    });
    return colours;
  }

  /* Warnings come as half sentences, for a terminal. */
  function sentence(text) {
    text = keep(text);
    return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");
  }

  /* Hover. */

  var tip = document.getElementById("tip");

  function showTip(handler, event, item, value) {
    if (!value) {
      tip.hidden = true;
      return;
    }
    tip.replaceChildren(el("b", {}, [value.title]));
    value.rows.forEach(function (row) {
      tip.append(el("div", {}, [el("span", {}, [row[0]]), el("span", {}, [String(row[1])])]));
    });
    tip.hidden = false;
    var box = tip.getBoundingClientRect();
    var x = Math.min(event.clientX + 16, window.innerWidth - box.width - 8);
    var y = event.clientY + 16;
    if (y + box.height > window.innerHeight - 8) y = event.clientY - box.height - 16;
    tip.style.left = Math.max(8, x) + "px";
    tip.style.top = Math.max(8, y) + "px";
  }

  function draw(node, spec, onClick) {
    var view = new vega.View(vega.parse(spec), { renderer: "svg", container: node, hover: true });
    view.tooltip(showTip);
    if (onClick) view.addEventListener("click", onClick);
    views.push(view);
    return view.runAsync();
  }

  function font(size, extra) {
    return Object.assign({ font: { value: theme().sans }, fontSize: { value: size } }, extra);
  }

  /* The ratio charts. */

  /* Round ratios inside the domain, thinned until they keep their distance. */
  function ticks(domain, width) {
    var all = [0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3,
      4, 5, 7, 10, 15, 20, 30, 50, 100];
    var scale = width / Math.log(domain[1] / domain[0]);
    var kept = [1];
    all.sort(function (a, b) { return Math.abs(Math.log(a)) - Math.abs(Math.log(b)); });
    all.forEach(function (value) {
      var clear = kept.every(function (other) {
        return Math.abs(Math.log(value / other)) * scale >= (other === 1 ? 62 : 40);
      });
      if (value >= domain[0] && value <= domain[1] && clear) kept.push(value);
    });
    return kept;
  }

  function timesText(value) {
    return value === null || value === undefined ? "–" : value.toFixed(value < 10 ? 2 : 0) + " ×";
  }

  function shareText(cell) {
    return cell.null_share === null || cell.null_share === undefined ? "–" : (100 * cell.null_share).toFixed(0) + " %";
  }

  /* What a time is to be read against: the bare loop and, where it took part, the floor. */
  function yardsticks(cell) {
    var rows = [];
    if (cell.metric !== "time") return rows;
    if (cell.null_share !== null) rows.push(["bare loop, of " + summary.baseline + "'s time", shareText(cell)]);
    if (cell.baseline_x_floor !== null) rows.push([summary.baseline + ", times the floor", timesText(cell.baseline_x_floor)]);
    if (cell.contender_x_floor !== null) rows.push([cell.contender + ", times the floor", timesText(cell.contender_x_floor)]);
    return rows;
  }

  /* The same in a line short enough for a small chart. */
  function yardLine(cell) {
    var parts = [];
    if (cell.null_share !== null) parts.push("bare loop " + shareText(cell));
    if (cell.contender_x_floor !== null)
      parts.push(timesText(cell.contender_x_floor) + " floor (" + summary.baseline + " " + timesText(cell.baseline_x_floor) + ")");
    return parts.join(" · ");
  }

  function cellTip(cell) {
    var rows = [["workload", cell.workload + " " + cell.params], ["threads", cell.threads], ["verdict", cell.verdict]];
    if (cell.reason) rows.push(["reason", cell.reason]);
    if (cell.ratio !== null) rows.push(["ratio", cell.ratio.toFixed(4)]);
    var covers = cell.confidence === null ? 95 : Math.floor(cell.confidence * 1000) / 10;
    rows.push([(covers >= 95 ? "95" : covers) + " % interval", intervalText(cell)]);
    rows.push([summary.baseline + ", median", figure(cell.metric, cell.baseline_median)]);
    rows.push([cell.contender + ", median", figure(cell.metric, cell.contender_median)]);
    if (cell.metric === "peak_rss") {
      rows.push(["null runs subtracted", cell.baseline_null_kib === null ? "none" :
        figure("peak_rss", cell.baseline_null_kib) + " and " + figure("peak_rss", cell.contender_null_kib)]);
    }
    if (cell.per_live_byte) rows.push(["ratio of", "peak over peak live bytes (the demand itself varied)"]);
    rows = rows.concat(yardsticks(cell));
    if (cell.p !== null) {
      rows.push(["p, and with Holm", pText(cell.p) + ", " + pText(cell.p_holm)]);
      rows.push(["rank-biserial effect", cell.effect.toFixed(2)]);
    }
    if (cell.noise !== null) rows.push(["noise between blocks", (cell.noise * 100).toFixed(1) + " %"]);
    rows.push(["blocks", cell.blocks + " of " + summary.blocks_planned]);
    return { title: cell.label + (cell.primary ? "" : " (not primary)"), rows: rows };
  }

  function domainOf(cells) {
    var low = 0.8, high = 1.25;
    cells.forEach(function (cell) {
      if (cell.low === null || cell.judged_by === "difference") return;
      low = Math.min(low, cell.low);
      high = Math.max(high, cell.high);
    });
    return [low * 0.95, high * 1.05];
  }

  /* Where things stand in a row, for a wide or a narrow page. */
  function layout(width) {
    var narrow = width < NARROW;
    return narrow
      ? { narrow: true, x0: 10, x1: width - 12, row: 58, label: 17, params: 31, line: 46, top: 30,
          nameLimit: width - 150, paramLimit: width - 16 }
      : { narrow: false, x0: 300, x1: width - 196, row: 42, label: 17, params: 32, line: 21, top: 30,
          nameLimit: 282, paramLimit: 282 };
  }

  function rowsOf(cells, colours) {
    return cells.map(function (cell, i) {
      var plotted = cell.ratio !== null && cell.judged_by !== "difference";
      return {
        i: i, name: cell.label + (cell.threads > 1 ? " · " + threadsText(cell) : ""),
        params: cell.params, weight: cell.primary ? 640 : 400, size: cell.primary ? 90 : 48,
        ratio: plotted ? cell.ratio : 1, low: plotted ? cell.low : 1, high: plotted ? cell.high : 1,
        plotted: plotted ? 1 : 0,
        instead: plotted ? "" : cell.reason || (cell.judged_by === "difference" ?
          "small: judged by difference" : "no pair of samples"),
        colour: colours[cell.verdict], verdict: cell.verdict, value: ratioText(cell),
        interval: cell.judged_by === "difference" ? "" : intervalText(cell),
        tip: cellTip(cell), anchor: anchor(cell),
      };
    });
  }

  function forest(cells, metric, width) {
    var colours = theme();
    var at = layout(width);
    var domain = domainOf(cells);
    var height = at.top + cells.length * at.row;
    var y = function (offset) { return { signal: at.top + " + datum.i * " + at.row + " + " + offset }; };
    var text = function (x, offset, field, extra) {
      return { type: "text", from: { data: "rows" }, interactive: false, encode: { update: Object.assign({
        x: { value: x }, y: y(offset), text: { field: field }, baseline: { value: "alphabetic" },
        fill: { value: colours.ink } }, extra) } };
    };
    var margin = metric === "instructions" ? summary.rules.count_margin : summary.rules.margin;
    var marks = ticks(domain, at.x1 - at.x0);
    var bands = at.narrow ? cells.map(function (cell, i) {
      var middle = at.top + i * at.row + at.line;
      return { from: middle - 8, to: middle + 8 };
    }) : [{ from: at.top - 6, to: height }];
    var grid = bands.reduce(function (list, band) {
      return list.concat(marks.map(function (v) { return { v: v, from: band.from, to: band.to }; }));
    }, []);
    var names = { time: "time", peak_rss: "peak memory", instructions: "instructions" };
    return {
      $schema: "https://vega.github.io/schema/vega/v5.json",
      description: "Ratio of " + names[metric] + ", " + state.contender + " over " + summary.baseline +
        ", with intervals, for each cell",
      width: width, height: height, padding: 0, autosize: "none",
      data: [
        { name: "rows", values: rowsOf(cells, colours) },
        { name: "ticks", values: marks.map(function (v) { return { v: v }; }) },
        { name: "bands", values: bands }, { name: "grid", values: grid },
      ],
      scales: [{ name: "x", type: "log", domain: domain, range: [at.x0, at.x1] }],
      marks: [
        /* The row under the pointer; it alone listens. */
        { type: "rect", from: { data: "rows" }, encode: {
          enter: { cursor: { value: "pointer" }, cornerRadius: { value: 6 } },
          update: { x: { value: 0 }, width: { value: width }, y: y(0), height: { value: at.row },
            fill: { value: "transparent" }, tooltip: { field: "tip" } },
          hover: { fill: { value: colours.hover } } } },
        /* The margin of "same", the ticks and the line of no difference: through the whole chart, or where
           labels stand above the lines, only beside each line. */
        { type: "rect", from: { data: "bands" }, interactive: false, encode: { enter: {
          x: { scale: "x", value: 1 / margin }, x2: { scale: "x", value: margin },
          y: { field: "from" }, y2: { field: "to" }, fill: { value: colours.band } } } },
        { type: "rule", from: { data: "grid" }, interactive: false, encode: { enter: {
          x: { scale: "x", field: "v" }, y: { field: "from" }, y2: { field: "to" },
          stroke: { signal: "datum.v === 1 ? '" + colours.soft + "' : '" + colours.line + "'" } } } },
        { type: "text", from: { data: "ticks" }, interactive: false, encode: { enter: font(12, {
          x: { scale: "x", field: "v" }, y: { value: at.top - 13 }, align: { value: "center" },
          text: { signal: "datum.v === 1 ? '1 = " + (at.narrow ? "" : "as ") + "' + baseline : datum.v + ''" },
          fill: { signal: "datum.v === 1 ? '" + colours.ink + "' : '" + colours.soft + "'" } }) } },
        /* Interval and estimate. */
        { type: "rule", from: { data: "rows" }, interactive: false, encode: { update: {
          x: { scale: "x", field: "low" }, x2: { scale: "x", field: "high" }, y: y(at.line),
          stroke: { field: "colour" }, strokeWidth: { value: 3 }, strokeCap: { value: "round" },
          opacity: { signal: "datum.plotted * 0.55" } } } },
        { type: "symbol", from: { data: "rows" }, interactive: false, encode: { update: {
          x: { scale: "x", field: "ratio" }, y: y(at.line), size: { field: "size" },
          fill: { field: "colour" }, stroke: { value: colours.card }, strokeWidth: { value: 1.5 },
          opacity: { field: "plotted" } } } },
        /* Where there is nothing to plot, a word on clear ground. */
        { type: "rect", from: { data: "rows" }, interactive: false, encode: { update: {
          x: { value: at.x0 }, x2: { value: at.x1 }, y: y(at.line - 9), height: { value: 18 },
          fill: { value: colours.card }, opacity: { signal: "datum.instead ? 1 : 0" } } } },
        { type: "text", from: { data: "rows" }, interactive: false, encode: { update: font(12, {
          x: { value: (at.x0 + at.x1) / 2 }, y: y(at.line), text: { field: "instead" },
          limit: { value: at.x1 - at.x0 }, align: { value: "center" }, baseline: { value: "middle" },
          fill: { signal: "datum.verdict === 'failed' ? datum.colour : '" + colours.faint + "'" } }) } },
        /* Names on the left; on the right the figure and the word. */
        text(4, at.label, "name", font(14, { fontWeight: { field: "weight" }, limit: { value: at.nameLimit } })),
        text(4, at.params, "params", font(11.5, { fill: { value: colours.soft }, limit: { value: at.paramLimit } })),
        text(width - 76, at.label, "value", font(14, { align: { value: "right" }, fontWeight: { field: "weight" } })),
        text(width - 64, at.label, "verdict", font(14, { fill: { field: "colour" }, fontWeight: { value: 600 } })),
      ].concat(at.narrow ? [] : [
        text(width - 76, at.params, "interval", font(11.5, { align: { value: "right" }, fill: { value: colours.soft } })),
      ]),
      signals: [{ name: "baseline", value: summary.baseline }],
    };
  }

  function goTo(event, item) {
    if (!item || !item.datum || !item.datum.anchor) return;
    var target = document.getElementById(item.datum.anchor);
    if (target) target.scrollIntoView({ behavior: "smooth", block: "center" });
  }

  /* The samples, a small chart a cell. */

  function sampleTip(sample) {
    var rows = [["allocator", sample.allocator],
      ["block", sample.warmup ? "warm-up" : sample.block], ["turn in the block", sample.order + 1]];
    if (sample.status !== "ok") rows.push(["status", sample.status], ["detail", sample.detail || "–"]);
    if (sample.time_ns != null) rows.push(["time", sample.time_ns.toLocaleString("en") + " ns"]);
    if (sample.peak_rss_kib != null) rows.push(["peak of the process", sample.peak_rss_kib.toLocaleString("en") + " KiB"]);
    if (sample.instructions != null) rows.push(["instructions", sample.instructions.toLocaleString("en")]);
    if (sample.user_us != null) rows.push(["user, system", figure("time", sample.user_us * 1000) + ", " + figure("time", sample.sys_us * 1000)]);
    if (sample.minflt != null) rows.push(["faults, minor and major", sample.minflt + ", " + sample.majflt]);
    if (sample.ctx_switches != null) rows.push(["context switches", sample.ctx_switches]);
    return { title: sample.allocator, rows: rows };
  }

  /* One row a sample, one a pair, for the cell and metric. Warm-up stands at 0, blocks at 1 and up. */
  function rawData(cell, metric) {
    var field = FIELD[metric];
    var mine = data.samples.filter(function (sample) {
      return sample.cell === cell.cell &&
        (sample.allocator === summary.baseline || sample.allocator === state.contender);
    });
    var points = mine.map(function (sample) {
      var ok = sample.status === "ok" && sample[field] != null;
      return { x: sample.warmup ? 0 : sample.block + 1, y: ok ? sample[field] : null, ok: ok ? 1 : 0,
        base: sample.allocator === summary.baseline ? 1 : 0, warmup: sample.warmup ? 1 : 0,
        tip: sampleTip(sample) };
    });
    var pairs = [];
    points.forEach(function (a) {
      points.forEach(function (b) {
        if (a.base && !b.base && a.x === b.x && a.ok && b.ok) pairs.push({ x: a.x, y: a.y, y2: b.y, warmup: a.warmup });
      });
    });
    return { points: points, pairs: pairs };
  }

  function rawSpec(cell, metric, width) {
    var colours = theme();
    var raw = rawData(cell, metric);
    var height = 132, left = 58, top = 10, bottom = 108;
    var values = raw.points.filter(function (p) { return p.ok; }).map(function (p) { return p.y; });
    var low = Math.min.apply(null, values), high = Math.max.apply(null, values);
    var room = (high - low || high * 0.05 || 1) * 0.12;
    var units = { time: "ns", peak_rss: "KiB", instructions: "" };
    var label = [low, (low + high) / 2, high].map(function (v) { return { v: v, text: figure(metric, v) }; });
    if (values.length === 0) {
      low = 0;
      high = 1;
      label = [];
    }
    var colour = { signal: "datum.base ? '" + colours.baseline + "' : '" + colours.contender + "'" };
    return {
      $schema: "https://vega.github.io/schema/vega/v5.json",
      description: "Samples of " + cell.workload + " " + cell.params + " by block, " + (units[metric] || "count"),
      width: width, height: height, padding: 0, autosize: "none",
      data: [{ name: "points", values: raw.points }, { name: "pairs", values: raw.pairs },
        { name: "labels", values: label }],
      scales: [
        { name: "x", domain: [0, summary.blocks_planned], zero: false, range: [left + 14, width - 8] },
        { name: "y", domain: [low - room, high + room], range: [bottom, top], zero: false },
      ],
      marks: [
        { type: "rule", from: { data: "labels" }, encode: { enter: { x: { value: left }, x2: { value: width },
          y: { scale: "y", field: "v" }, stroke: { value: colours.line } } } },
        { type: "text", from: { data: "labels" }, encode: { enter: font(11, { x: { value: left - 6 },
          y: { scale: "y", field: "v" }, align: { value: "right" }, baseline: { value: "middle" },
          text: { field: "text" }, fill: { value: colours.soft } }) } },
        { type: "text", encode: { enter: font(11, { x: { scale: "x", value: 0 }, y: { value: height - 6 },
          align: { value: "center" }, text: { value: "warm-up" }, fill: { value: colours.faint } }) } },
        { type: "text", encode: { enter: font(11, { x: { value: width - 4 }, y: { value: height - 6 },
          align: { value: "right" }, text: { value: "block " + summary.blocks_planned }, fill: { value: colours.faint } }) } },
        { type: "rule", from: { data: "pairs" }, encode: { enter: { x: { scale: "x", field: "x" },
          y: { scale: "y", field: "y" }, y2: { scale: "y", field: "y2" }, stroke: { value: colours.line },
          strokeWidth: { value: 2 }, opacity: { signal: "datum.warmup ? 0.4 : 1" } } } },
        { type: "symbol", from: { data: "points" }, encode: {
          enter: { x: { scale: "x", field: "x" },
            y: { signal: "datum.ok ? scale('y', datum.y) : " + (top + 4) },
            shape: { signal: "datum.ok ? 'circle' : 'cross'" },
            fill: { signal: "datum.ok ? (datum.base ? '" + colours.baseline + "' : '" + colours.contender +
              "') : '" + colours.failed + "'" },
            stroke: colour, tooltip: { field: "tip" } },
          update: { size: { value: 52 }, opacity: { signal: "datum.warmup ? 0.35 : 1" } },
          hover: { size: { value: 130 } } } },
      ],
    };
  }

  /* Sections. */

  function strip(cells) {
    var bar = el("div", { "class": "strip", "aria-hidden": "true" });
    var words = el("div", { "class": "words" });
    VERDICTS.slice().reverse().forEach(function (verdict) {
      var n = cells.filter(function (cell) { return cell.verdict === verdict; }).length;
      if (n === 0) return;
      bar.append(el("i", { "class": verdict, style: "flex: " + n }));
      words.append(el("span", { "class": verdict }, [el("b", {}, [String(n)]), " " + verdict]));
    });
    return [bar, words];
  }

  function card(metric) {
    var mean = meanOf(metric);
    if (!mean) return null;
    var has = mean.ratio !== null;
    var interval = !has ? "no workload has a ratio" : mean.low === mean.high ? "exact counts" :
      "95 %: " + mean.low.toFixed(3) + " to " + mean.high.toFixed(3);
    var big = el("div", { "class": "big" }, has ? [mean.ratio.toFixed(3), el("small", {}, [" ×"])] : ["–"]);
    return el("div", { "class": "card" }, [
      el("h3", {}, [NOUN[metric]]), big,
      el("p", { "class": "say" }, [say(metric, mean.ratio, mean.low, mean.high)]),
      el("p", {}, [interval + (has ? " · " + mean.workloads + (mean.workloads === 1 ? " workload" : " workloads") : "")]),
    ].concat(strip(cellsOf(metric))));
  }

  function lede() {
    var cells = cellsOf("time");
    var count = function (verdict) {
      return cells.filter(function (cell) { return cell.verdict === verdict; }).length;
    };
    var mean = meanOf("time");
    var failed = count("failed");
    var parts = [];
    if (summary.blocks_planned === 0) return ["Memory over time alone; nothing was timed."];
    if (state.contender === summary.reference)
      parts.push("A reference, the floor of an allocation: its verdicts count for nothing. ");
    if (mean && mean.ratio !== null) {
      parts.push(el("b", {}, [say("time", mean.ratio, mean.low, mean.high)]),
        " over " + mean.workloads + " workloads. ");
    }
    parts.push(count("worse") === 0 ? "Slower nowhere, as far as can be told; " :
      "Slower in " + count("worse") + " of " + cells.length + " cells, ");
    parts.push(count("better") === 0 ? "faster nowhere." : "faster in " + count("better") + ".");
    if (failed > 0) parts.push(" ", el("b", { "class": "failed" }, [failed + (failed === 1 ? " cell" : " cells") + " failed."]));
    return parts;
  }

  function headSection() {
    document.title = state.contender + " against " + summary.baseline + " · Ashlar";
    fill("kicker", ["Ashlar · suite " + summary.suite + " · " + (summary.blocks_planned > 0 ? summary.blocks_planned + " blocks · run " : "run ") +
      summary.run_id + (summary.complete ? "" : " · not complete")]);
    fill("title", [state.contender + " against " + summary.baseline]);
    fill("lede", lede());
    fill("contenders", summary.contenders.length < 2 ? [] : summary.contenders.map(function (name) {
      var button = el("button", { type: "button", "aria-pressed": String(name === state.contender) }, [name]);
      button.addEventListener("click", function () {
        state.contender = name;
        render();
      });
      return button;
    }));
    fill("cards", METRICS.map(card).filter(Boolean));
  }

  function ratioSection() {
    var notes = {
      time: "Each line is the ratio with its 95 % interval; left of 1 is faster than " + summary.baseline +
        ". The shaded band is ±2 %, too little to matter. Bold rows are primary. What is lost stands first; a click leads to the samples.",
      peak_rss: "The process's highest resident memory, less that of the same workload without allocations.",
      instructions: "Counts that repeat from run to run, where they do; the band is ±0.5 %.",
    };
    var drawings = [];
    fill("ratios", []);
    METRICS.forEach(function (metric) {
      var cells = cellsOf(metric);
      if (cells.length === 0) return;
      var node = el("div", { "class": "chart", id: "ratio-" + metric });
      document.getElementById("ratios").append(el("h2", {}, [NOUN[metric]]),
        el("p", { "class": "note" }, [keep(notes[metric])]), node);
      var style = getComputedStyle(node);
      var width = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      drawings.push(draw(node, forest(cells, metric, width), goTo));
    });
    return drawings;
  }

  function rawSwitch() {
    var metrics = METRICS.filter(function (metric) {
      return data.samples.some(function (sample) { return sample[FIELD[metric]] != null; });
    });
    var buttons = metrics.map(function (metric) {
      var button = el("button", { type: "button", "aria-pressed": String(metric === state.rawMetric) }, [NOUN[metric]]);
      button.addEventListener("click", function () {
        state.rawMetric = metric;
        render();
      });
      return button;
    });
    var colours = theme();
    var key = function (colour, name) {
      return el("span", {}, [el("i", { style: "background: " + colour }), name]);
    };
    fill("raw-head", [
      el("div", { "class": "legend" }, [key(colours.baseline, summary.baseline), key(colours.contender, state.contender),
        el("span", {}, ["a line joins the two of a block; hover for the raw figures"])]),
      el("div", { "class": "switch" }, buttons),
    ]);
  }

  function rawSection() {
    var drawings = [];
    var grid = document.getElementById("raw-grid");
    fill("raw-grid", []);
    document.getElementById("raw").hidden = document.getElementById("figures").hidden = summary.blocks_planned === 0;
    if (summary.blocks_planned === 0) return drawings;
    rawSwitch();
    cellsOf("time").forEach(function (cell) {
      var node = el("div", {});
      var word = cellsOf(state.rawMetric).filter(function (other) { return other.cell === cell.cell; })[0];
      var box = el("article", { "class": "plot", id: anchor(cell) }, [
        el("header", {}, [el("h3", {}, [cell.label + " · " + threadsText(cell)]),
          el("span", { "class": "say " + (word ? word.verdict : "") }, [word ? ratioText(word) + " " + word.verdict : ""])]),
        el("p", { "class": "params", title: cell.params }, [cell.params]),
        el("p", { "class": "params" }, [keep(yardLine(cell))]),
        node]);
      grid.append(box);
      drawings.push(draw(node, rawSpec(cell, state.rawMetric, box.clientWidth - 24)));
    });
    return drawings;
  }

  /* Memory over time: a panel an allocator, one below the other, on one time axis and one scale. */

  var PANEL = 92; /* height of one, with the gap below it */

  function memoryPoints(curve) {
    return curve.curve.filter(function (row) { return row[0] >= 0; }).map(function (row) {
      var kept = row[1] - row[2];
      return { t: row[0] / 1000, resident: kept / 1024, rss: row[1] / 1024, live: row[4] / 1024,
        drained: row[5] === "drained" || row[5] === "idle" || row[5] === "end",
        tip: { title: curve.allocator, rows: [["since the begin", figure("time", row[0] * 1e6)], ["phase", row[5]],
          ["resident", figure("peak_rss", kept)], ["given back lazily", figure("peak_rss", row[2])],
          ["in huge pages", figure("peak_rss", row[3])], ["live", figure("peak_rss", row[4])]] } };
    });
  }

  /* Round steps that cut a span into about n parts. */
  function roundStep(span, n) {
    var power = Math.pow(10, Math.floor(Math.log10(span / n)));
    return [1, 2, 5, 10].map(function (digit) { return digit * power; }).filter(function (step) {
      return span / step <= n + 0.5;
    })[0] || 10 * power;
  }

  function multiples(from, to, step) {
    var list = [];
    for (var k = Math.ceil(from / step - 1e-9); k * step <= to * (1 + 1e-9); k++) list.push(k * step);
    return list;
  }

  /* The seconds after the last free get three tenths of the axis at most: the work is what differs. */
  function memoryAxis(panels, x0, x1, narrow) {
    var end = 0.001, drained = 0.001;
    panels.forEach(function (panel) {
      panel.points.forEach(function (point) { end = Math.max(end, point.t); });
      var first = panel.points.filter(function (point) { return point.drained; })[0];
      panel.drained = first ? first.t : null;
      drained = Math.max(drained, first ? first.t : 0);
    });
    var squeezed = end - drained > 0.3 * end;
    var turn = x0 + 0.7 * (x1 - x0);
    var ticks = multiples(0, squeezed ? drained : end, roundStep(squeezed ? drained : end, narrow ? 3 : 6));
    if (squeezed) {
      var room = roundStep(drained, narrow ? 3 : 6) / 2;
      ticks = ticks.filter(function (v) { return v < drained - room; }).concat([drained],
        multiples(drained, end, roundStep(end - drained, 2)).filter(function (v) { return v > drained + (end - drained) / (narrow ? 2.5 : 5); }));
    }
    return { squeezed: squeezed, domain: squeezed ? [0, drained, end] : [0, end],
      range: squeezed ? [x0, turn, x1] : [x0, x1], turn: turn,
      ticks: ticks.map(function (v) { return { v: v, text: (v >= 10 ? v.toFixed(0) : String(Number(v.toFixed(v < 1 ? 2 : 1)))) + " s" }; }) };
  }

  function memoryPanel(panel, colours, top, x0, x1) {
    var x = { scale: "x", field: "t" };
    return [
      { type: "area", from: { data: panel.id }, interactive: false, encode: { enter: { x: x,
        y: { scale: panel.id, field: "live" }, y2: { value: top + PANEL - 26 }, fill: { value: colours.faint }, fillOpacity: { value: 0.3 } } } },
      { type: "rule", interactive: false, encode: { enter: { x: { value: x0 }, x2: { value: x1 },
        y: { value: top + PANEL - 26 }, stroke: { value: colours.line } } } },
      { type: "rule", interactive: false, encode: { enter: { x: { scale: "x", value: panel.drained || 0 },
        y: { value: top + 4 }, y2: { value: top + PANEL - 26 }, stroke: { value: colours.faint },
        strokeDash: { value: [2, 3] }, opacity: { value: panel.drained === null ? 0 : 1 } } } },
      { type: "line", from: { data: panel.id }, interactive: false, encode: { enter: { x: x,
        y: { scale: panel.id, field: "rss" }, stroke: { value: panel.colour }, strokeDash: { value: [3, 3] },
        strokeWidth: { value: 1 }, opacity: { value: 0.6 } } } },
      { type: "line", from: { data: panel.id }, interactive: false, encode: { enter: { x: x,
        y: { scale: panel.id, field: "resident" }, stroke: { value: panel.colour }, strokeWidth: { value: 2 } } } },
      { type: "symbol", from: { data: panel.id }, encode: { enter: { x: x, y: { scale: panel.id, field: "resident" },
        fill: { value: panel.colour }, tooltip: { field: "tip" } },
        update: { size: { value: 16 } }, hover: { size: { value: 90 } } } },
      { type: "text", interactive: false, encode: { enter: font(13, { x: { value: x0 + 4 }, y: { value: top + 2 },
        baseline: { value: "top" }, text: { value: panel.name }, fill: { value: colours.ink },
        fontWeight: { value: 600 } }) } },
    ];
  }

  function memorySpec(panels, label, width) {
    var colours = theme(), narrow = width < NARROW, x0 = 66, x1 = width - 12;
    var axis = memoryAxis(panels, x0, x1, narrow);
    var height = panels.length * PANEL + 22;
    var peak = Math.max.apply(null, panels.map(function (panel) {
      return Math.max.apply(null, panel.points.map(function (point) { return Math.max(point.rss, point.live); }).concat([0.001]));
    }));
    var levels = [];
    panels.forEach(function (panel, i) {
      [0, peak / 2, peak].forEach(function (v) {
        levels.push({ y: i * PANEL + PANEL - 26 - v / peak * (PANEL - 46), text: figure("peak_rss", v * 1024) });
      });
    });
    return {
      $schema: "https://vega.github.io/schema/vega/v5.json",
      description: "Resident and live memory of " + label + " over time, a panel an allocator",
      width: width, height: height, padding: 0, autosize: "none",
      data: panels.map(function (panel) { return { name: panel.id, values: panel.points }; }).concat([
        { name: "ticks", values: axis.ticks }, { name: "levels", values: levels }]),
      scales: [{ name: "x", type: "linear", domain: axis.domain, range: axis.range }].concat(
        panels.map(function (panel, i) {
          return { name: panel.id, type: "linear", domain: [0, peak], range: [i * PANEL + PANEL - 26, i * PANEL + 20] };
        })),
      marks: [
        { type: "rect", interactive: false, encode: { enter: { x: { value: axis.turn }, x2: { value: x1 }, y: { value: 0 },
          y2: { value: height - 22 }, fill: { value: colours.hover }, opacity: { value: axis.squeezed ? 0.7 : 0 } } } },
        { type: "rule", from: { data: "levels" }, interactive: false, encode: { enter: { x: { value: x0 }, x2: { value: x1 },
          y: { field: "y" }, stroke: { value: colours.line }, opacity: { value: 0.7 } } } },
        { type: "text", from: { data: "levels" }, interactive: false, encode: { enter: font(11, { x: { value: x0 - 6 },
          y: { field: "y" }, align: { value: "right" }, baseline: { value: "middle" }, text: { field: "text" },
          fill: { value: colours.soft } }) } },
        { type: "text", from: { data: "ticks" }, interactive: false, encode: { enter: font(11, { x: { scale: "x", field: "v" },
          y: { value: height - 6 }, align: { value: "center" }, text: { field: "text" }, fill: { value: colours.soft } }) } },
      ].concat(panels.reduce(function (marks, panel, i) {
        return marks.concat(memoryPanel(panel, colours, i * PANEL, x0, x1));
      }, [])),
    };
  }

  function memoryPanels(id) {
    var colours = theme();
    return data.curves.filter(function (curve) { return curve.cell === id && curve.curve; }).map(function (curve) {
      return { name: curve.allocator, points: memoryPoints(curve), order: summary.allocators.findIndex(function (one) {
        return one.name === curve.allocator; }), colour: curve.allocator === state.contender ? colours.contender :
        curve.allocator === summary.baseline ? colours.baseline : colours.soft };
    }).sort(function (a, b) { return a.order - b.order; }).map(function (panel, i) {
      panel.id = "panel" + i;
      return panel;
    });
  }

  /* From the addresses of the blocks, at the moment of most live bytes. */
  var LAYOUT = [["page_waste", "page waste"], ["false_sharing", "false sharing"], ["internal_waste", "internal waste"],
    ["huge_coverage", "huge pages"]];

  function layoutText(row, key) {
    return [row.layout ? (100 * row.layout[key]).toFixed(1) + " %" : "–"];
  }

  var REST = ["0.1", "1", "5", "12"];

  function memoryFigure(one, text) {
    if (!one || one.median === null) return ["–"];
    if (one.ratio === null) return [text(one.median)];
    return [text(one.median), el("small", {}, ["× " + one.ratio.toFixed(2)]),
      el("small", {}, [one.ratio_low.toFixed(2) + " to " + one.ratio_high.toFixed(2)])];
  }

  function memoryCost(row) {
    if (!row.disturbance) return ["–"];
    return [(100 * row.read_share).toFixed(1) + " %", el("small", {}, [figure("time", row.disturbance.watched_ns) +
      " watched"]), el("small", {}, [figure("time", row.disturbance.alone_ns) + " alone"])];
  }

  function memoryTable(rows) {
    var plain = function (v) { return v.toFixed(2); };
    var size = function (v) { return figure("peak_rss", v); };
    var rests = REST.filter(function (rest) {
      return rows.some(function (row) { return row.drained[rest].median !== null; });
    });
    var laid = rows.filter(function (row) { return row.layout; });
    var head = ["allocator", "F1", "F2", "F3", "F4", "peak"].concat(rests.map(function (rest) { return "+" + rest + " s"; }),
      laid.length > 0 ? LAYOUT.map(function (pair) { return pair[1]; }) : [], ["readings"]);
    return el("div", { "class": "memory-figures" }, [el("table", {}, [
      el("thead", {}, [el("tr", {}, head.map(function (name) { return el("th", {}, [name]); }))]),
      el("tbody", {}, rows.map(function (row) {
        var cells = row.status !== "ok" ? [[row.status + ": " + row.detail]] :
          ["f1", "f2", "f3", "f4"].map(function (key) { return memoryFigure(row[key], plain); }).concat(
            [memoryFigure(row.peak_kib, size)],
            rests.map(function (rest) { return memoryFigure(row.drained[rest], size); }),
            laid.length > 0 ? LAYOUT.map(function (pair) { return layoutText(row, pair[0]); }) : [], [memoryCost(row)]);
        return el("tr", {}, [el("td", {}, [row.allocator])].concat(cells.map(function (cell) {
          return el("td", row.status === "ok" ? {} : { "class": "failed", colspan: String(head.length - 1) }, cell);
        })));
      })),
    ])]);
  }

  /* System calls: a row a cell, of the contender that is shown. */
  function callsSection() {
    var rows = (summary.syscalls || []).filter(function (row) { return row.contender === state.contender; });
    document.getElementById("calls").hidden = rows.length === 0;
    if (rows.length === 0) return;
    fill("calls-note", ["Of a part of the cell's work, without its set-up, counted one by one in processes that were traced. " +
      "Exact, so there is no test; they count for no verdict."]);
    var count = function (value) { return (Math.round(10 * value) / 10).toLocaleString("en"); };
    fill("calls-table", [el("div", { "class": "memory-figures" }, [el("table", {}, [
      el("thead", {}, [el("tr", {}, ["cell", "operations", summary.baseline, state.contender, "minor faults", "what changed most"]
        .map(function (name) { return el("th", {}, [name]); }))]),
      el("tbody", {}, rows.map(function (row) {
        return el("tr", {}, [row.label + " · " + threadsText(row), count(row.ops), count(row.baseline_calls),
          count(row.contender_calls), count(row.minor_faults.baseline) + " to " + count(row.minor_faults.contender),
          row.changes + (row.repeats ? "" : " (does not repeat)")
        ].map(function (value) { return el("td", {}, [value]); }));
      })),
    ])])]);
  }

  function memorySection() {
    var all = summary.memory || [];
    var ids = all.map(function (row) { return row.cell; }).filter(function (id, i, list) { return list.indexOf(id) === i; });
    document.getElementById("memory").hidden = all.length === 0;
    fill("memory-list", []);
    if (all.length === 0) return [];
    fill("memory-note", [keep("The line is what is resident, less pages given back lazily (a broken line has them in); the grey " +
      "ground is what the workload holds; at the dotted line the last block is freed. Curves are of the first block, figures are " +
      "medians, with the ratio to " + summary.baseline + " and its smallest and largest block: too few for a test. KiB in the table " +
      "are less those of the bare loop.")]);
    return ids.map(function (id) {
      var rows = all.filter(function (row) { return row.cell === id; });
      var panels = memoryPanels(id), node = el("div", {});
      var box = el("article", { "class": "plot", id: "memory-" + id }, [
        el("header", {}, [el("h3", {}, [rows[0].label + " · " + threadsText(rows[0])])]),
        el("p", { "class": "params", title: rows[0].params }, [rows[0].params]), node, memoryTable(rows)]);
      document.getElementById("memory-list").append(box);
      return panels.length === 0 ? null : draw(node, memorySpec(panels, rows[0].label, box.clientWidth - 24));
    }).filter(Boolean);
  }

  /* Growth: time per operation against size, both in powers; a line an allocator. */

  function growthColour(name, colours) {
    return name === state.contender ? colours.contender : name === summary.baseline ? colours.baseline : colours.line;
  }

  function growthRows(series, colours) {
    return series.allocators.reduce(function (rows, curve) {
      return rows.concat(curve.points.map(function (point) {
        return { name: curve.allocator, x: point.size, y: point.ns, low: point.low, high: point.high,
          colour: growthColour(curve.allocator, colours), tip: { title: curve.allocator, rows: [
            [series.over.replace(/^--/, ""), point.size], ["time per operation", figure("time", point.ns)],
            ["least and most", figure("time", point.low) + " to " + figure("time", point.high)],
            ["rounds", point.rounds]] } };
      }));
    }, []);
  }

  function axisText(value) {
    return value >= 1048576 && value % 1048576 === 0 ? value / 1048576 + "Mi" :
      value >= 1024 && value % 1024 === 0 ? value / 1024 + "Ki" : String(value);
  }

  /* Some of the sizes, and round times in the range of the points. */
  function growthTicks(rows) {
    var sizes = rows.map(function (row) { return row.x; }).filter(function (x, i, all) { return all.indexOf(x) === i; });
    sizes.sort(function (a, b) { return a - b; });
    var every = Math.max(1, Math.ceil((sizes.length - 1) / 4));
    var low = Math.min.apply(null, rows.map(function (row) { return row.low; }));
    var high = Math.max.apply(null, rows.map(function (row) { return row.high; }));
    var times = [];
    for (var power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      (high / low < 30 ? [1, 2, 5] : [1, 3]).forEach(function (digit) { times.push(digit * Math.pow(10, power)); });
    }
    low = Math.min(low, high / 4);
    return { sizes: sizes.filter(function (x, i) { return i % every === 0; }).map(function (v) { return { v: v, text: axisText(v) }; }),
      times: times.filter(function (v) { return v >= low * 0.9 && v <= high * 1.1; }).map(function (v) {
        return { v: v, text: v >= 1 ? figure("time", v).replace(/\.0+ /, " ") : v.toPrecision(1) + " ns" }; }),
      x: [sizes[0], sizes[sizes.length - 1]], y: [low * 0.9, high * 1.1] };
  }

  function growthSpec(series, width) {
    var colours = theme(), rows = growthRows(series, colours), ticks = growthTicks(rows);
    var left = 58, bottom = 128, height = 152;
    var at = function (field) { return { scale: field, field: field }; };
    return {
      $schema: "https://vega.github.io/schema/vega/v5.json",
      description: "Time per operation of " + series.workload + " against " + series.over + ", both logarithmic",
      width: width, height: height, padding: 0, autosize: "none",
      data: [{ name: "rows", values: rows }, { name: "sizes", values: ticks.sizes }, { name: "times", values: ticks.times }],
      scales: [{ name: "x", type: "log", domain: ticks.x, range: [left + 10, width - 12] },
        { name: "y", type: "log", domain: ticks.y, range: [bottom - 4, 10] }],
      marks: [
        { type: "rule", from: { data: "times" }, encode: { enter: { x: { value: left }, x2: { value: width },
          y: { scale: "y", field: "v" }, stroke: { value: colours.line } } } },
        { type: "text", from: { data: "times" }, encode: { enter: font(11, { x: { value: left - 6 },
          y: { scale: "y", field: "v" }, align: { value: "right" }, baseline: { value: "middle" },
          text: { field: "text" }, fill: { value: colours.soft } }) } },
        { type: "text", from: { data: "sizes" }, encode: { enter: font(11, { x: { scale: "x", field: "v" },
          y: { value: height - 6 }, align: { value: "center" }, text: { field: "text" }, fill: { value: colours.soft } }) } },
        { type: "group", from: { facet: { name: "curve", data: "rows", groupby: "name" } }, marks: [
          { type: "line", from: { data: "curve" }, interactive: false, encode: { enter: { x: at("x"), y: at("y"),
            stroke: { field: "colour" }, strokeWidth: { value: 2 } } } },
          { type: "rule", from: { data: "curve" }, interactive: false, encode: { enter: { x: at("x"),
            y: { scale: "y", field: "low" }, y2: { scale: "y", field: "high" }, stroke: { field: "colour" },
            opacity: { value: 0.6 } } } },
          { type: "symbol", from: { data: "curve" }, encode: { enter: { x: at("x"), y: at("y"), size: { value: 40 },
            fill: { field: "colour" }, tooltip: { field: "tip" } }, update: { size: { value: 40 } },
            hover: { size: { value: 110 } } } }] },
      ],
    };
  }

  function exponentText(curve) {
    return curve.exponent === null ? curve.word : (curve.exponent < 0 ? "−" : "+") +
      Math.abs(curve.exponent).toFixed(2) + " " + curve.word;
  }

  function growthBox(series) {
    var curve = series.allocators.filter(function (one) { return one.allocator === state.contender; })[0];
    var lines = series.allocators.map(function (one) {
      return one.allocator + " " + exponentText(one) + (one.low === null ? "" :
        " (" + one.low.toFixed(2) + " to " + one.high.toFixed(2) + ")");
    });
    return el("article", { "class": "plot" }, [
      el("header", {}, [el("h3", {}, [series.label]), el("span", { "class": "say" }, [curve ? exponentText(curve) : ""])]),
      el("p", { "class": "params", title: lines.join("; ") }, [series.over.replace(/^--/, "") + " · " + lines.join("; ")]),
      el("div", {})]);
  }

  function growthSection() {
    var all = summary.growth || [];
    var colours = theme();
    document.getElementById("growth").hidden = all.length === 0;
    if (all.length === 0) return [];
    fill("growth-note", ["Time per operation against size, both axes in powers. The exponent is the slope: 0 where an " +
      "operation costs the same at any size, 1 where it grows in proportion. A bar spans the least and the most of the rounds."]);
    fill("growth-head", [el("div", { "class": "legend" }, summary.allocators.map(function (allocator) {
      return el("span", {}, [el("i", { style: "background: " + growthColour(allocator.name, colours) }), allocator.name]);
    }))]);
    fill("growth-grid", []);
    return all.filter(function (series) {
      return series.allocators.some(function (curve) { return curve.points.length > 0; });
    }).map(function (series) {
      var box = growthBox(series);
      document.getElementById("growth-grid").append(box);
      return draw(box.lastElementChild, growthSpec(series, box.clientWidth - 24));
    });
  }

  /* Half the width of an interval of log ratios, either way. */
  function widthText(width) {
    return width === null || width === undefined ? "–" : "± " + (100 * Math.expm1(width / 2)).toFixed(2) + " %";
  }

  function duetSection() {
    var rows = summary.duets || [];
    document.getElementById("duets").hidden = rows.length === 0;
    fill("duets-note", ["The interval of as many blocks with both processes at the same time as one after the other. " +
      "A gain below 1 means that duets tell more."]);
    fill("duets-table", [el("table", {}, [
      el("thead", {}, [el("tr", {}, ["cell", "ordinary blocks", "as many duets", "gain", "95 % interval"].map(function (name) {
        return el("th", {}, [name]);
      }))]),
      el("tbody", {}, rows.map(function (row) {
        var told = typeof row.gain === "number";
        return el("tr", {}, [row.label, widthText(row.ordinary_width), widthText(row.duet_width),
          told ? row.gain.toFixed(2) : row.reason, told ? row.low.toFixed(2) + " to " + row.high.toFixed(2) : "–",
        ].map(function (value) { return el("td", {}, [value]); }));
      })),
    ])]);
  }

  function doubtSection() {
    var warnings = summary.warnings.map(function (warning) {
      return el("div", { "class": "doubt" + (warning.id === "failed" ? " failed-doubt" : "") }, [
        el("p", {}, [sentence(warning.text)]), el("p", {}, [sentence("Remedy: " + warning.remedy)])]);
    });
    fill("warnings", warnings.length > 0 ? warnings : [el("p", { "class": "note" }, ["None was found."])]);
  }

  /* Nested values keep their path: "memory.total". */
  function pairsOf(value, path) {
    if (value === null || typeof value !== "object") {
      return [[path, value === null || value === "" ? "unknown" : value === true ? "yes" : value === false ? "no" : String(value)]];
    }
    return Object.keys(value).reduce(function (list, key) {
      return list.concat(pairsOf(value[key], path ? path + "." + key : key));
    }, []);
  }

  function whereSection() {
    fill("environment", [el("dl", {}, pairsOf(summary.environment, "").map(function (pair) {
      return el("div", {}, [el("dt", {}, [pair[0].replace(/_/g, " ")]), el("dd", {}, [pair[1]])]);
    }))]);
    fill("allocators", summary.allocators.map(function (allocator) {
      return el("div", { "class": "allocator" }, [el("b", {}, [allocator.name]),
        el("span", {}, [[allocator.version, allocator.path, allocator.build_id && "build " + allocator.build_id]
          .filter(Boolean).join(" · ")])]);
    }));
  }

  /* The method's text: paragraphs with **bold** and `code`. */
  function methodSection() {
    var text = document.getElementById("method-text").textContent.trim();
    fill("method", keep(text).split(/\n\s*\n/).map(function (paragraph) {
      return el("p", {}, paragraph.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map(function (piece) {
        if (piece.startsWith("**")) return el("b", {}, [piece.slice(2, -2)]);
        return piece.startsWith("`") ? el("code", {}, [piece.slice(1, -1)]) : piece;
      }));
    }));
  }

  function tableSection() {
    var head = ["metric", "cell", "verdict", "ratio", "95 % interval", summary.baseline, "contender", "p",
      "p (Holm)", "effect", "noise", "blocks", "null share", summary.baseline + " × floor", "contender × floor"];
    var rows = METRICS.reduce(function (list, metric) { return list.concat(cellsOf(metric)); }, []);
    fill("table", [el("table", {}, [
      el("thead", {}, [el("tr", {}, head.map(function (name) { return el("th", {}, [name]); }))]),
      el("tbody", {}, rows.map(function (cell) {
        return el("tr", {}, [cell.metric, cell.label + " " + cell.params + " · " + threadsText(cell), cell.verdict,
          ratioText(cell), intervalText(cell), figure(cell.metric, cell.baseline_median),
          figure(cell.metric, cell.contender_median), pText(cell.p), pText(cell.p_holm),
          cell.effect === null ? "–" : cell.effect.toFixed(2),
          cell.noise === null ? "–" : (100 * cell.noise).toFixed(1) + " %", cell.blocks,
          shareText(cell), timesText(cell.baseline_x_floor), timesText(cell.contender_x_floor),
        ].map(function (value, i) { return el("td", i === 2 ? { "class": cell.verdict } : {}, [String(value)]); }));
      })),
    ])]);
  }

  function complain(error) {
    document.getElementById("page").prepend(el("p", { "class": "banner" },
      ["The report could not be drawn: " + (error && error.message || error) + ". report.md beside it holds the verdicts."]));
    console.error(error);
  }

  function render() {
    delete document.documentElement.dataset.drawn;
    views.forEach(function (view) { view.finalize(); });
    views = [];
    tip.hidden = true;
    headSection();
    duetSection();
    doubtSection();
    whereSection();
    methodSection();
    tableSection();
    callsSection();
    return Promise.all(ratioSection().concat(memorySection(), growthSection(), rawSection())).then(function (drawn) {
      document.documentElement.dataset.drawn = drawn.length;
    }).catch(complain);
  }

  try {
    render();
    var width = window.innerWidth, waiting = null;
    window.addEventListener("resize", function () {
      if (window.innerWidth === width) return; /* a phone's address bar changes the height alone */
      width = window.innerWidth;
      clearTimeout(waiting);
      waiting = setTimeout(render, 150);
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);
  } catch (error) {
    complain(error);
  }
})();
