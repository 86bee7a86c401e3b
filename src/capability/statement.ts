import type {
  CapabilityStatement,
  Extension,
  ResourceType,
  CapabilityStatementRestResource as RestResource,
} from '@medplum/fhirtypes'
import server from '../../capability/server.json' with { type: 'json' }
import unsupportedParameters from '../../capability/unsupported-parameters.json' with { type: 'json' }
import { consentProfile, extensions, studyProfile, systems } from '../fhir/canonical.ts'
import { compartments } from '../fhir/definition/compartment.ts'
import { cgmDefinitions, cgmReceiver } from '../fhir/measured/cgm.ts'
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import { backportServer, backportUrls, observationsTopic } from '../fhir/subscription.ts'
import type { Interaction } from '../interactions/interaction.ts'
import { isReadOnCondition } from '../interactions/version.ts'
import { claimedProfiles } from '../mhealth/profile-claim.ts'
import type { Operation } from '../operations/operation.ts'
import { websocketUrl } from '../operations/subscription-status.ts'
import { possibleIncludes, possibleReverseIncludes } from '../search/include.ts'
import { universalParameters } from '../search/universal-parameter.ts'
import { type SmartServed, toSmartConfiguration } from './smart-configuration.ts'

export type Served = {
  readonly registry: Registry
  readonly interactions: readonly Interaction[]
  readonly operations: readonly Operation[]
  readonly codeClasses: CodeClasses
  /** Names and MIME types that may be asked for. */
  readonly formats: readonly string[]
  readonly version: string
  /** Whether a resource may only be written if everything that it refers to exists here. */
  readonly requiresReferences?: boolean | undefined
}

/** How a resource may be sent. Lines are answered only. */
export const sentFormats = ['application/fhir+json', 'application/fhir+xml'] as const

/** https://hl7.org/fhir/R4/capabilitystatement.html, made from the tables that answer requests, so that it cannot say anything else. */
export const toCapabilityStatement = (
  { registry, interactions, operations, codeClasses, formats, version, requiresReferences }: Served,
  { base, date, smart }: Addressed,
): CapabilityStatement => ({
  resourceType: 'CapabilityStatement',
  name: server.name,
  title: server.title,
  status: 'active',
  date,
  publisher: server.publisher,
  description: server.description,
  kind: 'instance',
  instantiates: [cgmReceiver, backportServer],
  software: { name: server.name, version },
  implementation: { description: server.title, url: base },
  fhirVersion: '4.0.1',
  format: [...formats],
  patchFormat: ['application/json-patch+json', ...sentFormats],
  rest: [
    {
      extension: [{ url: websocketExtension, valueUri: websocketUrl(base) }],
      mode: 'server',
      documentation: documentationOf(interactions, operations),
      security: {
        extension: [oauthUris(smart)],
        cors: true,
        service: [{ coding: [smartOnFhir] }],
        description: server.security,
      },
      resource: registry.resourceTypes.map(type =>
        resourceOf(type, { registry, interactions, operations, codeClasses, requiresReferences }),
      ),
      searchParam: universalParameters.map(parameter => ({ ...parameter })),
      interaction: codesOf(interactions.flatMap(one => (isOfSystem(one) ? [one.name] : []))),
      compartment: compartments.map(
        one => `http://hl7.org/fhir/CompartmentDefinition/${one[0]?.toLowerCase()}${one.slice(1)}`,
      ),
      ...operationsOf(operations.filter(({ at }) => at.system !== undefined)),
    },
  ],
})

type Addressed = { readonly base: string; readonly date: string; readonly smart: SmartServed }

/** For clients that are older than the smart-configuration: http://hl7.org/fhir/smart-app-launch/1.0.0/conformance */
export const oauthUris = (served: SmartServed): Extension => {
  const smart: Readonly<Record<string, unknown>> = toSmartConfiguration(served)
  return {
    url: 'http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris',
    extension: Object.entries(endpoints).flatMap(([url, endpoint]) => {
      const valueUri = smart[endpoint]
      return typeof valueUri === 'string' ? [{ url, valueUri }] : []
    }),
  }
}

const endpoints = {
  authorize: 'authorization_endpoint',
  token: 'token_endpoint',
  register: 'registration_endpoint',
  manage: 'management_endpoint',
  introspect: 'introspection_endpoint',
  revoke: 'revocation_endpoint',
}

