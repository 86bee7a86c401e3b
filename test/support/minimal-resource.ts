import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { contentOf, type Element } from '../../src/fhir/definition/structure.ts'
import type { Registry } from '../../src/fhir/registry.ts'

/** The smallest valid resource of the type: only what its definition and its invariants require. */
export const minimalResource = (registry: Registry, type: ResourceType): Resource => {
  const structure = registry.structures.get(type)
  if (structure === undefined) throw new Error(`${type} is not defined`)
  return { resourceType: type, ...required(registry, structure.root), ...besides[type] } as Resource
}

const required = (registry: Registry, element: Element): Record<string, unknown> => {
  const children = [...element.children.values(), ...(contentOf(registry.structures, element)?.children.values() ?? [])]
  return Object.fromEntries(
    children
      .filter(({ min }) => min > 0)
      .map(child => {
        const [type] = child.types
        const code = type?.code ?? ''
        const name = child.isChoice ? `${child.name}${code.charAt(0).toUpperCase()}${code.slice(1)}` : child.name
        const value = sampleOf(registry, child, code)
        return [name, child.repeats ? [value] : value]
      }),
  )
}

/** A value that the element may have. */
export const sampleOf = (registry: Registry, element: Element, code: string): unknown => {
  if (element.children.size > 0 || element.content !== undefined) return required(registry, element)
  const coded = samplesOfCodes[code]
  if (coded !== undefined) return coded(firstCode(registry, element))
  if (code === 'Reference') return { reference: `${element.types[0]?.targets[0] ?? 'Patient'}/none` }
  const datatype = registry.structures.get(code)
  return samples[code] ?? (datatype === undefined ? 'x' : required(registry, datatype.root))
}

type SampleCoding = { readonly system: string; readonly code: string }

const firstCode = (registry: Registry, { requiredValueSet = '' }: Element): SampleCoding => {
  const [first] = registry.valueSets.get(requiredValueSet) ?? []
  const [system = 'http://x.example', codes = ['x']] = first ?? []
  const [code = 'x'] = codes
  return { system, code }
}

const samplesOfCodes: Readonly<Record<string, (coding: SampleCoding) => unknown>> = {
  code: ({ code }) => code,
  Coding: coding => coding,
  CodeableConcept: coding => ({ coding: [coding] }),
}

const samples: Readonly<Record<string, unknown>> = {
  string: 'x',
  markdown: 'x',
  id: 'x',
  uri: 'http://x.example',
  url: 'http://x.example',
  canonical: 'http://x.example',
  boolean: true,
  integer: 1,
  positiveInt: 1,
  unsignedInt: 1,
  decimal: 1,
  date: '2026-01-01',
  dateTime: '2026-01-01',
  instant: '2026-01-01T00:00:00Z',
  base64Binary: 'eA==',
  Quantity: { value: 1 },
  Period: { start: '2026-01-01' },
  Identifier: { value: 'x' },
  HumanName: { text: 'x' },
  Address: { text: 'x' },
  Money: { value: 1, currency: 'EUR' },
}

/** What invariants, and rules of this server, require beyond the elements. */
const besides: Readonly<Partial<Record<ResourceType, object>>> = {
  AllergyIntolerance: {
    clinicalStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical', code: 'active' }],
    },
  },
  Appointment: { participant: [{ status: 'accepted', actor: { reference: 'Patient/none' } }] },
  AppointmentResponse: { actor: { reference: 'Patient/none' } },
  Bundle: { type: 'collection' },
  CapabilityStatement: { kind: 'requirements', description: 'x', rest: [{ mode: 'server' }] },
  Consent: { policy: [{ uri: 'http://x.example' }] },
  DocumentReference: { content: [{ attachment: { title: 'x' } }] },
  EventDefinition: { trigger: [{ type: 'named-event', name: 'x' }] },
  ImmunizationRecommendation: {
    recommendation: [{ forecastStatus: { text: 'x' }, targetDisease: { text: 'x' } }],
  },
  InsurancePlan: { name: 'x' },
  Linkage: {
    item: [
      { type: 'source', resource: { reference: 'Patient/none' } },
      { type: 'alternate', resource: { reference: 'Patient/other' } },
    ],
  },
  Media: { content: { title: 'x' } },
  Organization: { name: 'x' },
  PaymentNotice: { amount: { value: 1 } },
  PaymentReconciliation: { paymentAmount: { value: 1 } },
  // A patient has only one place in a study that is not over.
  ResearchSubject: { status: 'withdrawn' },
  StructureDefinition: {
    kind: 'resource',
    type: 'Patient',
    differential: { element: [{ path: 'Patient', id: 'Patient' }] },
  },
  // One that is to be told of something names a search and an address that are allowed.
  Subscription: { status: 'off' },
  TerminologyCapabilities: { kind: 'requirements', description: 'x' },
}
