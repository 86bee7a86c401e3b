/** Whether a resource is valid R4. https://hl7.org/fhir/R4/validation.html */

import { isResourceType } from '../definition/resource-type.ts'
import { FhirError, type Issue } from '../error.ts'
import { compileChecks, type Definitions } from './compile.ts'
import { checkContained } from './contained.ts'
import { type Check, EnoughIssues, isJson, type Json, kindOf, mostIssues, report, type Walk } from './walk.ts'

/**
 * Everything that is wrong with a resource, or the first hundred issues. It is valid if there are no issues but warnings (`isError`). The
 * profiles that it claims to obey are not checked.
 */
export const validate = (definitions: Definitions, resource: unknown): Issue[] => {
  const walk: Walk = { issues: [], path: [], root: noResource, resource: noResource, fragments: [], isTooDeep: false }
  try {
    checksOf(definitions)(resource, walk)
  } catch (error) {
    if (!(error instanceof EnoughIssues)) throw error
    walk.issues.push({ code: 'incomplete', message: andMore, severity: 'warning' })
  }
  return walk.issues
}

const andMore = `More is wrong with it: these are the first ${mostIssues} issues`

export const isError = ({ severity = 'error' }: Issue): boolean => severity === 'error'

/** Answers the resource itself. Throws FhirError with all that is wrong with it. */
export const requireValid = <R>(definitions: Definitions, resource: R): R => {
  const [first, ...others] = validate(definitions, resource).filter(isError)
  if (first !== undefined) throw FhirError.of([first, ...others])
  return resource
}

const noResource: Json = {}

/** The checks are compiled once for each registry. */
const checksOf = (definitions: Definitions): Check => {
  const known = checksByRegistry.get(definitions)
  if (known !== undefined) return known
  const check: Check = (value, walk) => resourceCheck(value, walk, typeCheck)
  const typeCheck = compileChecks(definitions, check)
  checksByRegistry.set(definitions, check)
  return check
}
const checksByRegistry = new WeakMap<Definitions, Check>()

const resourceCheck = (value: unknown, walk: Walk, typeCheck: (type: string) => Check | undefined): void => {
  if (!isJson(value)) {
    report(walk, 'structure', `expected a resource, found ${kindOf(value)}`)
    return
  }
  const { resourceType } = value
  const check = isResourceType(resourceType) ? typeCheck(resourceType) : undefined
  if (check === undefined) {
    const found =
      resourceType === undefined
        ? 'there is none'
        : `found ${typeof resourceType === 'string' ? resourceType : kindOf(resourceType)}`
    report(walk, 'structure', `resourceType must be a resource type of R4; ${found}`, 'resourceType')
    return
  }
  if (walk.path.length === 0) walk.path.push(resourceType as string)
  within(value, walk, check)
}

/** A contained resource shares the root of its container; any other is a root of its own. */
const within = (value: Json, walk: Walk, check: Check): void => {
  const { root, resource, fragments, elementIds } = walk
  const isContained = walk.path.at(-2) === 'contained'
  walk.resource = value
  walk.elementIds = undefined
  if (isContained) check(value, walk)
  else {
    walk.root = value
    walk.fragments = []
    check(value, walk)
    if (value.contained !== undefined || walk.fragments.length > 0) checkContained(value, walk)
    walk.fragments = fragments
  }
  walk.root = root
  walk.resource = resource
  walk.elementIds = elementIds
}
