// The curves. All share the horizontal axis, the cross under the pointer and the shown grid's mark.

const LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 22, HEIGHT = 180;
const view = {axis: 'kimg', part: 1, smooth: 0, hover: null, shown: null};

// Means that follow the values slowly; weight 0 leaves them as they are. Gaps stay gaps.
function smoothed(values, weight) {
  let sum = 0, total = 0;
  return values.map(value => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}

function quantile(values, q) {
  const sorted = values.filter(v => v !== null).sort((a, b) => a - b);
  return sorted.length ? sorted[Math.round(q * (sorted.length - 1))] : null;
}

class Chart {
  constructor(data, chart, select) {
    Object.assign(this, {data, chart, select, log: chart.log});
    const values = chart.lines.flatMap(line => line.mean).filter(v => v !== null);
    this.positive = values.every(v => v >= 0) && values.some(v => v > 0);
    this.log = this.log && this.positive;
    this.svg = svg('svg', {
      role: 'img', tabindex: 0, 'aria-label': `${chart.title}: curve over the run`,
      onpointermove: e => this.point(e), onpointerdown: e => this.point(e),
      onpointerleave: () => this.select.hover(null), onclick: e => this.select.grid(this.at(e)),
      onkeydown: e => this.key(e), onblur: () => this.select.hover(null),
    });
    this.legend = el('div', {class: 'legend'});
    this.button = el('button', {type: 'button', 'aria-pressed': this.log, onclick: () => {
      this.log = !this.log;
      this.button.setAttribute('aria-pressed', this.log);
      this.draw();
    }}, 'log');
    const head = el('div', {class: 'row'}, el('h3', {}, chart.title));
    if (this.positive) head.append(this.button);
    this.element = el('figure', {class: 'card chart'}, head, el('p', {}, chart.note), this.legend, this.svg);
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  // Horizontal axis: values, what is shown of them, and their place.
  layout() {
    const seconds = view.axis === 'time';
    const unit = !seconds ? 1 : this.data.times.at(-1) > 2 * 86400 ? 86400 : 3600;
    this.unit = !seconds ? 'kimg' : unit === 86400 ? 'days' : 'hours';
    this.xs = (seconds ? this.data.times : this.data.x).map(v => v / unit);
    this.last = this.xs.at(-1);
    this.first = view.part === 1 ? 0 : this.last * (1 - view.part);
    this.begin = this.xs.findIndex(x => x >= this.first);
    this.width = Math.max(this.svg.clientWidth, 120);
    const scale = (this.width - LEFT - RIGHT) / (this.last - this.first || 1);
    this.px = x => LEFT + (x - this.first) * scale;
  }

  // Vertical axis: over all means, and over the extremes but for the outermost.
  scale() {
    this.lines = this.chart.lines.map(line => ({
      ...line, mean: smoothed(line.mean, this.chart.points ? 0 : view.smooth).slice(this.begin),
      low: line.low.slice(this.begin), high: line.high.slice(this.begin),
    }));
    const means = this.lines.flatMap(line => line.mean).filter(v => v !== null && (!this.log || v > 0));
    const lows = this.lines.map(line => quantile(line.low, 0.03)).filter(v => v !== null && (!this.log || v > 0));
    const highs = this.lines.map(line => quantile(line.high, 0.97)).filter(v => v !== null);
    let low = Math.min(...means, ...lows), high = Math.max(...means, ...highs);
    if (!Number.isFinite(low)) [low, high] = this.log ? [0.1, 1] : [0, 1];
    if (this.log) {
      if (high / low < 1.2) [low, high] = [low / 1.5, high * 1.5];
      low = Math.max(low, high * 1e-9);
    } else {
      if (low > 0 && (this.chart.zero || low < 0.6 * high)) low = 0;
      if (high === low) [low, high] = high === 0 ? [0, 1] : [Math.min(0, 2 * low), Math.max(0, 2 * high)];
      const room = (high - low) * 0.05;
      if (low !== 0) low -= room;
      high += room;
    }
    const f = this.log ? Math.log : v => v;
    const size = (HEIGHT - TOP - BOTTOM) / (f(high) - f(low));
    // What lies outside goes to the lower edge, or out of sight above the upper one.
    this.py = v => Math.max(-20, HEIGHT - BOTTOM - (f(Math.max(v, low)) - f(low)) * size);
    this.ticks = (this.log ? logTicks : ticks)(low, high, 5);
  }

  draw() {
    this.layout();
    this.scale();
    const nodes = [];
    for (const y of this.ticks) {
      const at = this.py(y);
      nodes.push(svg('line', {class: 'gridline', x1: LEFT, x2: this.width - RIGHT, y1: at, y2: at}));
      nodes.push(svg('text', {x: LEFT - 6, y: at + 4, 'text-anchor': 'end'}, number(y)));
    }
    for (const x of ticks(this.first, this.last || 1, Math.max(2, Math.floor(this.width / 90)))) {
      const at = this.px(x);
      if (at < this.width - 44) {
        nodes.push(svg('text', {x: at, y: HEIGHT - 6, 'text-anchor': 'middle'}, number(x)));
      }
    }
    nodes.push(svg('text', {x: this.width - RIGHT, y: HEIGHT - 6, 'text-anchor': 'end'}, this.unit));
    this.lines.forEach((line, i) => nodes.push(...this.curve(line, i ? 'second ' : '')));
    this.shown = svg('line', {class: 'shown', y1: TOP, y2: HEIGHT - BOTTOM});
    this.cross = svg('line', {class: 'cross', y1: TOP, y2: HEIGHT - BOTTOM});
    this.dots = this.lines.map((_, i) => svg('circle', {class: i ? 'second dot' : 'dot', r: 4}));
    this.svg.setAttribute('viewBox', `0 0 ${this.width} ${HEIGHT}`);
    this.svg.replaceChildren(...nodes, this.shown, this.cross, ...this.dots);
    this.mark();
  }

  // A line through the means, and a band from the lowest to the highest value.
  curve(line, extra) {
    const points = [];
    line.mean.forEach((mean, i) => {
      if (mean === null || (this.log && !(mean > 0))) return;
      points.push([this.px(this.xs[this.begin + i]), mean, line.low[i], line.high[i]]);
    });
    const single = points.length === 1 || this.chart.points ? points : [];
    const dots = single.map(([x, mean]) => svg('circle', {class: `${extra}dot`, cx: x, cy: this.py(mean), r: 3}));
    if (points.length < 2) return dots;
    const path = list => list.map(([x, y]) => `${x.toFixed(1)} ${this.py(y).toFixed(1)}`).join('L');
    const top = path(points.map(p => [p[0], p[3]]));
    const bottom = path(points.map(p => [p[0], p[2]]).reverse());
    const middle = path(points.map(p => [p[0], p[1]]));
    return [
      svg('path', {class: `${extra}band`, d: `M${top}L${bottom}Z`}),
      svg('path', {class: `${extra}line`, d: `M${middle}`}),
      ...dots,
    ];
  }

  // The cross, the shown grid and the numbers above the curve, for what the pointer is at.
  mark() {
    const index = view.hover ?? this.xs.length - 1;
    const visible = view.hover !== null && index >= this.begin;
    const x = this.px(this.xs[index]);
    place(this.cross, visible, {x1: x, x2: x});
    const shown = view.shown === null ? -1 : this.px(this.place(view.shown));
    place(this.shown, shown >= LEFT - 1, {x1: shown, x2: shown});
    const texts = this.lines.map((line, i) => {
      const k = index - this.begin, value = line.mean[k];
      const seen = visible && value !== null && value !== undefined && (!this.log || value > 0);
      place(this.dots[i], seen, seen ? {cx: x, cy: this.py(value)} : {});
      const range = line.low[k] < line.high[k] ? ` ${number(line.low[k])} … ${number(line.high[k])}` : '';
      const label = line.label ? `${line.label} ` : '';
      return el('span', {}, el('i'), label, el('b', {}, number(this.value(line, k))), range);
    });
    const at = view.hover === null ? 'latest' : `${number(this.data.x[index])} kimg`;
    this.legend.replaceChildren(...texts, el('span', {class: 'where'}, at));
  }

  // A line's value; where it has none, as R1 between its steps, that before.
  value(line, k) {
    while (k > 0 && line.mean[k] === null) k--;
    return line.mean[k];
  }

  // Place on the axis of a grid.
  place(grid) {
    if (view.axis === 'kimg') return grid.kimg;
    return grid.elapsed === null ? -1 : grid.elapsed / (this.unit === 'days' ? 86400 : 3600);
  }

  // The number of the stretch that is nearest to the pointer.
  at(event) {
    const x = event.clientX - this.svg.getBoundingClientRect().left;
    let best = this.begin;
    for (let i = this.begin; i < this.xs.length; i++) {
      if (Math.abs(this.px(this.xs[i]) - x) < Math.abs(this.px(this.xs[best]) - x)) best = i;
    }
    return best;
  }

  point(event) {
    this.select.hover(this.at(event));
  }

  key(event) {
    const move = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (!move) return;
    const index = (view.hover ?? this.xs.length - 1) + move;
    this.select.hover(Math.min(Math.max(index, this.begin), this.xs.length - 1));
    event.preventDefault();
    event.stopPropagation();
  }
}

function place(node, visible, attributes) {
  node.setAttribute('visibility', visible ? 'visible' : 'hidden');
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}
