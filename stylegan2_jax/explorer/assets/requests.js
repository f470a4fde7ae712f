// What the page asks of its server.

// A refusal of the server, in its words.
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// Sends JSON (nothing for GET and DELETE), and returns the response; throws Refused, or TypeError
// where no server answers.
export async function ask(path, data, method = data ? 'POST' : 'GET') {
  const options = {method, headers: {}};
  if (data) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(data);
  }
  const response = await fetch(path, options);
  if (response.ok) return response;
  let message = `${path}: ${response.status}`;
  try {
    message = (await response.json()).error;
  } catch {
    // an answer without a body that says why
  }
  throw new Refused(response.status, message);
}

export const askJson = async (...what) => (await ask(...what)).json();

// One picture of the page. While one is drawn, of all that are asked for only the newest waits.
export class Pictures {
  // shown(blob, milliseconds, view), failed(error), idle(): after the last one
  constructor(name, {shown, failed, idle = () => {}}) {
    this.stream = `${crypto.getRandomValues(new Uint32Array(2)).join('-')} ${name}`;
    Object.assign(this, {shown, failed, idle, next: null, busy: false});
  }

  ask(view) {
    this.next = structuredClone(view);
    if (!this.busy) this.work();
  }

  async work() {
    this.busy = true;
    while (this.next) {
      const view = this.next;
      this.next = null;
      try {
        const response = await ask('/picture', {stream: this.stream, view});
        const blob = await response.blob();
        await this.shown(blob, Number(response.headers.get('X-Milliseconds')), view);
      } catch (error) {
        if (!(error instanceof Refused && error.status === 409)) this.failed(error, view);
      }
    }
    this.busy = false;
    this.idle();
  }
}
