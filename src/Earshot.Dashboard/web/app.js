import { chart } from './charts.js';

// What others chose (names of processes, paths) reaches the page only as text, never as HTML.
const make = (tag, props = {}, ...children) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'class') element.className = value;
    else if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
};
const byId = id => document.getElementById(id);
const known = value => value === null || value === undefined ? '?' : String(value);
const clock = ms => new Date(ms).toISOString().slice(11, 19);

let state = null;        // the moment shown
let live = true;
let moment = 0;          // milliseconds, when not live
let chosen = 0;
let past = null;         // of the listener whose page is open

const opened = () => location.hash.startsWith('#/listener/') ? location.hash.slice('#/listener/'.length) : null;
const worst = listener => {
  const of = state.findings.filter(finding => String(finding.cookie) === listener.cookie).map(finding => finding.severity);
  return of.includes('critical') ? 'critical' : of.includes('warning') ? 'warning' : 'fine';
};
const nameOf = listener => listener.port === null ? listener.address : `${listener.address}:${listener.port}`;
const holder = listener => listener.processes.length === 0 ? '?'
  : listener.processes.slice(0, 3).map(process => `${process.command} (${process.pid})`).join(', ')
    + (listener.processes.length > 3 ? ` +${listener.processes.length - 3}` : '');
const command = listener => listener.kind === 'unix' ? `ss -lxn src ${listener.address}` : `ss -lntm sport = ${listener.port}`;

function findingBox(finding) {
  const line = (name, ...value) => [make('dt', {}, name), make('dd', {}, ...value)];
  return make('article', { class: finding.severity },
    make('p', {},
      make('span', { class: 'severity' }, finding.severity), ' ',
      make('strong', {}, finding.listener ?? finding.queue), ` ${finding.process ?? ''} — ${finding.summary} `,
      make('code', { title: `earshot explain ${finding.rule}` }, finding.rule), ` ${finding.confidence} confidence`),
    make('dl', {},
      ...line('queue', finding.queue),
      ...line('clients', finding.effect),
      ...line('next', make('code', {}, finding.nextStep)),
      ...(finding.backlogHelps === false ? line('backlog', 'a bigger one would not help') : []),
      ...finding.evidence.flatMap(one => line(one.name, `${one.value}  `, make('code', {}, one.source)))));
}

function table() {
  const heads = [['Local address:port', 1], ['Recv-Q'], ['Send-Q'], ['fill', 1], ['Peak'], ['SYN-RECV'], ['Drops'], ['Drops/s'],
    ['Namespace', 1], ['Process', 1]];
  const row = (listener, i) => {
    const source = command(listener);
    const cell = (value, extra = '') => make('td', { title: source, class: extra }, known(value));
    const share = Math.min(1, (listener.queue ?? 0) / ((listener.limit ?? 0) + 1));
    const bar = make('span', {});
    bar.style.width = `${(share * 100).toFixed(0)}%`;
    const none = listener.kind === 'unix' ? '–' : null;
    return make('tr', { class: `${worst(listener)}${i === chosen ? ' chosen' : ''}`, 'data-name': nameOf(listener) },
      make('td', { class: 'text' }, make('a', { href: `#/listener/${listener.cookie}` }, nameOf(listener))),
      cell(listener.queue), cell(listener.limit),
      make('td', { class: 'text' }, make('span', { class: 'fill', role: 'img', 'aria-label': `${(share * 100).toFixed(0)} % full` }, bar)),
      cell(listener.peak), cell(none ?? listener.synRecv), cell(none ?? listener.drops),
      cell(none ?? (listener.dropsPerSecond === null ? null : listener.dropsPerSecond.toFixed(1))),
      cell(listener.namespace, 'text'), cell(holder(listener), 'text'));
  };
  return make('div', { class: 'wide' }, make('table', { id: 'listeners' },
    make('thead', {}, make('tr', {}, ...heads.map(([text, left]) => make('th', left ? { class: 'text', scope: 'col' } : { scope: 'col' }, text)))),
    make('tbody', {}, ...state.listeners.map(row))));
}

function first() {
  const shown = state.findings.filter(finding => finding.severity !== 'note');
  byId('main').replaceChildren(
    ...shown.map(findingBox),
    make('h2', {}, state.total > state.listeners.length
      ? `${state.listeners.length} of ${state.total} listeners, the most troubled first` : `${state.total} listeners, the most troubled first`),
    table());
}

