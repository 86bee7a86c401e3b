/** The names, with a number behind those that several have, in the order of their keys: whoever is listed in two places has the same one in both. */
export const toldApart = (all: readonly { readonly name: string; readonly key: string }[]): readonly string[] =>
  all.map(({ name, key }) => {
    const keys = [...new Set(all.filter(one => one.name === name).map(one => one.key))].toSorted()
    return keys.length === 1 ? name : `${name} (${keys.indexOf(key) + 1})`
  })
