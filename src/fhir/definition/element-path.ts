import type { ElementPath, PathStep } from './search-parameter.ts'

/**
 * The elements that a path reaches in a resource, in document order, without nulls. For a path with a `test` that is `[true]` if the test holds,
 * and nothing otherwise.
 */
export const elementsAt = (path: ElementPath, resource: unknown): unknown[] => {
  let reached: unknown[] = [resource]
  for (const step of path.steps) {
    reached = stepInto(step, reached)
    if (reached.length === 0) return reached
  }
  return path.test === undefined ? reached : reached.some(value => value !== false) ? [true] : []
}

/** The elements that any of a parameter's paths reaches. A parameter that is made of tests always has exactly one value. */
export const valuesAt = (paths: readonly ElementPath[], resource: unknown): unknown[] => {
  const values = paths.flatMap(path => elementsAt(path, resource))
  if (!paths.some(path => path.test !== undefined)) return values
  return [values.length > 0]
}

const stepInto = (step: PathStep, parents: readonly unknown[]): unknown[] => {
  const reached: unknown[] = []
  for (const parent of parents) {
    if (typeof parent !== 'object' || parent === null) continue
    const child = (parent as Readonly<Record<string, unknown>>)[step.name]
    if (child !== undefined && child !== null) collect(step, child, reached)
  }
  return reached
}

const collect = (step: PathStep, child: unknown, reached: unknown[]): void => {
  if (!Array.isArray(child)) {
    if (isWanted(step, child, 0)) reached.push(child)
    return
  }
  for (let index = 0; index < child.length; index += 1) {
    if (child[index] !== null && isWanted(step, child[index], index)) reached.push(child[index])
  }
}

const isWanted = ({ index, where }: PathStep, value: unknown, at: number): boolean => {
  if (index !== undefined && index !== at) return false
  return where === undefined || (value as Readonly<Record<string, unknown>>)[where.name] === where.equals
}
