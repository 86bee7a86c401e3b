import type { Issue } from '../error.ts'
import { fhirpathInvariant, isFhirpath } from '../validate/invariants-fhirpath.ts'
import { isJson, type Json, type Walk } from '../validate/walk.ts'
import { equals, fits, type Instance, instancesAt, isType } from './instance.ts'
import { brokenLimit } from './limits.ts'
import type { Node, Profile, ProfileConstraint } from './profile.ts'
import { fixedOf, isInSlice, type Known, patternOf, untold } from './slicing.ts'

/** What in a resource does not obey a profile. Whether it is valid R4 is not checked again. https://hl7.org/fhir/R4/profiling.html */
export const checkProfile = (profile: Profile, resource: Json, known: Known): readonly Issue[] => {
  const issues: Issue[] = []
  const report: Checking['report'] = (issue, severity = 'error') => issues.push({ ...issue, severity })
  const checking: Checking = { profile, resource, known, report, depth: 0 }
  if (resource.resourceType === profile.type)
    checkInside(profile.root, { value: resource, path: profile.type }, checking)
  else report({ code: 'invalid', message: `${profile.url} is for ${profile.type}`, expression: 'resourceType' })
  return issues
}

type Checking = {
  readonly profile: Profile
  readonly resource: Json
  readonly known: Known
  readonly report: (issue: Omit<Issue, 'severity'>, severity?: 'error' | 'warning') => void
  /** In how many other profiles this one is nested. */
  readonly depth: number
}

/** At some depth, extensions of extensions are not checked any more. */
const deepest = 10

const checkInside = (node: Node, instance: Instance, checking: Checking): void => {
  if (instance.value !== undefined) checkRules(node, instance, checking)
  for (const child of node.children.values()) {
    const found = instancesAt(child, instance)
    checkCount(child, found.length, `${instance.path}.${shown(child)}`, checking)
    for (const one of found) checkOne(child, one, checking)
    if (child.slices.size > 0) checkSlices(child, found, instance, checking)
  }
}

const shown = ({ name, isChoice }: Node): string => (isChoice ? `${name}[x]` : name)

const checkCount = (
  { definition: { min = 0, max = '*' } }: Node,
  count: number,
  what: string,
  checking: Checking,
): void => {
  const { profile, report } = checking
  const expression = what.replace(/:.*/s, '').replace(/\[x\]$/, '')
  if (count < min)
    report({ code: 'required', message: `${profile.url} needs ${min} of ${what}, found ${count}`, expression })
  if (max !== '*' && count > Number(max))
    report({ code: 'structure', message: `${profile.url} allows ${max} of ${what}, found ${count}`, expression })
}

const checkOne = (node: Node, instance: Instance, checking: Checking): void => {
  const { definition } = node
  const { report, profile } = checking
  const { value, path: expression } = instance
  const fixed = fixedOf(definition)
  if (fixed !== undefined && !equals(fixed, value))
    report({ code: 'value', message: `${profile.url} fixes it to ${JSON.stringify(fixed)}`, expression })
  const pattern = patternOf(definition)
  if (pattern !== undefined && !fits(pattern, value))
    report({ code: 'value', message: `${profile.url} asks that it have ${JSON.stringify(pattern)}`, expression })
  const broken = brokenLimit(definition, value)
  if (broken !== undefined) report({ code: 'value', message: `${profile.url} ${broken}`, expression })
  checkType(node, instance, checking)
  checkBinding(node, instance, checking)
  checkInside(node, instance, checking)
}

const checkBinding = ({ definition }: Node, { value, path: expression }: Instance, checking: Checking): void => {
  const { report, profile, known } = checking
  const { strength = '', valueSet = '' } = definition.binding ?? {}
  const severity = value === undefined ? undefined : bindingSeverity[strength]
  if (severity !== undefined && known.holds(valueSet, value) === false)
    report(
      { code: 'code-invalid', message: `${profile.url} takes codes of ${valueSet} (${strength})`, expression },
      severity,
    )
}

const bindingSeverity: Readonly<Record<string, 'error' | 'warning'>> = { required: 'error', extensible: 'warning' }

const checkType = ({ definition: { type = [] } }: Node, instance: Instance, checking: Checking): void => {
  const { profile, report } = checking
  const { value, path: expression, type: found } = instance
  if (type.length > 0 && found !== undefined && !type.some(({ code }) => isType(code, found))) {
    const codes = type.map(({ code }) => code).join(', ')
    report({ code: 'structure', message: `${profile.url} takes the types ${codes} here, not ${found}`, expression })
  }
  const targets = type.flatMap(({ targetProfile = [] }) =>
    targetProfile.map(url => url.slice(url.lastIndexOf('/') + 1)),
  )
  const target =
    isJson(value) && typeof value.reference === 'string' ? /^([A-Z]\w+)\//.exec(value.reference)?.[1] : undefined
  // If a target is named by a profile, its type is only known once the profile is read, so it is not checked.
  const areTypes = targets.every(name => /^[A-Z][A-Za-z]+$/.test(name)) && !targets.includes('Resource')
  if (target !== undefined && targets.length > 0 && areTypes && !targets.includes(target))
    report({ code: 'value', message: `${profile.url} takes references to ${targets.join(', ')}`, expression })
  checkTypeProfiles(
    type.flatMap(({ profile: urls = [] }) => urls),
    instance,
    checking,
  )
}

