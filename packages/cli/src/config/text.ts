/** Joins lines; a nested list stands one step further in, and `undefined` stands for no line. */
export type Block = readonly (string | Block | undefined)[];

/** Writes a block as text that ends with a line break. */
export function render(block: Block, step: string): string {
  return `${linesOf(block, step).join('\n')}\n`;
}

function linesOf(block: Block, step: string): readonly string[] {
  return block.flatMap((part) => {
    if (part === undefined) return [];
    if (typeof part === 'string') return [part];
    return linesOf(part, step).map((line) => (line === '' ? line : `${step}${line}`));
  });
}
