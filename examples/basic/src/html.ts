/** A piece of HTML that is safe to put into a page. Made by {@link html} only. */
export interface Html {
  readonly [markup]: string;
}

/** What may stand in a template: text is escaped, HTML is not, `undefined` is nothing. */
export type Part = Html | string | number | undefined | readonly Html[];

/**
 * Writes HTML. Whatever is put into the template is text and is escaped, so that no name of an
 * object becomes markup; it may stand between tags and inside quoted attributes.
 */
export function html(template: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const [first = '', ...rest] = template;
  const text = rest.reduce((page, piece, index) => page + write(parts[index]) + piece, first);
  return { [markup]: text };
}

/** The text of a page. */
export function toText(page: Html): string {
  return page[markup];
}

const markup: unique symbol = Symbol('markup');

function write(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string' || typeof part === 'number') return escape(String(part));
  return markup in part ? part[markup] : part.map(toText).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (mark) => ENTITIES[mark] ?? mark);
}
