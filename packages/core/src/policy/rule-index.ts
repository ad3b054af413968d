import type { KeyScope } from './pattern.ts';

/** Finds, among many rules, those that a key may be in the scope of. */
export interface RuleIndex {
  /**
   * Gives the numbers of the rules in rising order: all whose scope holds the key, and perhaps some
   * more, which find out for themselves.
   */
  find(key: string): readonly number[];
}

/**
 * Creates an index over the scopes of rules; one that is `undefined` is not found.
 *
 * The scopes are one tree, in which what they begin with alike is one branch. A key goes down all
 * branches at once, character by character, so the time grows with the key and with the branches
 * that are alive at a time, and not with the number of rules.
 */
export function createRuleIndex(scopes: readonly (KeyScope | undefined)[]): RuleIndex {
  const root = createNode('');
  for (const [rule, scope] of scopes.entries()) {
    if (scope !== undefined) insert(root, scope, rule);
  }
  return { find: (key) => [...search(root, key)].toSorted((a, b) => a - b) };
}

/** A place in the tree, reached by a text or by a parameter. Most have one of the lists, if any. */
interface Node {
  /** The text that leads here from the node above; empty where a parameter does. */
  label: string;
  /** Reached by a parameter that takes more than one segment. */
  readonly acrossSegments: boolean;
  /** By the first character of their labels, of which no two are the same. */
  texts: Map<number, Node> | undefined;
  /** Behind one or more characters of one segment. */
  segment: Node | undefined;
  /** Behind one or more characters of any. */
  any: Node | undefined;
  /** The rules for keys that end here. */
  whole: number[] | undefined;
  /** The rules for keys that lead through here, however they end. */
  open: number[] | undefined;
}

function createNode(label: string, acrossSegments = false): Node {
  return {
    label,
    acrossSegments,
    texts: undefined,
    segment: undefined,
    any: undefined,
    whole: undefined,
    open: undefined,
  };
}

function insert(root: Node, { steps, isOpen }: KeyScope, rule: number): void {
  let node = root;
  for (const step of steps) {
    if (step.kind === 'text') node = insertText(node, step.text);
    else if (step.acrossSegments) node = node.any ??= createNode('', true);
    else node = node.segment ??= createNode('');
  }
  if (isOpen) (node.open ??= []).push(rule);
  else (node.whole ??= []).push(rule);
}

function insertText(above: Node, text: string): Node {
  let node = above;
  let rest = text;
  while (rest !== '') {
    const child = node.texts?.get(rest.charCodeAt(0)) ?? addLeaf(node, rest);
    const shared = sharedLength(child.label, rest);
    node = shared < child.label.length ? split(node, child, shared) : child;
    rest = rest.slice(shared);
  }
  return node;
}

function addLeaf(above: Node, label: string): Node {
  const leaf = createNode(label);
  above.texts ??= new Map();
  above.texts.set(label.charCodeAt(0), leaf);
  return leaf;
}

/** Puts a node where two labels part. */
function split(above: Node, child: Node, at: number): Node {
  const middle = addLeaf(above, child.label.slice(0, at));
  child.label = child.label.slice(at);
  middle.texts = new Map([[child.label.charCodeAt(0), child]]);
  return middle;
}

function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

/** Where the search stands between two characters of the key. */
interface Front {
  /** Nodes that were reached here. */
  readonly reached: Node[];
  /** Labels that were gone into, and how far. */
  readonly inLabel: { readonly node: Node; readonly taken: number }[];
  /** Nodes behind parameters, which may take more characters; each once, or they would multiply. */
  readonly inParameter: Set<Node>;
}

const SLASH = 0x2f;

function search(root: Node, key: string): Set<number> {
  const found = new Set<number>();
  let at = 0;
  let node = root;
  while (isPlain(node)) {
    collect(node, at === key.length, found);
    const { segment } = node;
    if (segment === undefined) {
      const child = node.texts?.get(key.charCodeAt(at));
      if (child === undefined || !key.startsWith(child.label, at)) return found;
      at += child.label.length;
      node = child;
    } else {
      const slash = key.indexOf('/', at);
      const end = slash === -1 ? key.length : slash;
      if (end === at) return found;
      at = end;
      node = segment;
    }
  }
  return searchAll(node, key, at, found);
}

/** Tells whether one branch at most leads on, whatever the key: most trees are so nearly everywhere. */
function isPlain({ texts, segment, any }: Node): boolean {
  if (any !== undefined) return false;
  if (segment === undefined) return true;
  const behind = segment.texts;
  return texts === undefined && (behind === undefined || (behind.size === 1 && behind.has(SLASH)));
}

/** Goes on from a node along all branches. */
function searchAll(from: Node, key: string, start: number, found: Set<number>): Set<number> {
  let front: Front = { reached: [from], inLabel: [], inParameter: new Set() };
  for (let at = start; at < key.length; at += 1) {
    for (const node of front.reached) collect(node, false, found);
    front = advance(front, key.charCodeAt(at));
    if (front.reached.length + front.inLabel.length === 0) return found;
  }
  for (const node of front.reached) collect(node, true, found);
  return found;
}

function collect({ open, whole }: Node, isAtEnd: boolean, found: Set<number>): void {
  if (open !== undefined) for (const rule of open) found.add(rule);
  if (isAtEnd && whole !== undefined) for (const rule of whole) found.add(rule);
}

function advance({ reached, inLabel, inParameter }: Front, code: number): Front {
  const next: Front = { reached: [], inLabel: [], inParameter: new Set() };
  for (const { node, taken } of inLabel) {
    if (node.label.charCodeAt(taken) === code) goInto(node, taken + 1, next);
  }
  for (const { texts, segment, any } of reached) {
    const child = texts?.get(code);
    if (child !== undefined) goInto(child, 1, next);
    if (segment !== undefined && code !== SLASH) next.inParameter.add(segment);
    if (any !== undefined) next.inParameter.add(any);
  }
  for (const node of inParameter) {
    if (node.acrossSegments || code !== SLASH) next.inParameter.add(node);
  }
  next.reached.push(...next.inParameter);
  return next;
}

function goInto(node: Node, taken: number, next: Front): void {
  if (taken === node.label.length) next.reached.push(node);
  else next.inLabel.push({ node, taken });
}
