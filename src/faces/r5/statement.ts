import r5 from '../../../capability/r5.json' with { type: 'json' }
import server from '../../../capability/server.json' with { type: 'json' }
import type { SmartServed } from '../../capability/smart-configuration.ts'
import { oauthUris } from '../../capability/statement.ts'
import type { Registry } from '../../fhir/registry.ts'
import { r5Interactions, served } from './interactions.ts'

type Stated = {
  readonly registry: Registry
  readonly version: string
  readonly base: string
  readonly date: string
  readonly smart: SmartServed
}

/** https://hl7.org/fhir/R5/capabilitystatement.html, made from the table of interactions that are served. */
export const toR5Statement = ({ registry, version, base, date, smart }: Stated) => ({
  resourceType: 'CapabilityStatement',
  name: server.name,
  title: r5.title,
  status: 'active',
  date,
  publisher: server.publisher,
  description: r5.description,
  kind: 'instance',
  software: { name: server.name, version },
  implementation: { description: r5.title, url: base },
  fhirVersion: '5.0.0',
  format: ['json', 'application/fhir+json'],
  rest: [
    {
      mode: 'server',
      documentation: r5.documentation,
      security: {
        extension: [oauthUris(smart)],
        cors: true,
        service: [{ coding: [smartOnFhir] }],
        description: server.security,
      },
      resource: [...served].map(([type, names]) => ({
        type,
        ...(type === 'Observation' ? { documentation: r5.observation } : {}),
        interaction: names.map(code => ({ code })),
        versioning: 'versioned',
        searchParam: registry.searchParametersOf(type).map(({ code, type }) => ({ name: code, type })),
      })),
      interaction: r5Interactions
        .filter(({ path, method }) => path === '' && method === 'POST')
        .map(({ name }) => ({ code: name })),
    },
  ],
})

const smartOnFhir = {
  system: 'http://terminology.hl7.org/CodeSystem/restful-security-service',
  code: 'SMART-on-FHIR',
}
