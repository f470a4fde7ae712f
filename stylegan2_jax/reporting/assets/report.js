// The page: header, images, curves, config, versions, log.

const data = JSON.parse(document.getElementById('data').textContent);
const section = id => document.getElementById(id);

function header() {
  const share = Math.min(1, data.kimg / data.totalKimg);
  const finished = data.kimg >= data.totalKimg;
  const updated = el('span', {class: 'soft'});
  const tell = () => {
    const time = new Date(data.written * 1000);
    const ago = Math.max(0, (Date.now() - time) / 1000);
    updated.textContent = `written ${time.toLocaleString()} (${duration(ago)} ago)`;
  };
  tell();
  setInterval(tell, 10000);
  const bar = el('div', {class: 'bar', role: 'progressbar', 'aria-label': 'progress',
    'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': (100 * share).toFixed(1)}, el('div'));
  bar.firstChild.style.width = `${100 * share}%`;
  section('header').append(
    el('div', {class: 'row'}, el('h1', {}, data.name), updated, refresh()), bar,
    el('dl', {class: 'tiles'}, ...tiles(share, finished)));
}

function tiles(share, finished) {
  const tile = (name, value, note, warn = false) => el('div', {class: warn ? 'warn' : null},
    el('dt', {}, name), el('dd', {}, value, ' ', el('small', {}, note)));
  const latest = title => data.charts.find(chart => chart.title.startsWith(title))?.lines ?? [];
  const last = line => line?.mean.findLast(v => v !== null);
  const percent = `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  const result = [
    tile('Progress', percent, finished ? 'finished' : `${data.step.toLocaleString('en-US')} steps`),
    tile('Images shown, kimg', kimg(data.kimg), `of ${kimg(data.totalKimg)}`),
    tile('Training time', duration(data.elapsed), 'while it ran'),
    tile('Time left', finished ? 'none' : duration(data.left), finished ? '' : 'at the speed of late'),
    tile('Speed of late', number(data.speed), 'images per second'),
  ];
  const wait = last(latest('Waiting')[0]);
  if (wait !== undefined) result.push(tile('Waiting for data', `${wait.toFixed(1)} %`, 'of the time, of late', wait > 5));
  latest('Memory').forEach(line => result.push(tile(`Memory, ${line.label}`, number(last(line)), 'GiB')));
  if (data.nonfinite) result.push(tile('Non-finite values', number(data.nonfinite), 'in gradients, in all', true));
  return result;
}

// A switch that loads the file anew every minute; kept in the address, so that it survives that.
function refresh() {
  const on = () => location.hash === '#refresh';
  let timer = null;
  const button = el('button', {type: 'button', title: 'loads this file anew every minute', onclick: () => {
    history.replaceState(null, '', on() ? '#' : '#refresh');
    set();
  }}, 'keep up to date');
  const set = () => {
    button.setAttribute('aria-pressed', on());
    clearTimeout(timer);
    if (on()) timer = setTimeout(() => location.reload(), 60000);
  };
  set();
  return button;
}

function images(changed) {
  section('images').append(el('div', {class: 'row'}, el('h2', {}, 'Images'),
    el('span', {class: 'soft'}, data.grids.length > 1 ? 'slider, arrow keys, or a click into a curve' : '')));
  if (!data.grids.length) {
    section('images').append(el('p', {class: 'card empty'}, 'No grid of images was written yet.'));
    return null;
  }
  const strip = new Strip(data.grids, data.reals, changed);
  section('images').append(strip.element);
  return strip;
}

function curves(select) {
  if (!data.charts.length) {
    section('curves').append(el('h2', {}, 'Curves'), el('p', {class: 'card empty'}, 'No step was done yet.'));
    return [];
  }
  const charts = data.charts.map(chart => new Chart(data, chart, select));
  const redraw = () => charts.forEach(chart => chart.draw());
  const choice = (name, title, options, set) => el('label', {}, name, el('select', {
    'aria-label': title, title,
    onchange: e => { set(e.target.value); redraw(); },
  }, ...options.map(([value, text]) => el('option', {value}, text))));
  const smooth = el('input', {type: 'range', min: 0, max: 0.98, step: 0.02, value: 0, 'aria-label': 'smoothing',
    oninput: e => { view.smooth = Number(e.target.value); redraw(); }});
  section('curves').append(el('div', {class: 'row'}, el('h2', {}, 'Curves'),
    el('label', {}, 'smoothing', smooth),
    choice('over', 'horizontal axis', [['kimg', 'images'], ['time', 'time']], v => { view.axis = v; }),
    choice('show', 'part of the run', [['1', 'all'], ['0.5', 'last half'], ['0.1', 'last tenth']], v => { view.part = Number(v); })));
  section('curves').append(el('div', {class: 'charts'}, ...charts.map(chart => chart.element)));
  return charts;
}

function config() {
  const groups = new Map();
  for (const [field, value, normal, changed] of data.config) {
    const dot = field.indexOf('.'), group = dot < 0 ? 'run' : field.slice(0, dot);
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(el('tr', {class: changed ? 'changed' : null}, el('th', {scope: 'row'}, field.slice(dot + 1)),
      changed ? el('td', {}, el('b', {}, value), ' ', el('small', {}, `default ${normal}`)) : el('td', {}, value)));
  }
  const button = el('button', {type: 'button', 'aria-pressed': false, onclick: () => {
    button.setAttribute('aria-pressed', section('config').classList.toggle('only-changed'));
  }}, 'only what differs from the defaults');
  const cards = [...groups].map(([group, rows]) => el('div', {
    class: rows.some(row => row.className) ? 'card has-changed' : 'card',
  }, el('table', {}, el('caption', {}, group), el('tbody', {}, ...rows))));
  section('config').append(el('div', {class: 'row'}, el('h2', {}, 'Config'), button), el('div', {class: 'groups'}, ...cards));
}

function about() {
  const facts = data.about.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value)));
  if (facts.length) {
    section('about').append(el('h2', {}, 'Versions and devices'), el('div', {class: 'card'}, el('dl', {}, ...facts)));
  }
}

function log() {
  if (!data.log.length) return;
  const text = el('pre', {tabindex: 0}, data.log.join('\n'));
  section('log').append(el('div', {class: 'row'}, el('h2', {}, 'Log'), el('span', {class: 'soft'}, 'its last lines')),
    el('div', {class: 'card'}, text));
  text.scrollTop = text.scrollHeight;
}

header();
const marks = () => charts.forEach(chart => chart.mark());
let charts = [];
const strip = images(grid => { view.shown = grid; marks(); });
charts = curves({
  hover: index => { view.hover = index; marks(); },
  grid: index => strip?.showAt(data.x[index]),
});
config();
about();
log();
charts.forEach(chart => chart.draw());
strip?.show(data.grids.length - 1);