/** The value must obey one of the profiles that the element's type names. If some are not known here, that is reported. */
const checkTypeProfiles = (urls: readonly string[], instance: Instance, checking: Checking): void => {
  const { known, report, depth } = checking
  const profiles = urls.flatMap(url => known.profile(url) ?? [])
  if (urls.length === 0 || depth >= deepest || profiles.length < urls.length) return
  const found = profiles.map(profile => {
    const issues: Parameters<Checking['report']>[] = []
    checkInside(profile.root, instance, { ...checking, profile, depth: depth + 1, report: (...of) => issues.push(of) })
    return issues
  })
  const isBroken = (issues: Parameters<Checking['report']>[]) => issues.some(([, severity]) => severity !== 'warning')
  const best = found.find(issues => !isBroken(issues)) ?? found[0]
  for (const issue of best ?? []) report(...issue)
}

const checkSlices = (element: Node, found: readonly Instance[], parent: Instance, checking: Checking): void => {
  const matched = new Set<Instance>()
  let isUnchecked = false
  const what = `${parent.path}.${shown(element)}`
  for (const [name, slice] of element.slices) {
    const by = found.length === 0 ? undefined : untold(element, slice, checking.known)
    if (by !== undefined) {
      const message = `${checking.profile.url} tells ${what}:${name} from others by ${by.type} of ${by.path}, which cannot be decided here, so this slice was not checked`
      checking.report({ code: 'not-supported', message, expression: what.replace(/\[x\]$/, '') }, 'warning')
      isUnchecked = true
      continue
    }
    const inSlice = found.filter(one => isInSlice(element, slice, one, checking.known))
    checkCount(slice, inSlice.length, `${what}:${name}`, checking)
    for (const one of inSlice) {
      matched.add(one)
      checkOne(slice, one, checking)
    }
  }
  if (isUnchecked || element.definition.slicing?.rules !== 'closed') return
  for (const { path: expression } of found.filter(one => !matched.has(one)))
    checking.report({
      code: 'structure',
      message: `${checking.profile.url} allows only its own slices here`,
      expression,
    })
}

/** Checks the rules that the profile adds. */
const checkRules = ({ definition, name }: Node, { value, path, type }: Instance, checking: Checking): void => {
  const { profile, report, resource, known } = checking
  const walk: Walk = { issues: [], path: [], root: resource, resource, isTooDeep: false, fragments: [] }
  for (const constraint of definition.constraint ?? []) {
    if (known.isOfType(constraint)) continue
    const base = path === profile.type ? profile.type : (typeIn(definition, type) ?? (definition.path || name))
    const broken = brokenRule(constraint, ruleOf(constraint, base), { value, walk })
    if (broken === undefined) continue
    const { message, severity } = broken
    report({ code: 'invariant', message: `${profile.url} ${constraint.key}: ${message}`, expression: path }, severity)
  }
}

type Broken = { readonly message: string; readonly severity: 'error' | 'warning' }

const brokenRule = (
  { human, severity }: ProfileConstraint,
  rule: Rule | undefined,
  { value, walk }: { readonly value: unknown; readonly walk: Walk },
): Broken | undefined => {
  if (rule === undefined)
    return { message: 'its expression cannot be read as FHIRPath, so it was not checked', severity: 'warning' }
  return rule(value, walk) ? undefined : { message: human, severity: severity === 'warning' ? 'warning' : 'error' }
}

/** The type of a choice as the definition spells it, which is what rules ask for. */
const typeIn = ({ type = [] }: Node['definition'], found: string | undefined): string | undefined =>
  found === undefined ? undefined : type.find(({ code }) => isType(code, found))?.code

type Rule = ReturnType<typeof fhirpathInvariant>

/** Compiled once: the definitions stay the same objects, while the tree is made anew for each resource. Undefined if there is nothing to compile. */
const ruleOf = (constraint: ProfileConstraint, base: string): Rule | undefined => {
  const byBase = rules.get(constraint) ?? new Map<string, Rule | undefined>()
  rules.set(constraint, byBase)
  if (!byBase.has(base))
    byBase.set(base, isFhirpath(constraint.expression) ? fhirpathInvariant(constraint, base) : undefined)
  return byBase.get(base)
}
const rules = new WeakMap<ProfileConstraint, Map<string, Rule | undefined>>()
