// The sequence of grids: a picture, a slider, a film of thumbnails, and keys.

const MILLISECONDS = 350; // a picture, while they play

class Strip {
  // `changed` is called with the grid that is shown.
  constructor(grids, reals, changed) {
    Object.assign(this, {grids, changed, index: -1, timer: null});
    this.image = el('img', {id: 'grid', alt: ''});
    this.caption = el('figcaption', {id: 'caption', 'aria-live': 'polite'});
    this.slider = el('input', {
      id: 'slider', type: 'range', min: 0, max: grids.length - 1, 'aria-label': 'grid',
      oninput: () => { this.stop(); this.show(Number(this.slider.value)); },
    });
    this.button = el('button', {id: 'play', type: 'button', onclick: () => this.toggle()});
    const step = (text, label, by) => el('button', {
      type: 'button', 'aria-label': label, onclick: () => { this.stop(); this.show(this.index + by); },
    }, text);
    this.thumbs = grids.map((grid, i) => el('button', {
      type: 'button', 'aria-label': `${kimg(grid.kimg)} kimg`, onclick: () => { this.stop(); this.show(i); },
    }, el('img', {src: grid.thumb, alt: '', loading: 'lazy'})));
    this.film = el('div', {class: 'film'}, ...this.thumbs);
    const pictures = el('div', {class: reals ? 'pictures pair' : 'pictures'},
      el('figure', {class: 'fakes'}, this.caption, this.image));
    if (reals) {
      pictures.append(el('figure', {class: 'reals'}, el('figcaption', {}, el('b', {}, 'real'), ' from the data set'),
        el('img', {id: 'reals', src: reals.picture, alt: 'grid of images of the data set'})));
    }
    this.element = el('div', {class: 'card'}, pictures);
    this.stop();
    if (grids.length > 1) {
      const controls = [this.button, step('‹', 'the grid before', -1), this.slider, step('›', 'the next grid', 1)];
      pictures.append(el('div', {class: 'controls'}, el('div', {class: 'transport'}, ...controls), this.film));
      document.addEventListener('keydown', e => this.key(e));
    }
  }

  show(index) {
    index = Math.min(Math.max(index, 0), this.grids.length - 1);
    if (index === this.index) return;
    this.thumbs[this.index]?.removeAttribute('aria-current');
    this.index = index;
    const grid = this.grids[index], where = `${kimg(grid.kimg)} kimg`;
    const time = grid.elapsed === null ? '' : `after ${duration(grid.elapsed)}`;
    this.image.src = grid.picture;
    this.image.alt = `grid of generated images at ${where}`;
    this.image.title = grid.name;
    this.caption.replaceChildren(el('b', {}, where), time ? ` ${time}` : '');
    this.slider.value = index;
    this.slider.setAttribute('aria-valuetext', `${where} ${time}`);
    const thumb = this.thumbs[index];
    thumb.setAttribute('aria-current', 'true');
    this.film.scrollLeft = thumb.offsetLeft - (this.film.clientWidth - thumb.offsetWidth) / 2;
    this.changed(grid);
  }

  // The grid nearest to so many thousand images.
  showAt(value) {
    const distances = this.grids.map(grid => Math.abs(grid.kimg - value));
    this.stop();
    this.show(distances.indexOf(Math.min(...distances)));
  }

  toggle() {
    if (this.timer !== null) return this.stop();
    if (this.index === this.grids.length - 1) this.show(0);
    this.timer = setInterval(() => {
      this.show(this.index + 1);
      if (this.index === this.grids.length - 1) this.stop();
    }, MILLISECONDS);
    this.label('❚❚', 'pause');
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.label('▶', 'play');
  }

  label(sign, name) {
    this.button.textContent = sign;
    this.button.setAttribute('aria-label', name);
  }

  // Arrow keys, wherever the focus is, unless it is on something that takes them itself.
  key(event) {
    const target = {
      ArrowLeft: this.index - 1, ArrowRight: this.index + 1, Home: 0, End: this.grids.length - 1,
    }[event.key];
    const taken = event.target.matches?.('input, select, pre');
    if (target === undefined || taken || event.altKey || event.ctrlKey || event.metaKey) return;
    // Home and End are the page's own elsewhere.
    if (!event.key.startsWith('Arrow') && !this.element.contains(document.activeElement)) return;
    this.stop();
    this.show(target);
    event.preventDefault();
  }
}
