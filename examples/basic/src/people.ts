/** A person who may sign in. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly team: 'studio' | 'sales';
  /** May see contracts. */
  readonly manager: boolean;
}

/** The people of the demo. A real site has them in a database, with passwords. */
export const people: readonly Person[] = [
  { id: 'ada', name: 'Ada', team: 'studio', manager: false },
  { id: 'ben', name: 'Ben', team: 'sales', manager: false },
  { id: 'cleo', name: 'Cleo', team: 'studio', manager: true },
];

/** Finds a person by id; whatever is no id of one is `undefined`. */
export function findPerson(id: unknown): Person | undefined {
  return people.find((person) => person.id === id);
}
