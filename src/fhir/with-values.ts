/** What extensions say of a primitive value stands beside it: https://hl7.org/fhir/R4/json.html#primitive */

/** The holder with these values in place of its own; undefined removes one. Where a value changes, what extensions say of the old one goes with it. */
export const withValues = <Holder extends object>(
  holder: Holder,
  values: { readonly [Name in keyof Holder & string]?: Holder[Name] | undefined },
): Holder => {
  const names = Object.keys(values) as (keyof typeof values)[]
  const changed = names.filter(name => values[name] !== holder[name])
  const written = changed.filter(name => values[name] !== undefined).map(name => [name, values[name]])
  return { ...without(holder, ...changed), ...Object.fromEntries(written) }
}

/** Without these elements, and without what extensions say of them. */
export const without = <Holder extends object>(holder: Holder, ...names: readonly (keyof Holder & string)[]): Holder =>
  Object.fromEntries(
    Object.entries(holder).filter(([name]) => !names.some(one => name === one || name === `_${one}`)),
  ) as Holder
