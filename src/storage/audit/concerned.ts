import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { isInCompartments } from '../../access/patient-compartment.ts'
import { parseJson } from '../../fhir/json.ts'
import { parseReference } from '../../fhir/reference.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { OfKinds } from '../figures/figures.ts'
import { subjectsOf } from '../prepare/subject.ts'
import { type KindsOf, kindsOfEach, referenceTo } from './kinds-of-each.ts'
import type { AuditAccess } from './record.ts'

/** A resource that was answered or written. A deletion has no content. */
export type Found = {
  readonly type: ResourceType
  readonly content?: string
  readonly patientId: number
  readonly kindId?: number | undefined
}

type Concerned = Pick<AuditAccess, 'type' | 'patients' | 'subjects' | 'kinds' | 'kindsOf'>

/** `subjects`: ids of further Patients whom it is about. */
type Asked = { readonly type?: ResourceType | undefined; readonly subjects?: readonly string[] | undefined }

/** Whom it is about, and which types and kinds it has. The type that was asked for comes first. */
export const concernedBy = (registry: Registry, asked: Asked, ...pages: readonly (readonly Found[])[]): Concerned => {
  const gathered: Gathered = {
    types: new Set(asked.type === undefined ? [] : [asked.type]),
    patients: new Set(),
    kinds: new Set(),
    subjects: new Set(),
  }
  for (const page of pages) for (const one of page) gather(registry, gathered, one)
  for (const id of asked.subjects ?? []) gathered.subjects.add(id)
  const { types, patients, kinds, subjects } = gathered
  const kindsOf = kindsOfFound(registry, gathered, pages)
  return {
    ...(types.size === 0 ? {} : { type: [...types].join(' ') }),
    patients,
    ...(subjects.size === 0 ? {} : { subjects: [...subjects] }),
    kinds,
    ...(kindsOf && { kindsOf }),
  }
}

/** The same for an answer that has only data of the subjects: if it shows a patient, and only one was asked for, it is that one. */
export const concernedAmong = (
  registry: Registry,
  { type, subjects = [] }: Asked,
  found: readonly Found[],
): Concerned => {
  const isShown = subjects.length === 1 && found.some(({ patientId }) => patientId !== 0)
  return concernedBy(registry, { type, ...(isShown || subjects.length === 0 ? {} : { subjects }) }, found)
}

/** If all Observations are of one kind, it does not matter whose they are. */
const kindsOfFound = (
  registry: Registry,
  { types, patients, kinds, subjects }: Gathered,
  pages: readonly (readonly Found[])[],
): KindsOf | undefined => {
  if (types.size === 1 && kinds.size === 1 && subjects.size === 0) return undefined
  return kindsOfEach({ patients, subjects: [...subjects], kinds }, name => {
    for (const one of pages.flat())
      if (one.kindId !== undefined) for (const patient of whoseIs(registry, one)) name(patient, one.kindId)
  })
}

const whoseIs = (registry: Registry, found: Found): readonly (number | string)[] =>
  found.patientId === 0 ? severalOf(registry, found).map(referenceTo) : [found.patientId]

type Gathered = {
  readonly types: Set<string>
  readonly patients: Set<number>
  readonly kinds: Set<number>
  readonly subjects: Set<string>
}

const gather = (registry: Registry, { types, patients, kinds, subjects }: Gathered, found: Found): void => {
  types.add(found.type)
  if (found.kindId !== undefined) kinds.add(found.kindId)
  if (found.patientId !== 0) patients.add(found.patientId)
  else for (const id of severalOf(registry, found)) subjects.add(id)
}

/** A few resources are about several patients; their content says which. A Group is about its members. */
const severalOf = (registry: Registry, { type, content }: Found): readonly string[] => {
  if (content === undefined || !(isInCompartments(type) || type === 'Group')) return []
  const resource = parseJson(content) as Resource
  return resource.resourceType === 'Group' ? membersOf(resource) : subjectsOf(registry, resource)
}

const membersOf = ({ member = [] }: Extract<Resource, { resourceType: 'Group' }>): readonly string[] =>
  member.flatMap(({ entity: { reference = '' } }) => {
    const parsed = parseReference(reference)
    return parsed !== undefined && 'type' in parsed && parsed.type === 'Patient' ? [parsed.id] : []
  })

/** The kinds of figures. Whose they are is known already. */
export const measured = (answer: OfKinds | readonly OfKinds[]): readonly Found[] =>
  [answer].flat().flatMap(({ kinds }) => kinds.map(kindId => ({ type: 'Observation', patientId: 0, kindId })))
