/** The entry of our table that a link names. `constructor`, which is in every object, names nothing. */
export const namedIn = <Named>(table: Readonly<Record<string, Named>>, name: string | null): Named | undefined =>
  name !== null && Object.hasOwn(table, name) ? table[name] : undefined