function listenerPage(cookie) {
  const listener = state.listeners.find(one => one.cookie === cookie);
  const findings = state.findings.filter(finding => String(finding.cookie) === cookie);
  const main = byId('main');
  const charts = make('div', { class: 'charts' });
  const title = past ? `${past.name} in ${past.namespace}` : 'listener';
  main.replaceChildren(
    make('p', {}, make('a', { href: '#' }, '← all listeners')),
    make('h2', {}, title, listener ? ` — ${holder(listener)}` : ' — not there at this moment'),
    ...findings.map(findingBox), charts);
  if (!past) return;
  const at = live ? null : moment;
  chart(charts, 'accept queue against its limit', past.times, [
    { label: 'queue', values: past.queue, color: '--accent', fill: '--bar' },
    { label: 'peak', values: past.peak, color: '--warning' },
    { label: 'limit', values: past.limit, color: '--critical', dash: [5, 4] }], at);
  chart(charts, 'drops a second', past.times, [{ label: 'drops/s', values: past.dropsPerSecond, color: '--critical' }], at);
  chart(charts, 'half-open connections (SYN_RECV)', past.times, [{ label: 'SYN_RECV', values: past.synRecv, color: '--accent' }], at);
  chart(charts, 'accepted a second, all listeners of the namespace', past.times, [
    { label: 'accepts/s', values: past.acceptsPerSecond, color: '--fine' }], at);
  main.append(make('h2', {}, 'the commands that print these numbers'),
    make('dl', {}, ...past.commands.flatMap(one => [make('dt', {}, one.number), make('dd', {}, make('code', {}, one.command))])));
}

function show() {
  if (!state) return;
  const counts = severity => state.findings.filter(finding => finding.severity === severity).length;
  const critical = counts('critical'), warning = counts('warning');
  const verdict = byId('verdict');
  verdict.textContent = critical + warning === 0 ? 'healthy' : [critical && `${critical} critical`, warning && `${warning} warnings`].filter(Boolean).join(', ');
  verdict.className = critical ? 'is-critical' : warning ? 'is-warning' : 'is-fine';
  document.title = `${verdict.textContent} – Earshot`;
  byId('facts').textContent = `${state.total} listeners, looking costs ${(state.costOfACore * 100).toFixed(2)} % of a core`;
  byId('unknown').textContent = state.notKnown.length ? `Not known: ${state.notKnown.join('; ')}.` : '';
  const now = Date.parse(state.time), slider = byId('time');
  slider.min = Math.floor(Date.parse(state.since));
  if (live || now > Number(slider.max)) slider.max = Math.floor(now);
  if (live) slider.value = slider.max;
  byId('moment').textContent = `${clock(live ? now : moment)} UTC${live ? '' : ' (past)'}`;
  byId('live').setAttribute('aria-pressed', String(live));
  chosen = Math.max(0, Math.min(chosen, state.listeners.length - 1));
  const cookie = opened();
  if (cookie) listenerPage(cookie);
  else first();
}

async function refresh() {
  const cookie = opened();
  past = null;
  if (cookie) {
    const answer = await fetch(`api/listener/${encodeURIComponent(cookie)}`);
    past = answer.ok ? await answer.json() : null;
  }
  show();
}

async function travel(to) {
  live = false;
  moment = to;
  const answer = await fetch(`api/state?at=${to}`);
  if (answer.ok && !live) {
    state = await answer.json();
    await refresh();
  }
}

function step(seconds) {
  const slider = byId('time');
  slider.value = Math.min(Number(slider.max), Math.max(Number(slider.min), (live ? Number(slider.max) : moment) + seconds * 1000));
  travel(Number(slider.value));
}

function goLive() {
  live = true;
  refresh();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  show();
}

byId('time').addEventListener('input', event => travel(Number(event.target.value)));
byId('live').addEventListener('click', goLive);
byId('theme').addEventListener('click', theme);
addEventListener('hashchange', refresh);
addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const list = !opened() && state;
  switch (event.key) {
    case 'j': if (list) { chosen += 1; show(); } break;
    case 'k': if (list) { chosen -= 1; show(); } break;
    case 'Enter':
      if (list && document.activeElement === document.body && state.listeners[chosen]) location.hash = `#/listener/${state.listeners[chosen].cookie}`;
      break;
    case 'Escape': location.hash = ''; break;
    case 'ArrowLeft': if (event.target.id !== 'time') step(-1); break;
    case 'ArrowRight': if (event.target.id !== 'time') step(1); break;
    case 'l': goLive(); break;
    case 't': theme(); break;
  }
});

const events = new EventSource('events');
events.onmessage = event => {
  const news = JSON.parse(event.data);
  byId('time').max = Math.floor(Date.parse(news.time));
  if (live) {
    state = news;
    refresh();
  }
};
events.onerror = () => { byId('verdict').textContent = 'connection lost; trying again'; };
