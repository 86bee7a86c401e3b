import type { Consent, ConsentProvision, Extension, Observation, Resource, ResourceType } from '@medplum/fhirtypes'
import type { Caller, ClientPolicy } from '../../../src/access/caller.ts'
import { accessOf } from '../../../src/access/rules.ts'
import { parseScopes } from '../../../src/access/scope.ts'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { digestOf } from '../../../src/fhir/attachment-digest.ts'
import { canonicalBase, extensions, standardExtensions, systems } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../../src/search/parse.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { reindex } from '../../../src/storage/installation/reindex.ts'
import { openStores } from '../../../src/storage/open-stores.ts'
import type { Store } from '../../../src/storage/store.ts'
import { withDatabase } from '../../support/database.ts'
import { wholeTextData } from '../../support/patient-text.ts'

const registry = loadRegistry()

/** A database with the real store, as any caller sees it. */
export const openWorld = async ({ poolSize = 4 } = {}) => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url, { poolSize })
  const dictionary = openDatabase(url, { poolSize: 1 })
  const stores = await openStores({ database, dictionaryConnection: dictionary, registry, classes: openCodeClasses() })
  const storeOf = (caller: Caller): Store =>
    stores({
      access: accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query)),
      author: caller.principal,
      organizations: caller.organizations,
      choosesIds: caller.client.policies.has('everything'),
      choosesOwner: caller.administrator || caller.client.policies.has('everything'),
    })
  const importer = storeOf(client('importer', { policies: ['everything'] }))
  const put = async (...resources: readonly Resource[]) => {
    for (const resource of resources) {
      const [written] = await importer.write([{ kind: 'update', id: resource.id ?? '', resource }])
      if (written?.outcome === 'refused') throw written.error
    }
  }
  const see = async (store: Store, type: ResourceType, query = ''): Promise<readonly string[]> => {
    const { entries } = await store.search(parseSearch(registry, type, new URLSearchParams(query)))
    return entries.map(({ id }) => id).sort()
  }
  /** Everything that is stored beside the resources. */
  const deriveAnew = async () => {
    const [own, ofDictionary] = [openDatabase(url), openDatabase(url, { poolSize: 1 })]
    await reindex({ database: own, dictionaryConnection: ofDictionary, registry, classes: openCodeClasses() })
    await Promise.all([own.close(), ofDictionary.close()])
  }
  const closeAll = async () => {
    await database.close()
    await dictionary.close()
    await close()
  }
  return { url, database, storeOf, importer, put, see, deriveAnew, close: closeAll }
}

const noPolicies = { policies: new Set<ClientPolicy>() }

export const staff = (practitioner: string, scope = 'user/*.cruds', study?: string): Caller => ({
  principal: { kind: 'person', id: `person-${practitioner}` },
  person: { id: `person-${practitioner}` },
  client: { id: 'app', ...noPolicies },
  practitioner,
  administrator: false,
  organizations: [],
  scopes: parseScopes(scope),
  ...(study === undefined ? {} : { study }),
})

/** A member of staff who may register for the organization. */
export const registrar = (practitioner: string, organization: string): Caller => ({
  ...staff(practitioner),
  organizations: [organization],
})

export const patient = (id: string, scope = 'patient/*.cruds', policies: readonly ClientPolicy[] = []): Caller => ({
  principal: { kind: 'patient', id },
  client: { id: 'app', policies: new Set(policies) },
  patient: id,
  administrator: false,
  organizations: [],
  scopes: parseScopes(scope),
})

export const client = (
  id: string,
  options: {
    readonly organization?: string
    readonly policies?: readonly ClientPolicy[]
    readonly scope?: string
  } = {},
): Caller => ({
  principal: { kind: 'client', id },
  client: {
    id,
    policies: new Set(options.policies),
    ...(options.organization === undefined ? {} : { organization: options.organization }),
  },
  administrator: false,
  organizations: [],
  scopes: parseScopes(options.scope ?? 'system/*.cruds'),
})

export const administrator: Caller = {
  principal: { kind: 'client', id: 'cli' },
  client: { id: 'cli', ...noPolicies },
  administrator: true,
  organizations: [],
  scopes: parseScopes('user/*.cruds'),
}

export const organization = (id: string, parent?: string): Resource => ({
  resourceType: 'Organization',
  id,
  name: id,
  ...(parent === undefined ? {} : { partOf: { reference: `Organization/${parent}` } }),
})

export const role = (practitioner: string, organization: string, code: string, end?: string): Resource => ({
  resourceType: 'PractitionerRole',
  id: `${practitioner}-${organization}`,
  practitioner: { reference: `Practitioner/${practitioner}` },
  organization: { reference: `Organization/${organization}` },
  code: [{ coding: [{ system: organizationRole, code }] }],
  ...(end === undefined ? {} : { period: { end } }),
})

