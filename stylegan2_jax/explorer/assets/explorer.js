// The page: one view, controls that change it, and pictures that follow.

import {el} from './controls.js';
import {directions} from './directions.js';
import {latent, mixing, noise, randomSeed} from './panels.js';
import {askJson, Pictures, Refused} from './requests.js';
import {favourites} from './strip.js';

const at = (id) => document.getElementById(id);
const facts = await askJson('/state');
let view = {...facts.view, ...known(fromAddress())};
let panels = [];

const page = {
  view: () => view,
  change(fields) {
    view = {...view, ...fields};
    refresh();
  },
  restore: (fields) => page.change({...facts.view, ...known(fields)}),
  say, failed,
};

function refresh() {
  for (const show of panels) show(view);
  main.ask(view);
  remember();
}

// Pictures

const main = new Pictures('main', {
  failed(error) {
    failed(error);
    const atFirst = at('picture').hidden && error instanceof Refused;
    if (atFirst && JSON.stringify(view) !== JSON.stringify(facts.view)) page.change(facts.view);
  },
  async shown(blob, milliseconds, drawn) {
    await put(at('picture'), blob);
    at('wait').hidden = true;
    at('picture').hidden = false;
    fit();
    const mixed = drawn.mix_layers.length ? ` + ${drawn.mix_seed}` : '';
    say(`Seed ${drawn.seed}${mixed} · drawn in ${Math.round(milliseconds)} ms`);
  },
  idle: refreshOthers,
});
const others = ['source', 'partner'].map((id) => new Pictures(id, {
  failed, shown: (blob) => put(at(id), blob),
}));
let othersKeys = [];

// The two that are mixed, once the main picture has settled, and only if they change.
function refreshOthers() {
  const plain = {...view, mix_layers: [], moves: []};
  const views = [plain, {...plain, seed: view.mix_seed, label: view.mix_label}];
  views.forEach((other, i) => {
    const key = JSON.stringify({...other, mix_seed: 0, mix_label: ''});
    if (key !== othersKeys[i]) others[i].ask({...other, mix_label: facts.view.mix_label});
    othersKeys[i] = key;
  });
  if (at('code').open) showCode();
}

async function put(image, blob) {
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  await image.decode();
  if (before) URL.revokeObjectURL(before);
  image.dataset.drawn = Number(image.dataset.drawn ?? 0) + 1;
}

// As large as there is room for; magnified by whole factors, so that each pixel is as large as any.
function fit() {
  const {clientWidth} = at('frame');
  const narrow = matchMedia('(max-width: 820px)').matches;
  const room = narrow ? innerHeight * 0.36 : Math.max(256, innerHeight - 340);
  const dots = devicePixelRatio || 1;
  let scale = Math.min(clientWidth / facts.width, room / facts.height);
  const magnified = scale * dots >= 1;
  if (magnified) scale = Math.floor(scale * dots) / dots;
  at('picture').style.width = `${facts.width * scale}px`;
  at('picture').classList.toggle('pixels', magnified);
}

// What the page says

function say(text, button) {
  at('status').replaceChildren(text, ...(button ? [' ', el('button', {class: 'plain', onclick: button[1]}, button[0])] : []));
  at('status').classList.remove('warn');
}

function failed(error) {
  if (!(error instanceof Refused)) return void serverIsGone(error);
  say(error.message);
  at('status').classList.add('warn');
}

let waiting = false;

async function serverIsGone() {
  if (waiting) return;
  waiting = true;
  at('gone').textContent = 'The explorer has ended. Start it again with '
    + `python launch.py explore --workdir=${facts.model}; this page will go on.`;
  at('gone').hidden = false;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    try {
      const {session} = await askJson('/state');
      if (session !== facts.session) return void location.reload();
      break;
    } catch {
      // still gone
    }
  }
  at('gone').hidden = true;
  waiting = false;
  refresh();
}

// The view in the address, so that a reload keeps it

function fromAddress() {
  try {
    return JSON.parse(decodeURIComponent(location.hash.slice(1)) || '{}');
  } catch {
    return {};
  }
}

// The fields that a view has, of those that an address or a file of favourites names.
function known(fields) {
  const fits = ([name, value]) => {
    const usual = facts.view[name];
    if (Array.isArray(usual)) return Array.isArray(value) && !value.includes(null);
    return usual === null ? value === null || typeof value === 'number' : typeof value === typeof usual;
  };
  return Object.fromEntries(Object.entries(fields ?? {}).filter(fits));
}

let remembering = null;

function remember() {
  clearTimeout(remembering);
  remembering = setTimeout(() => {
    const changed = Object.entries(view).filter(([name, value]) =>
      JSON.stringify(value) !== JSON.stringify(facts.view[name]));
    const text = changed.length ? encodeURIComponent(JSON.stringify(Object.fromEntries(changed))) : '';
    history.replaceState(null, '', text ? `#${text}` : location.pathname);
  }, 300);
}

// Code

async function showCode() {
  try {
    at('snippet').textContent = (await askJson('/snippet', {view})).snippet;
  } catch (error) {
    failed(error);
  }
}

async function copy() {
  const text = at('snippet').textContent;
  try {
    await navigator.clipboard.writeText(text);
    at('copy').textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(at('snippet'));
    at('copy').textContent = 'Selected: copy it with the keyboard';
  }
  setTimeout(() => { at('copy').textContent = 'Copy'; }, 1500);
}

// Actions

function download() {
  const link = el('a', {href: at('picture').src, download: `seed${view.seed}.png`});
  link.click();
}

const strip = favourites(facts, page);
const step = (by) => page.change({seed: Math.min(2 ** 32 - 1, Math.max(0, view.seed + by))});
const actions = {
  random: () => page.change({seed: randomSeed()}),
  save: () => strip.save(view),
  reset: () => page.change(facts.view),
};
const keys = {
  r: actions.random,
  s: actions.save,
  0: actions.reset,
  m: () => page.change({mix_seed: randomSeed()}),
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
};

function start() {
  at('name').textContent = facts.name;
  document.title = `${facts.name} - explorer`;
  const kind = facts.classes.length ? `${facts.classes.length} classes`
    : facts.c_dim ? `label vectors of ${facts.c_dim}` : 'unconditional';
  at('facts').textContent = [
    `${facts.width}×${facts.height}`, kind, `${facts.layers.length} layers`,
    facts.step === null ? '' : `step ${facts.step}`,
  ].filter(Boolean).join(' · ');
  at('notice').textContent = facts.notice;
  at('notice').hidden = !facts.notice;
  at('frame').classList.toggle('alpha', facts.channels % 2 === 0);
  const found = directions(facts, page);
  panels = [latent, mixing, noise].map((make) => make(facts, page)).concat(found.show);
  for (const [name, action] of Object.entries({...actions, download, copy})) {
    at(name).addEventListener('click', action);
  }
  at('code').addEventListener('toggle', () => at('code').open && showCode());
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input, select, textarea, pre');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  addEventListener('resize', fit);
  document.querySelector('main').hidden = false;
  fit();
  refresh();
  found.start();
}

start();
