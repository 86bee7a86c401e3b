/** What a link names, of a table of ours: `constructor` is in every object, and names nothing. */
export const namedIn = <Named>(table: Readonly<Record<string, Named>>, name: string | null): Named | undefined =>
  name !== null && Object.hasOwn(table, name) ? table[name] : undefined