export const registered = (id: string, organization: string): Resource => ({
  resourceType: 'Patient',
  id,
  managingOrganization: { reference: `Organization/${organization}` },
})

export const kind = (code: string) => ({ coding: [{ system: systems.omh, code }] })

export const requests = (code: string, source?: string): Extension => ({
  url: extensions.requestedData,
  extension: [
    { url: 'kind', valueCodeableConcept: kind(code) },
    ...(source === undefined ? [] : [{ url: 'source', valueReference: { reference: `Device/${source}` } }]),
  ],
})

/** Asks for a type of resources other than Observation. */
export const requestsType = (code: string): Extension => ({
  url: extensions.requestedData,
  extension: [{ url: 'class', valueCoding: ofType(code) }],
})

const ofType = (code: string) => ({ system: 'http://hl7.org/fhir/resource-types', code })

export const works = (practitioner: string, role: string, end?: string): Extension => ({
  url: extensions.staff,
  extension: [
    { url: 'practitioner', valueReference: { reference: `Practitioner/${practitioner}` } },
    {
      url: 'role',
      valueCodeableConcept: { coding: [{ system: `${canonicalBase}/CodeSystem/staff-role`, code: role }] },
    },
    ...(end === undefined ? [] : [{ url: 'period', valuePeriod: { end } }]),
  ],
})

export const chooses = (choice: 'access' | 'identity', valueCode: string): Extension => ({
  url: extensions[choice],
  valueCode,
})

/** A version of what people sign; the words are its key facts. */
export const patientText = (version: string, words: string, withdrawal?: 'hide' | 'keep' | 'erase'): Extension => ({
  url: extensions.patientText,
  extension: [
    { url: 'version', valueString: version },
    { url: 'text', valueAttachment: { contentType: 'text/plain', data: wholeTextData(words) } },
    ...(withdrawal === undefined ? [] : [{ url: 'withdrawal', valueCode: withdrawal }]),
  ],
})

/** As a Consent names it. */
export const sourceOf = (words: string) => ({
  contentType: 'text/plain' as const,
  hash: digestOf('sha1', wholeTextData(words)),
})

export const usualWords = 'We ask you to share your data.'

/** With the usual text, unless the extensions have another. */
export const study = (id: string, sponsor: string, extension: readonly Extension[], status = 'active'): Resource => ({
  resourceType: 'ResearchStudy',
  id,
  status: status as 'active',
  sponsor: { reference: `Organization/${sponsor}` },
  enrollment: [{ reference: `Group/group-${id}` }],
  extension: extension.some(({ url }) => url === extensions.patientText)
    ? [...extension]
    : [...extension, patientText('1', usualWords)],
})

export const groupOf = (study: string, organization: string): Resource => ({
  resourceType: 'Group',
  id: `group-${study}`,
  type: 'person',
  actual: true,
  managingEntity: { reference: `Organization/${organization}` },
})

export const enrols = (study: string, patient: string, status = 'on-study'): Resource => ({
  resourceType: 'ResearchSubject',
  id: `${study}-${patient}`,
  status: status as 'on-study',
  study: { reference: `ResearchStudy/${study}` },
  individual: { reference: `Patient/${patient}` },
})

export const permit = (code: string, more: ConsentProvision = {}): ConsentProvision => ({
  type: 'permit',
  code: [kind(code)],
  ...more,
})

export const permitType = (code: string, more: ConsentProvision = {}): ConsentProvision => ({
  type: 'permit',
  class: [ofType(code)],
  ...more,
})

export const consent = (
  study: string,
  patient: string,
  status: NonNullable<Consent['status']>,
  provision: readonly ConsentProvision[],
): Consent => ({
  resourceType: 'Consent',
  id: `consent-${study}-${patient}`,
  status,
  scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'research' }] },
  category: [{ coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'RESEARCH' }] }],
  patient: { reference: `Patient/${patient}` },
  dateTime: '2026-01-01T00:00:00Z',
  sourceAttachment: sourceOf(usualWords),
  policyRule: { coding: [{ code: 'deny-unless-permitted' }] },
  extension: [
    { url: standardExtensions.consentResearchStudyContext, valueReference: { reference: `ResearchStudy/${study}` } },
  ],
  provision: { type: 'deny', provision: [...provision] },
})

/** Signed after any refusal before it, for data since 2026 as usual. */
export const signedAnew = (consent: Consent): Consent => ({
  ...consent,
  dateTime: new Date().toISOString(),
  provision: { ...consent.provision, dataPeriod: { start: '2026' } },
})

export const measured = (id: string, patient: string, code: string, more: Partial<Observation> = {}): Observation => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: kind(code),
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: '2026-03-01T08:00:00Z',
  ...more,
})