const websocketExtension = 'http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket'

const smartOnFhir = {
  system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
  code: 'SMART-on-FHIR',
}

const resourceOf = (
  type: ResourceType,
  { registry, interactions, operations, codeClasses, requiresReferences }: Omit<Served, 'formats' | 'version'>,
): RestResource => ({
  ...(type === 'Observation' ? supportedData(codeClasses) : {}),
  ...(type === 'Subscription' ? topics : {}),
  ...(type === 'Binary' ? { documentation: server.binary } : {}),
  ...(type === 'Consent' ? { supportedProfile: [consentProfile] } : {}),
  ...(type === 'ResearchStudy' ? { supportedProfile: [studyProfile] } : {}),
  type,
  interaction: codesOf(interactions.flatMap(one => (isOfSystem(one) || one.name === 'operation' ? [] : [one.name]))),
  versioning: 'versioned',
  readHistory: interactions.some(({ name }) => name === 'vread'),
  // PUT to an id that does not exist answers 404, except for imports.
  updateCreate: false,
  conditionalCreate: true,
  conditionalRead: isReadOnCondition(type) ? 'full-support' : 'not-supported',
  conditionalUpdate: isConditional('update', interactions),
  conditionalDelete: isConditional('delete', interactions) ? 'multiple' : 'not-supported',
  referencePolicy: ['literal', 'logical', ...(requiresReferences ? (['enforced'] as const) : [])],
  searchInclude: [...possibleIncludes(registry, type)],
  searchRevInclude: [...possibleReverseIncludes(registry, type)],
  searchParam: registry.searchParametersOf(type).map(({ code, url, type }) => ({ name: code, definition: url, type })),
  ...operationsOf(operations.filter(one => isCalledOn(one, type))),
})

/** https://hl7.org/fhir/uv/subscriptions-backport/components.html: how topics are found in R4. */
const topics: Pick<RestResource, 'extension' | 'supportedProfile'> = {
  extension: [{ url: backportUrls.topicCanonical, valueCanonical: observationsTopic }],
  supportedProfile: [backportUrls.subscription],
}

const isCalledOn = ({ at, types }: Operation, type: ResourceType): boolean =>
  (at.type !== undefined || at.instance !== undefined) && (types === 'all' || types.includes(type))

const operationsOf = (operations: readonly Operation[]): Pick<RestResource, 'operation'> =>
  operations.length === 0 ? {} : { operation: operations.map(({ name, definition }) => ({ name, definition })) }

const isConditional = (name: Interaction['name'], interactions: readonly Interaction[]): boolean =>
  interactions.some(one => one.name === name && one.decide !== undefined)

type OfSystem = Extract<Interaction, { name: 'batch' | 'transaction' | 'search-system' | 'history-system' }>

const isOfSystem = (interaction: Interaction): interaction is OfSystem => systemNames.has(interaction.name)

const systemNames: ReadonlySet<Interaction['name']> = new Set<OfSystem['name']>([
  'batch',
  'transaction',
  'search-system',
  'history-system',
])

/** Each once, since a search is one interaction by either method. */
const codesOf = <Code extends string>(names: readonly Code[]) => [...new Set(names)].map(code => ({ code }))

/** Said once for all types, instead of once in each. */
const documentationOf = (interactions: readonly Interaction[], operations: readonly Operation[]): string =>
  [
    server.documentation,
    ...interactions.map(one => `* ${one.method} [base]/${one.path}: ${one.documentation}`),
    ...operations.map(one => `* $${one.name} (${Object.keys(one.at).join(', ')}): ${one.documentation}`),
    ...unsupportedParameters.map(({ code, reason }) => `* The search parameter ${code} is not supported: ${reason}`),
  ].join('\n')

/** The kinds of data, with the codes by which they are searched and consented to, and the profiles that resources made here obey. */
const supportedData = (
  codeClasses: CodeClasses,
): Pick<RestResource, 'extension' | 'supportedProfile' | 'documentation'> => ({
  extension: codeClasses.kinds().map(({ key, display }) => ({
    url: extensions.supportedData,
    valueCoding: { system: key.startsWith('ieee:') ? systems.ieee : systems.omh, code: key, display },
  })),
  supportedProfile: [...new Set([...claimedProfiles, ...cgmDefinitions.map(({ url }) => url)])],
  documentation: server.observation,
})
