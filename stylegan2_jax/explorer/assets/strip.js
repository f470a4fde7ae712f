// The strip of favourites.

import {el} from './controls.js';
import {ask, askJson} from './requests.js';

const at = (id) => document.getElementById(id);

// page: {view, restore(view), say(text, button), failed(error)}
export function favourites(facts, page) {
  function show(listed) {
    at('problem').textContent = listed.favourites_problem;
    at('problem').hidden = !listed.favourites_problem;
    at('export').hidden = !listed.favourites.length;
    at('empty').hidden = Boolean(listed.favourites.length || listed.favourites_problem);
    at('strip').replaceChildren(...[...listed.favourites].reverse().map(item));
  }

  function item(favourite) {
    const {number, view, step, saved} = favourite;
    const name = `favourite ${number}, seed ${view.seed ?? '?'}`;
    const other = step === facts.step ? '' : `, saved at step ${step ?? 'unknown'}`;
    const picture = el('img', {src: `/favourites/${number}.png?${encodeURIComponent(saved)}`, alt: ''});
    return el('li', {},
      el('button', {class: 'go', 'aria-label': `go to ${name}${other}`, title: `${name}${other}`,
        onclick: () => page.restore(view)}, picture, other ? el('i', {}, `step ${step}`) : ''),
      el('button', {class: 'remove', 'aria-label': `remove ${name}`, title: 'remove',
        onclick: () => remove(favourite)}, '×'));
  }

  async function save(view) {
    try {
      show(await askJson('/favourites', {view}));
      at('strip').scrollTo({left: 0});
      page.say('Saved.');
    } catch (error) {
      page.failed(error);
    }
  }

  async function remove({number, view}) {
    try {
      show(await (await ask(`/favourites/${number}`, null, 'DELETE')).json());
      page.say('Removed.', ['Undo', () => save(view)]);
    } catch (error) {
      page.failed(error);
    }
  }

  show(facts);
  return {save};
}
