import { STATUS_CODES } from 'node:http';

import { type Explanation, type StorageKey, urlForKey } from '@sluice/core';

import type { Catalog, CatalogEntry } from './catalog.ts';
import { html, type Html, toText } from './html.ts';
import { people, type Person } from './people.ts';

/** Writes the page: who is signed in, and every object with what the policy says of it. */
export function renderPage(user: Person | undefined, catalog: Catalog): string {
  const { entries, more } = catalog;
  const allowed = entries.filter(({ explanation }) => explanation.effect === 'allow').length;
  // Each player asks for the start of its object; many of them would ask for much.
  const preload = entries.length > 30 ? 'none' : 'metadata';
  return toText(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>Who may download what · Sluice</title>
          <link rel="icon" href="/icon.svg" />
          <link rel="stylesheet" href="/style.css" />
          <script type="module" src="/client.js"></script>
        </head>
        <body>
          <header class="top">
            <p class="brand"><img src="/icon.svg" alt="" width="28" height="28" /> Sluice</p>
            <h1>Who may download what</h1>
            <p class="lead">
              One policy decides about every object below. Become somebody else and see what
              changes.
            </p>
          </header>
          <main>
            ${renderPeople(user)}
            <section aria-labelledby="objects">
              <h2 id="objects">
                Objects <span class="count">${allowed} of ${entries.length} allowed</span>
              </h2>
              <ul class="objects">
                ${entries.map((entry) => renderEntry(entry, preload))}
              </ul>
              ${more ? html`<p class="note">The folder holds more; only a part is listed.</p>` : undefined}
              ${entries.length === 0 ? html`<p class="note">The folder is empty.</p>` : undefined}
            </section>
          </main>
          <footer>
            <p>
              A denied object answers as if it were missing, unless its rule chooses another status.
            </p>
            <p>
              It is listed here to show the policy at work. A page for users would leave it out.
            </p>
          </footer>
        </body>
      </html> `,
  );
}

/** Bytes from which on a download can be paused in the page; a smaller one is over too soon. */
const LEAST_PAUSABLE = 8_000_000;

/** The page keeps what it fetches in memory until it is saved. */
const MOST_PAUSABLE = 512_000_000;

function renderPeople(user: Person | undefined): Html {
  return html`<section class="people" aria-labelledby="you">
    <h2 id="you">You are</h2>
    <div class="switch">
      <form method="post" action="/sign-out">
        <button ${current(user === undefined)}>Nobody</button>
      </form>
      <form method="post" action="/sign-in">
        ${people.map(
          (person) =>
            html`<button name="person" value="${person.id}" ${current(person === user)}>
              ${person.name}
            </button>`,
        )}
      </form>
    </div>
    <p class="about" id="about">${describe(user)}</p>
  </section>`;
}

function current(yes: boolean): Html {
  return yes ? html`aria-current="true"` : html``;
}

function describe(user: Person | undefined): Html {
  if (user === undefined) return html`Not signed in.`;
  const { name, team, manager } = user;
  return html`Signed in as <strong>${name}</strong>, ${team} team${manager ? ', manager' : ''}.`;
}

function renderEntry({ key, size, explanation }: CatalogEntry, preload: string): Html {
  const allowed = explanation.effect === 'allow';
  const slash = key.lastIndexOf('/') + 1;
  return html`<li class="object ${explanation.effect}" data-key="${key}">
    <p class="mark">${allowed ? 'Allowed' : 'Denied'}</p>
    <div class="facts">
      <h3><span class="folder">${key.slice(0, slash)}</span>${key.slice(slash)}</h3>
      <div class="why"><span class="size">${bytes(size)}</span> ${renderWhy(explanation)}</div>
    </div>
    <p class="actions">${allowed ? renderLinks(key) : renderAttempt(key)}</p>
    ${allowed ? renderMedia(key, preload) : undefined}
    ${allowed ? renderTransfer(key, size) : undefined}
  </li>`;
}

function renderWhy({ effect, rule, reason, status, passedOver }: Explanation): Html {
  const how = effect === 'allow' ? 'Allowed by' : 'Denied by';
  const answer =
    status === undefined ? undefined : html` <b>→ ${status} ${STATUS_CODES[status]}</b>`;
  const before =
    passedOver.length === 0
      ? undefined
      : html`<details>
          <summary>
            ${passedOver.length} ${passedOver.length === 1 ? 'rule' : 'rules'} asked before
          </summary>
          <ol>
            ${passedOver.map((other) => html`<li><code>${other.rule}</code>: ${other.effect}</li>`)}
          </ol>
        </details>`;
  return html`${how}
    <code>${rule}</code>${reason === undefined ? undefined : html`: ${reason}`}${answer}${before}`;
}

function renderLinks(key: StorageKey): Html {
  return html`<a href="${fileUrl(key)}">Open</a> <a href="${saveUrl(key)}">Save</a>`;
}

function renderAttempt(key: StorageKey): Html {
  return html`<a href="${fileUrl(key)}">Try anyway</a>`;
}

/** A player asks for ranges by itself: at the start for the length, and again when one seeks. */
function renderMedia(key: StorageKey, preload: string): Html | undefined {
  const url = fileUrl(key);
  switch (mediaOf(key)) {
    case 'image':
      return html`<img class="media" src="${url}" alt="${key}" loading="lazy" />`;
    case 'audio':
      return html`<audio class="media" controls preload="${preload}" src="${url}"></audio>`;
    case 'video':
      return html`<video class="media" controls preload="${preload}" src="${url}"></video>`;
    case undefined:
      return undefined;
  }
}

/** Hidden until the script has taken charge of it; without one, the links do the same job. */
function renderTransfer(key: StorageKey, size: number): Html | undefined {
  if (size < LEAST_PAUSABLE || size > MOST_PAUSABLE) return undefined;
  return html`<div
    class="transfer"
    hidden
    data-url="${fileUrl(key)}"
    data-checksum-url="/checksum?key=${encodeURIComponent(key)}"
  >
    <button type="button">Download here</button>
    <progress max="1" value="0" aria-label="Download of ${key}"></progress>
    <p role="status"></p>
  </div>`;
}

function fileUrl(key: StorageKey): string {
  return `/files/${urlForKey(key)}`;
}

function saveUrl(key: StorageKey): string {
  return `/save?key=${encodeURIComponent(key)}`;
}

const MEDIA: readonly (readonly ['image' | 'audio' | 'video', RegExp])[] = [
  ['image', /\.(?:png|jpe?g|gif|webp|avif)$/i],
  ['audio', /\.(?:wav|mp3|ogg|opus|flac|m4a)$/i],
  ['video', /\.(?:mp4|webm|m4v)$/i],
];

function mediaOf(key: StorageKey): 'image' | 'audio' | 'video' | undefined {
  return MEDIA.find(([, names]) => names.test(key))?.[0];
}

function bytes(size: number): string {
  const unit = UNITS.find(({ least }) => size >= least);
  if (unit === undefined) return size === 1 ? '1 byte' : `${size} bytes`;
  return `${Number((size / unit.least).toPrecision(3))} ${unit.name}`;
}

const UNITS = [
  { least: 1e9, name: 'GB' },
  { least: 1e6, name: 'MB' },
  { least: 1e3, name: 'kB' },
] as const;
