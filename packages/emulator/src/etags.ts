/** The elements of a list of entity tags, as they stand. A comma within quotes divides, too. */
export function elements(field: string): readonly string[] {
  return field.split(',').map((element) => element.trim());
}

/** Takes the mark of a weak tag away. */
export function opaque(tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag;
}
